from __future__ import annotations

import pytest

from optarb.domain.contracts import Right
from optarb.structures import RatioSpread


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ({"right": Right.CALL, "backspread": False}, [(1, "C", 2900), (-2, "C", 2950)]),
        ({"right": Right.CALL, "backspread": True}, [(2, "C", 2950), (-1, "C", 2900)]),
        ({"right": Right.PUT, "backspread": False}, [(1, "P", 2900), (-2, "P", 2850)]),
        ({"right": Right.PUT, "backspread": True}, [(2, "P", 2850), (-1, "P", 2900)]),
    ],
)
def test_ratio_spread_when_chosen_has_more_further_out(way, expected, make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(), price=2905.0)
    assert legs(RatioSpread(**way, moneyness=1.0, width=50), chain) == expected


def test_ratio_spread_when_quantities_are_given_trades_them(make_chain, flat_rows, legs):
    spread = RatioSpread(right=Right.CALL, near_quantity=2, far_quantity=3, moneyness=1.0, width_strikes=2)
    assert legs(spread, make_chain(flat_rows(), price=2900.0)) == [(2, "C", 2900), (-3, "C", 3000)]


def test_ratio_spread_when_nothing_is_further_out_finds_nothing(make_chain, flat_rows, reason):
    spread = RatioSpread(right=Right.PUT, moneyness=1.0, width=50)
    assert "0 strikes below 2800" in reason(spread, make_chain(flat_rows(), price=2800.0))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"near_quantity": 2}, "more than near_quantity"),
        ({"near_quantity": 0}, "near_quantity"),
        ({"far_quantity": 2.0}, "far_quantity"),
        ({"right": "call"}, "right"),
    ],
)
def test_ratio_spread_when_a_field_is_wrong_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        RatioSpread(**{"right": Right.CALL, "moneyness": 1.0, "width": 50, **parameters})


def test_ratio_spread_when_printed_reads_well():
    spread = RatioSpread(right=Right.CALL, moneyness=1.0, width=50)
    assert str(spread) == "call ratio spread 1 to 2 (30 days, moneyness 1, width 50)"
    back = RatioSpread(right=Right.PUT, moneyness=1.0, width=50, far_quantity=3, backspread=True)
    assert str(back) == "put backspread 1 to 3 (30 days, moneyness 1, width 50)"
