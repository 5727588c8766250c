from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from optarb.structures import Straddle

EXPIRY = date(2019, 5, 31)


@pytest.mark.parametrize(("credit", "ratio"), [(False, 1), (True, -1)])
def test_straddle_when_chosen_has_put_and_call_of_one_strike(credit, ratio, make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(), price=2910.0)
    assert legs(Straddle(moneyness=1.0, credit=credit), chain) == [(ratio, "P", 2900), (ratio, "C", 2900)]


def test_straddle_when_chosen_by_delta_takes_the_calls(make_chain, vollib_rows, legs):
    rows = vollib_rows("SPXW", EXPIRY, [2850.0, 2900.0, 2950.0], forward=2900.0, volatility=0.15)
    # 2950 is ln(2950 / 2900) / (0.15 sqrt(30 / 365)) = 0.398 deviations up: N(-0.376) = 0.35; the put's is -0.65.
    assert legs(Straddle(delta=0.35), make_chain(rows)) == [(1, "P", 2950), (1, "C", 2950)]


def test_straddle_when_the_strike_has_no_put_finds_nothing(make_chain, flat_rows, reason):
    rows = flat_rows((2800, 3000)) + flat_rows((2900,), rights="C")
    assert reason(Straddle(moneyness=1.0), make_chain(rows, price=2900.0)) == (
        "SPXW 2019-05-31 puts: strike 2900 is not quoted; the nearest is 2800"
    )


def test_straddle_when_the_expiry_has_no_puts_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(rights="C"), price=2900.0)
    assert reason(Straddle(moneyness=1.0), chain) == "SPXW 2019-05-31 puts: none is quoted"


def test_straddle_when_sold_without_a_bid_finds_nothing(make_chain, flat_rows, reason, legs):
    chain = make_chain(flat_rows(rights="C") + flat_rows(rights="P", bid=0.0), price=2900.0)
    assert reason(Straddle(moneyness=1.0, credit=True), chain) == "SPXW190531P02900000 would be sold and has no bid"
    assert len(legs(Straddle(moneyness=1.0), chain)) == 2


def test_straddle_when_printed_reads_well():
    assert str(Straddle(strike=Decimal(2900))) == "long straddle (30 days, strike 2900)"
    assert str(Straddle(delta=0.5, credit=True)) == "short straddle (30 days, delta 0.5)"
