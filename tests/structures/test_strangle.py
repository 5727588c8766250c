from __future__ import annotations

import math
from datetime import date
from decimal import Decimal

import pytest
from vollib.black.greeks.analytical import delta as vollib_delta

from optarb.structures import Strangle

EXPIRY = date(2019, 5, 31)


@pytest.mark.parametrize(("credit", "ratio"), [(False, 1), (True, -1)])
def test_strangle_when_chosen_by_distance_has_a_put_below_and_a_call_above(credit, ratio, make_chain, flat_rows, legs):
    # 2,905 x 0.98 = 2,846.9 and x 1.02 = 2,963.1.
    chain = make_chain(flat_rows(), price=2905.0)
    assert legs(Strangle(distance=0.02, credit=credit), chain) == [(ratio, "P", 2850), (ratio, "C", 2950)]


def test_strangle_when_strikes_tie_takes_the_lower_on_both_sides(make_chain, flat_rows, legs):
    # 2,500 x 0.99 = 2,475 and x 1.01 = 2,525, both halfway.
    chain = make_chain(flat_rows((2450, 2500, 2550)), price=2500.0)
    assert legs(Strangle(distance=0.01), chain) == [(1, "P", 2450), (1, "C", 2500)]


def test_strangle_when_strikes_are_given_takes_them_exactly_or_not_at_all(make_chain, flat_rows, legs, reason):
    chain = make_chain(flat_rows(), price=2900.0)
    assert legs(Strangle(strikes=(Decimal(2800), Decimal(2950))), chain) == [(1, "P", 2800), (1, "C", 2950)]
    assert "strike 2955 is not quoted" in reason(Strangle(strikes=(Decimal(2800), Decimal(2955))), chain)
    assert "strike 2795 is not quoted" in reason(Strangle(strikes=(Decimal(2795), Decimal(2950))), chain)


@pytest.mark.parametrize("target", [0.05, 0.16, 0.3, 0.45])
def test_strangle_when_chosen_by_delta_has_the_nearest_of_both_sides_by_vollib(target, make_chain, vollib_rows, legs):
    strikes = [2600.0 + 10 * i for i in range(61)]
    chain = make_chain(vollib_rows("SPXW", EXPIRY, strikes, forward=2903.7, volatility=0.17, rate=0.02), price=2900.0)

    def nearest(flag):
        deltas = {strike: abs(vollib_delta(flag, 2903.7, strike, 30 / 365, 0.02, 0.17)) for strike in strikes}
        return min(strikes, key=lambda strike: abs(deltas[strike] - target))

    assert legs(Strangle(delta=target, rate=0.02), chain) == [(1, "P", nearest("p")), (1, "C", nearest("c"))]


def test_strangle_when_one_strike_is_nearest_to_both_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows((2900,)), price=2900.0)
    assert reason(Strangle(distance=0.02), chain) == (
        "SPXW190531P02900000 and SPXW190531C02900000: the lower strike is not below the higher one; too few are quoted"
    )


def test_strangle_when_there_is_neither_price_nor_pair_finds_nothing(make_chain, flat_rows, reason):
    rows = flat_rows((2800,), rights="P") + flat_rows((3000,), rights="C")
    assert "neither a price of SPX" in reason(Strangle(distance=0.02), make_chain(rows))


def test_strangle_when_sold_without_a_bid_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(rights="P") + flat_rows(rights="C", bid=0.0), price=2900.0)
    assert reason(Strangle(distance=0.02, credit=True), chain) == "SPXW190531C02950000 would be sold and has no bid"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "exactly one of delta, distance and strikes"),
        ({"delta": 0.2, "distance": 0.05}, "exactly one"),
        ({"delta": 0.5}, "below 0.5"),
        ({"delta": math.nan}, "below 0.5"),
        ({"distance": 0.0}, "distance"),
        ({"distance": 1}, "distance"),
        ({"strikes": (Decimal(3000), Decimal(2900))}, "lower first"),
        ({"strikes": (2800, 2900)}, "Decimals"),
        ({"strikes": (Decimal(2800),)}, "two"),
        ({"distance": 0.05, "dte": 0}, "dte"),
        ({"distance": 0.05, "rate": math.inf}, "rate"),
    ],
)
def test_strangle_when_a_field_is_wrong_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        Strangle(**parameters)


def test_strangle_when_printed_reads_well():
    assert str(Strangle(delta=0.16)) == "long strangle (30 days, delta 0.16)"
    assert str(Strangle(distance=0.05, dte=45, credit=True)) == "short strangle (45 days, distance 0.05)"
    assert str(Strangle(strikes=(Decimal(2800), Decimal(3000)))) == "long strangle (30 days, strikes 2800 and 3000)"
