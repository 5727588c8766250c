"""How far a wing is: the rule that butterflies, condors and spreads share, on a vertical."""

from __future__ import annotations

import math

import pytest

from optarb.domain.contracts import Right
from optarb.structures import Vertical


@pytest.mark.parametrize(("steps", "strikes"), [(1, (2950, 2850)), (2, (3000, 2800))])
def test_wing_when_counted_in_strikes_is_so_many_away(steps, strikes, make_chain, flat_rows, legs):
    call, put = strikes
    chain = make_chain(flat_rows(), price=2900.0)
    assert legs(Vertical(right=Right.CALL, width_strikes=steps, moneyness=1.0), chain)[1] == (-1, "C", call)
    assert legs(Vertical(right=Right.PUT, width_strikes=steps, moneyness=1.0), chain)[1] == (-1, "P", put)


def test_wing_when_too_few_strikes_are_there_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(), price=2900.0)
    assert reason(Vertical(right=Right.CALL, width_strikes=3, moneyness=1.0), chain) == (
        "SPXW 2019-05-31 calls: 2 strikes above 2900, 3 needed"
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "exactly one of width, width_strikes and wing_delta"),
        ({"width": 50, "wing_delta": 0.1}, "exactly one"),
        ({"width_strikes": 0}, "width_strikes"),
        ({"width_strikes": True}, "width_strikes"),
        ({"wing_delta": 0.0}, "wing_delta"),
        ({"wing_delta": -0.1}, "wing_delta"),
        ({"wing_delta": math.nan}, "wing_delta"),
        ({"wing_delta": 1}, "wing_delta"),
    ],
)
def test_wing_when_a_field_is_wrong_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        Vertical(right=Right.CALL, moneyness=1.0, **parameters)
