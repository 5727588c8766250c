"""Long calls: the rule of choice, spelled out again as plain loops."""

from __future__ import annotations

import math
import pickle
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vollib.black.greeks.analytical import delta as vollib_delta

from optarb.domain.contracts import OptionContract, Right
from optarb.domain.legs import Leg, NoFit, Structure
from optarb.structures import LongCall, LongPut

SESSION = date(2019, 5, 1)


def quotes(*expiries, strikes=(2800, 2900, 3000), root="SPXW", rights="CP"):
    return [(root, expiry, right, strike, 10.0, 10.2) for expiry in expiries for right in rights for strike in strikes]


def days(count):
    return SESSION + timedelta(days=count)


def chosen(structure, chain, underlying="SPX"):
    legs = structure.choose({underlying: chain}, underlying)
    assert not isinstance(legs, NoFit), legs
    (leg,) = legs
    return leg.contract


def test_long_call_when_built_is_a_structure_that_pickles_and_reads_well():
    call = LongCall(dte=30, delta=0.5)
    assert isinstance(call, Structure)
    assert pickle.loads(pickle.dumps(call)) == call
    assert str(call) == "long call (30 days, delta 0.5)"
    assert str(LongPut(dte=7, moneyness=0.95)) == "long put (7 days, moneyness 0.95)"
    assert str(LongCall(strike=Decimal(2900))) == "long call (30 days, strike 2900)"


def test_long_call_when_chosen_by_moneyness_buys_one_call(make_chain):
    legs = LongCall(dte=30, moneyness=1.0).choose({"SPX": make_chain(quotes(days(30)), price=2910.0)}, "SPX")
    assert legs == (
        Leg(
            contract=OptionContract(root="SPXW", expiry=days(30), right=Right.CALL, strike=Decimal(2900)),
            ratio=1,
        ),
    )


@given(data=st.data())
def test_long_call_when_any_chain_is_given_follows_the_rule(data, make_chain):
    offsets = data.draw(st.lists(st.integers(-2, 70), min_size=1, max_size=6, unique=True))
    strikes = data.draw(st.lists(st.integers(2700, 3100), min_size=1, max_size=12, unique=True))
    price = data.draw(st.integers(5300, 6300)) / 2
    legs = LongCall(dte=30, moneyness=1.0).choose(
        {"SPX": make_chain(quotes(*map(days, offsets), strikes=strikes), price=price)}, "SPX"
    )
    usable = sorted(offset for offset in offsets if offset > 0)
    if not usable:
        assert isinstance(legs, NoFit)
        return
    expiry = min(usable, key=lambda offset: abs(offset - 30))  # min keeps the first, so the earlier, of equals
    strike = min(sorted(strikes), key=lambda value: abs(value - price))
    assert legs[0].contract.expiry == days(expiry)
    assert legs[0].contract.strike == strike


def test_long_call_when_expiries_tie_takes_the_earlier(make_chain):
    chain = make_chain(quotes(days(37), days(23)), price=2900.0)
    assert chosen(LongCall(dte=30, moneyness=1.0), chain).expiry == days(23)


def test_long_call_when_strikes_tie_takes_the_lower(make_chain):
    chain = make_chain(quotes(days(30)), price=2950.0)
    assert chosen(LongCall(dte=30, moneyness=1.0), chain).strike == 2900


def test_long_call_when_only_today_expires_finds_nothing(make_chain):
    answer = LongCall(dte=1, moneyness=1.0).choose({"SPX": make_chain(quotes(SESSION), price=2900.0)}, "SPX")
    assert isinstance(answer, NoFit)
    assert "2019-05-01" in answer.reason


def test_long_call_when_two_roots_share_an_expiry_takes_the_first_unless_told(make_chain):
    both = quotes(days(16), root="SPX", strikes=(2900,)) + quotes(days(16), root="SPXW", strikes=(2890, 2910))
    chain = make_chain(both, price=2911.0)
    assert chosen(LongCall(dte=16, moneyness=1.0), chain).root == "SPX"
    contract = chosen(LongCall(dte=16, moneyness=1.0, roots=("SPXW",)), chain)
    assert (contract.root, contract.strike) == ("SPXW", 2910)


def test_long_call_when_no_root_fits_says_which_were_sought(make_chain):
    answer = LongCall(moneyness=1.0, roots=("XSP",)).choose({"SPX": make_chain(quotes(days(30)))}, "SPX")
    assert isinstance(answer, NoFit)
    assert "XSP" in answer.reason


def test_long_call_when_an_expiry_has_puts_alone_passes_it_over(make_chain):
    chain = make_chain(quotes(days(30), rights="P") + quotes(days(44)), price=2900.0)
    assert chosen(LongCall(dte=30, moneyness=1.0), chain).expiry == days(44)
    assert chosen(LongPut(dte=30, moneyness=1.0), chain).expiry == days(30)


