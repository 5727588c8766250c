"""Verticals: which leg is bought, how far away, and what does not fit."""

from __future__ import annotations

import math
from datetime import date

import pytest

from optarb.domain.contracts import Right
from optarb.domain.legs import NoFit
from optarb.structures import Vertical

EXPIRY = date(2019, 5, 31)


def rows(strikes=(2800, 2850, 2900, 2950, 3000), bid=10.0):
    return [("SPXW", EXPIRY, right, strike, bid, bid + 0.2) for right in "CP" for strike in strikes]


def legs_of(structure, chain):
    legs = structure.choose({"SPX": chain}, "SPX")
    assert not isinstance(legs, NoFit), legs
    return [(leg.ratio, leg.contract.right.value, int(leg.contract.strike)) for leg in legs]


@pytest.mark.parametrize(
    ("right", "credit", "expected"),
    [
        (Right.CALL, False, [(1, "C", 2900), (-1, "C", 2950)]),
        (Right.CALL, True, [(1, "C", 2950), (-1, "C", 2900)]),
        (Right.PUT, False, [(1, "P", 2900), (-1, "P", 2850)]),
        (Right.PUT, True, [(1, "P", 2850), (-1, "P", 2900)]),
    ],
)
def test_vertical_when_debit_or_credit_has_the_bought_leg_first(right, credit, expected, make_chain):
    vertical = Vertical(right=right, credit=credit, width=50, dte=30, moneyness=1.0)
    assert legs_of(vertical, make_chain(rows(), price=2905.0)) == expected


def test_vertical_when_the_width_falls_between_strikes_takes_the_nearest_and_of_two_the_lower(make_chain):
    chain = make_chain(rows(), price=2900.0)
    assert legs_of(Vertical(right=Right.CALL, width=80, moneyness=1.0), chain)[1] == (-1, "C", 3000)
    assert legs_of(Vertical(right=Right.CALL, width=75, moneyness=1.0), chain)[1] == (-1, "C", 2950)
    assert legs_of(Vertical(right=Right.PUT, width=75, moneyness=1.0), chain)[1] == (-1, "P", 2800)


def test_vertical_when_the_width_is_small_still_takes_another_strike(make_chain):
    chain = make_chain(rows(), price=2900.0)
    assert legs_of(Vertical(right=Right.CALL, width=5, moneyness=1.0), chain)[1] == (-1, "C", 2950)
    assert legs_of(Vertical(right=Right.PUT, width=5, moneyness=1.0), chain)[1] == (-1, "P", 2850)


def test_vertical_when_nothing_is_further_out_finds_nothing(make_chain):
    chain = make_chain(rows(), price=3000.0)
    answer = Vertical(right=Right.CALL, width=50, moneyness=1.0).choose({"SPX": chain}, "SPX")
    assert isinstance(answer, NoFit)
    assert "3000" in answer.reason


def test_vertical_when_the_leg_to_sell_has_no_bid_finds_nothing(make_chain):
    chain = make_chain(rows(bid=0.0), price=2900.0)
    answer = Vertical(right=Right.PUT, credit=True, width=50, moneyness=1.0).choose({"SPX": chain}, "SPX")
    assert isinstance(answer, NoFit)
    assert "SPXW190531P02900000" in answer.reason
    assert "no bid" in answer.reason


def test_vertical_when_chosen_by_delta_starts_there(make_chain, vollib_rows):
    strikes = [2700.0 + 10 * i for i in range(41)]
    chain = make_chain(vollib_rows("SPXW", EXPIRY, strikes, forward=2900.0, volatility=0.15), price=2900.0)
    # A put of delta 0.30 lies 0.524 standard deviations of 0.15 x sqrt(30 / 365) = 0.0430 below 2900 x 1.0009: 2838.
    assert legs_of(Vertical(right=Right.PUT, credit=True, width=50, dte=30, delta=0.3), chain) == [
        (1, "P", 2790),
        (-1, "P", 2840),
    ]


@pytest.mark.parametrize("width", [0, -5, math.nan, math.inf, True])
def test_vertical_when_the_width_is_no_distance_refuses(width):
    with pytest.raises(ValueError, match="width"):
        Vertical(right=Right.CALL, width=width, moneyness=1.0)


def test_vertical_when_the_right_is_none_refuses():
    with pytest.raises(ValueError, match="right"):
        Vertical(right="call", width=50, moneyness=1.0)


def test_vertical_when_printed_reads_well():
    vertical = Vertical(right=Right.PUT, credit=True, width=50, dte=30, delta=0.3)
    assert str(vertical) == "put credit spread (30 days, delta 0.3, width 50)"
