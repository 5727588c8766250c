from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from vollib.black.greeks.analytical import delta as vollib_delta

from optarb.domain.contracts import Right
from optarb.structures import Calendar

NEAR, FAR, LAST = date(2019, 5, 31), date(2019, 6, 28), date(2019, 7, 31)


@pytest.fixture
def told(legs):
    def told(structure, chain):
        legs(structure, chain)  # refuses a chain that does not fit
        return [(leg.ratio, leg.contract.expiry, float(leg.contract.strike)) for leg in structure.choose({"SPX": chain}, "SPX")]

    return told


@pytest.mark.parametrize("right", Right)
def test_calendar_when_bought_sells_the_nearer_expiry(right, make_chain, flat_rows, told):
    chain = make_chain(flat_rows(expiry=NEAR) + flat_rows(expiry=FAR) + flat_rows(expiry=LAST), price=2905.0)
    assert told(Calendar(right=right, moneyness=1.0), chain) == [(1, FAR, 2900), (-1, NEAR, 2900)]
    assert told(Calendar(right=right, moneyness=1.0, credit=True), chain) == [(1, NEAR, 2900), (-1, FAR, 2900)]
    assert told(Calendar(right=right, moneyness=1.0, far_dte=90), chain) == [(1, LAST, 2900), (-1, NEAR, 2900)]


def test_calendar_when_the_strikes_differ_chooses_among_those_of_both(make_chain, flat_rows, told, reason):
    rows = flat_rows((2880, 2890, 2900, 2910), expiry=NEAR) + flat_rows((2850, 2880, 2925), expiry=FAR)
    chain = make_chain(rows, price=2900.0)
    assert told(Calendar(right=Right.CALL, moneyness=1.0), chain) == [(1, FAR, 2880), (-1, NEAR, 2880)]
    exact = Calendar(right=Right.CALL, strike=Decimal(2900))
    assert reason(exact, chain) == "SPXW 2019-06-28 calls: strike 2900 is not quoted; the nearest is 2880"


def test_calendar_when_chosen_by_delta_takes_the_nearer_contracts(make_chain, vollib_rows, told):
    strikes = [2700.0 + 10 * i for i in range(41)]
    shared = strikes[::5]
    near = vollib_rows("SPXW", NEAR, strikes, forward=2900.0, volatility=0.15)
    far = vollib_rows("SPXW", FAR, shared, forward=2904.0, volatility=0.16)
    expected = min(shared, key=lambda k: abs(vollib_delta("c", 2900.0, k, 30 / 365, 0.0, 0.15) - 0.3))
    found = told(Calendar(right=Right.CALL, delta=0.3), make_chain(near + far))
    assert found == [(1, FAR, expected), (-1, NEAR, expected)]


def test_calendar_when_no_strike_is_in_both_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows((2900,), expiry=NEAR) + flat_rows((2905,), expiry=FAR), price=2900.0)
    assert reason(Calendar(right=Right.CALL, moneyness=1.0), chain) == (
        "SPXW 2019-05-31 calls and SPXW 2019-06-28 calls: no strike is quoted in both"
    )


def test_calendar_when_nothing_expires_later_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(expiry=NEAR), price=2900.0)
    assert reason(Calendar(right=Right.CALL, moneyness=1.0), chain) == "SPXW 2019-05-31 calls: no later expiry is quoted"


def test_calendar_when_what_is_sold_has_no_bid_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(expiry=NEAR, bid=0.0) + flat_rows(expiry=FAR), price=2900.0)
    assert "SPXW190531C02900000 would be sold" in reason(Calendar(right=Right.CALL, moneyness=1.0), chain)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"far_dte": 30}, "more than dte"), ({"far_dte": 60.0}, "far_dte"), ({"right": "call"}, "right"), ({"dte": 0}, "dte")],
)
def test_calendar_when_a_field_is_wrong_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        Calendar(**{"right": Right.CALL, "moneyness": 1.0, **parameters})


def test_calendar_when_printed_reads_well():
    assert str(Calendar(right=Right.CALL, moneyness=1.0)) == "call debit calendar (30 days, moneyness 1, against 60 days)"
    sold = Calendar(right=Right.PUT, dte=7, far_dte=35, delta=0.5, credit=True)
    assert str(sold) == "put credit calendar (7 days, delta 0.5, against 35 days)"