def test_long_call_when_a_strike_is_asked_for_takes_it_exactly_or_not_at_all(make_chain):
    chain = make_chain(quotes(days(30), strikes=(2900, 2902.5, 2905)), price=2900.0)
    assert chosen(LongCall(strike=Decimal("2902.5")), chain).strike == Decimal("2902.5")
    answer = LongCall(strike=Decimal(2901)).choose({"SPX": chain}, "SPX")
    assert isinstance(answer, NoFit)
    assert "2901" in answer.reason
    assert "2900" in answer.reason


def test_long_call_when_there_is_no_price_of_the_underlying_uses_the_parity_forward(make_chain):
    expiry = days(30)
    rows = [
        ("SPXW", expiry, "C", 2800, 140.0, 141.0),
        ("SPXW", expiry, "C", 2900, 79.0, 81.0),
        ("SPXW", expiry, "C", 3000, 20.0, 21.0),
        ("SPXW", expiry, "P", 2800, 10.0, 11.0),
        ("SPXW", expiry, "P", 2900, 19.0, 21.0),
        ("SPXW", expiry, "P", 3000, 80.0, 81.0),
    ]
    # The pair at 2900 and the pair at 3000 tie at a gap of 60, so that the lower says 2900 + 60.
    chain = make_chain(rows, price=math.nan)
    assert chosen(LongCall(dte=30, moneyness=1.0), chain).strike == 3000
    assert chosen(LongCall(dte=30, moneyness=0.98), chain).strike == 2900


def test_long_call_when_there_is_neither_price_nor_pair_finds_nothing(make_chain):
    answer = LongCall(moneyness=1.0).choose({"SPX": make_chain(quotes(days(30), rights="C"))}, "SPX")
    assert isinstance(answer, NoFit)
    assert "put" in answer.reason


@pytest.mark.parametrize("target", [0.1, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("structure", [LongCall, LongPut])
def test_long_option_when_chosen_by_delta_is_the_nearest_by_vollib(structure, target, make_chain, vollib_rows):
    expiry, strikes = days(30), [2700.0 + 10 * i for i in range(41)]
    chain = make_chain(vollib_rows("SPXW", expiry, strikes, forward=2903.7, volatility=0.17), price=2900.0)
    flag = "c" if structure is LongCall else "p"
    deltas = {strike: abs(vollib_delta(flag, 2903.7, strike, 30 / 365, 0.0, 0.17)) for strike in strikes}
    expected = min(strikes, key=lambda strike: abs(deltas[strike] - target))
    assert chosen(structure(dte=30, delta=target), chain).strike == Decimal(expected)


def test_long_call_when_a_rate_is_given_discounts_the_chain(make_chain, vollib_rows):
    expiry, strikes = days(364), [2000.0 + 25 * i for i in range(60)]
    rows = vollib_rows("SPXW", expiry, strikes, forward=2950.0, volatility=0.2, rate=0.08)
    chain = make_chain(rows, price=2900.0)
    deltas = {strike: vollib_delta("c", 2950.0, strike, 364 / 365, 0.08, 0.2) for strike in strikes}
    expected = min(strikes, key=lambda strike: abs(deltas[strike] - 0.85))
    assert chosen(LongCall(dte=364, delta=0.85, rate=0.08), chain).strike == Decimal(expected)


def test_long_call_when_no_mid_has_a_volatility_finds_nothing(make_chain):
    rows = [("SPXW", days(30), right, 2900, 5000.0, 5001.0) for right in "CP"]
    answer = LongCall(delta=0.5).choose({"SPX": make_chain(rows)}, "SPX")
    assert isinstance(answer, NoFit)
    assert "no-arbitrage" in answer.reason


def test_long_call_when_zero_bid_may_be_bought(make_chain):
    chain = make_chain([("SPXW", days(30), "C", 3300, 0.0, 0.05)], price=2900.0)
    assert chosen(LongCall(moneyness=1.1), chain).strike == 3300


def test_long_call_when_the_chain_is_absent_or_empty_says_so(make_chain):
    answer = LongCall(moneyness=1.0).choose({"SPY": make_chain(quotes(days(30)))}, "SPX")
    assert isinstance(answer, NoFit)
    assert "'SPX'" in answer.reason
    assert "SPY" in answer.reason
    assert isinstance(LongCall(moneyness=1.0).choose({"SPX": make_chain([])}, "SPX"), NoFit)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "exactly one"),
        ({"delta": 0.5, "moneyness": 1.0}, "exactly one"),
        ({"delta": -0.5}, "absolute"),
        ({"delta": 1.0}, "absolute"),
        ({"delta": math.nan}, "absolute"),
        ({"moneyness": 0.0}, "positive"),
        ({"moneyness": math.inf}, "positive"),
        ({"strike": 2900.0}, "Decimal"),
        ({"strike": Decimal("NaN")}, "Decimal"),
        ({"moneyness": 1.0, "dte": 0}, "dte"),
        ({"moneyness": 1.0, "dte": 30.0}, "dte"),
        ({"moneyness": 1.0, "dte": True}, "dte"),
        ({"moneyness": 1.0, "rate": math.nan}, "rate"),
    ],
)
def test_long_call_when_a_field_is_wrong_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        LongCall(**parameters)
