"""Pairs over two underlyings."""

from __future__ import annotations

from datetime import date

import pytest

from optarb.domain.legs import NoFit
from optarb.structures import CallPair

NEAR, FAR, THIRD = date(2019, 5, 31), date(2019, 6, 28), date(2019, 6, 21)


@pytest.fixture
def chains(make_chain, vollib_rows):
    index = [strike * 25.0 for strike in range(100, 133)]
    shares = [float(strike) for strike in range(250, 331)]
    spx = make_chain(
        vollib_rows("SPXW", NEAR, index, forward=2910.0, volatility=0.15)
        + vollib_rows("SPXW", FAR, index, forward=2912.0, volatility=0.15)
        + vollib_rows("SPX", THIRD, index, forward=2911.0, volatility=0.15),
        symbol="SPX",
        price=2907.0,
    )
    spy = make_chain(
        vollib_rows("SPY", FAR, shares, forward=291.9, volatility=0.15)
        + vollib_rows("SPY", THIRD, shares, forward=291.8, volatility=0.15),
        symbol="SPY",
        price=291.0,
    )
    return {"SPX": spx, "SPY": spy}


def test_call_pair_when_both_chains_are_there_has_legs_of_both_and_one_expiry(chains):
    legs = CallPair(dte=30, moneyness=1.0).choose(chains, "SPX")
    assert [(leg.ratio, leg.contract.symbol) for leg in legs] == [
        (1, "SPXW190628C02900000"),
        # 2900 x 291.9 / 2912 = 290.70
        (-10, "SPY190628C00291000"),
    ]
    assert legs == CallPair(dte=30, moneyness=1.0).choose(chains, "SPY")


def test_call_pair_when_all_roots_are_allowed_may_take_the_standard_expiry(chains):
    legs = CallPair(dte=50, moneyness=1.0, long_roots=()).choose(chains, "SPX")
    assert [leg.contract.root for leg in legs] == ["SPX", "SPY"]
    assert {leg.contract.expiry for leg in legs} == {THIRD}


def test_call_pair_when_turned_round_buys_the_shares(chains):
    pair = CallPair(
        long_underlying="SPY",
        short_underlying="SPX",
        long_roots=(),
        short_roots=("SPXW",),
        long_quantity=10,
        short_quantity=1,
        dte=58,
        delta=0.5,
    )
    legs = pair.choose(chains, "SPY")
    assert [leg.ratio for leg in legs] == [10, -1]
    assert {leg.contract.expiry for leg in legs} == {FAR}


def test_call_pair_when_one_chain_is_missing_says_which(chains):
    answer = CallPair(moneyness=1.0).choose({"SPX": chains["SPX"]}, "SPX")
    assert isinstance(answer, NoFit)
    assert "'SPY'" in answer.reason


def test_call_pair_when_no_expiry_is_common_finds_nothing(chains, make_chain, vollib_rows):
    spy = make_chain(vollib_rows("SPY", date(2019, 7, 5), [290.0, 291.0], forward=291.0, volatility=0.15), symbol="SPY")
    answer = CallPair(moneyness=1.0).choose({"SPX": chains["SPX"], "SPY": spy}, "SPX")
    assert isinstance(answer, NoFit)
    assert "SPY" in answer.reason


def test_call_pair_when_the_sold_leg_has_no_bid_finds_nothing(chains, make_chain):
    rows = [("SPY", FAR, right, strike, 0.0, 0.05) for right in "CP" for strike in (290, 291)]
    answer = CallPair(moneyness=1.0).choose({"SPX": chains["SPX"], "SPY": make_chain(rows, symbol="SPY")}, "SPX")
    assert isinstance(answer, NoFit)
    assert "no bid" in answer.reason


def test_call_pair_when_a_chain_has_no_puts_has_no_forward(chains, make_chain):
    rows = [("SPY", FAR, "C", strike, 5.0, 5.1) for strike in (290, 291)]
    answer = CallPair(moneyness=1.0).choose({"SPX": chains["SPX"], "SPY": make_chain(rows, symbol="SPY")}, "SPX")
    assert isinstance(answer, NoFit)
    assert "put-call pair" in answer.reason


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"short_underlying": "SPX"}, "must differ"),
        ({"short_quantity": 0}, "short_quantity"),
        ({"long_quantity": 1.5}, "long_quantity"),
    ],
)
def test_call_pair_when_a_field_is_wrong_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        CallPair(moneyness=1.0, **parameters)


def test_call_pair_when_printed_reads_well():
    assert str(CallPair(moneyness=1.0)) == "call pair, 1 SPX against 10 SPY (30 days, moneyness 1)"
