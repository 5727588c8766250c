from __future__ import annotations

import pytest

from optarb.domain.contracts import Right
from optarb.structures import Butterfly


@pytest.mark.parametrize("right", Right)
def test_butterfly_when_bought_sells_two_in_the_middle(right, make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(), price=2905.0)
    found = legs(Butterfly(right=right, moneyness=1.0, width=50), chain)
    assert found == [(1, right, 2850), (1, right, 2950), (-2, right, 2900)]


def test_butterfly_when_sold_buys_two_in_the_middle(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(), price=2905.0)
    found = legs(Butterfly(right=Right.PUT, moneyness=1.0, width_strikes=2, credit=True), chain)
    assert found == [(2, "P", 2900), (-1, "P", 2800), (-1, "P", 3000)]


def test_butterfly_when_strikes_are_uneven_takes_each_wing_for_itself(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows((2850, 2890, 2900, 2925)), price=2900.0)
    found = legs(Butterfly(right=Right.CALL, moneyness=1.0, width=20), chain)
    assert found == [(1, "C", 2890), (1, "C", 2925), (-2, "C", 2900)]


@pytest.mark.parametrize(("price", "words"), [(3000.0, "0 strikes above 3000, 1 needed"), (2800.0, "0 strikes below 2800")])
def test_butterfly_when_a_wing_has_no_strike_finds_nothing(price, words, make_chain, flat_rows, reason):
    assert words in reason(Butterfly(right=Right.CALL, moneyness=1.0, width=50), make_chain(flat_rows(), price=price))


def test_butterfly_when_what_is_sold_has_no_bid_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(bid=0.0), price=2900.0)
    assert "P02900000 would be sold" in reason(Butterfly(right=Right.PUT, moneyness=1.0, width=50), chain)
    assert "P02850000 would be sold" in reason(Butterfly(right=Right.PUT, moneyness=1.0, width=50, credit=True), chain)


def test_butterfly_when_the_right_is_none_refuses():
    with pytest.raises(ValueError, match="right"):
        Butterfly(right="call", moneyness=1.0, width=50)


def test_butterfly_when_printed_reads_well():
    assert str(Butterfly(right=Right.CALL, moneyness=1.0, width=50)) == "call debit butterfly (30 days, moneyness 1, width 50)"
    sold = Butterfly(right=Right.PUT, delta=0.5, width_strikes=2, credit=True)
    assert str(sold) == "put credit butterfly (30 days, delta 0.5, width 2 strikes)"
