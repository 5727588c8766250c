"""Implied volatility: round trips of others' prices, reasons, and published greeks of a real chain."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest
import QuantLib
from hypothesis import given
from hypothesis import strategies as st
from vollib.black import black
from vollib.black.implied_volatility import implied_volatility as vollib_implied

from optarb.domain.contracts import Settlement
from optarb.pricing import (
    VolatilityReason,
    black76,
    implied_volatility,
    parity_forward,
    session_close,
    year_fraction,
)


@pytest.mark.parametrize("volatility", [0.03, 0.15, 0.6, 2.5])
@pytest.mark.parametrize("tau", [1 / 365, 0.1, 1.0, 5.0])
def test_implied_volatility_when_given_vollib_prices_finds_the_volatility(volatility, tau):
    rate, forward = 0.02, 100.0
    for moneyness in (0.7, 0.95, 1.0, 1.02, 1.4):
        strike = forward * moneyness
        flag = "c" if strike >= forward else "p"
        price = black(flag, forward, strike, tau, rate, volatility)
        if price < 1e-9:
            continue  # the price no longer carries the volatility
        found = implied_volatility(price, forward, strike, tau, math.exp(-rate * tau), call=flag == "c")
        assert found.reason == VolatilityReason.FOUND
        assert float(found.volatility) == pytest.approx(volatility, rel=1e-7)
        assert float(found.volatility) == pytest.approx(vollib_implied(price, forward, strike, rate, tau, flag), rel=1e-7)


def test_implied_volatility_when_given_quantlib_prices_finds_the_volatility():
    strikes = np.linspace(60.0, 160.0, 41)
    kinds = [QuantLib.Option.Call if strike > 100 else QuantLib.Option.Put for strike in strikes]
    prices = [
        QuantLib.blackFormula(kind, float(strike), 100.0, 0.25, 0.97) for kind, strike in zip(kinds, strikes, strict=True)
    ]
    found = implied_volatility(prices, 100.0, strikes, 0.25, 0.97, call=strikes > 100)
    np.testing.assert_allclose(found.volatility, 0.5, rtol=1e-9)


@given(
    volatility=st.floats(0.02, 3.0),
    tau=st.floats(1 / 365, 3.0),
    log_moneyness=st.floats(-1.5, 1.5),
    call=st.booleans(),
)
def test_implied_volatility_when_given_any_price_reprices_to_it(volatility, tau, log_moneyness, call):
    strike = 100.0 * math.exp(log_moneyness)
    price = float(black76(100.0, strike, tau, volatility, 0.98, call=call))
    found = implied_volatility(price, 100.0, strike, tau, 0.98, call=call)
    if found.reason == VolatilityReason.FOUND:
        again = float(black76(100.0, strike, tau, found.volatility, 0.98, call=call))
        assert again == pytest.approx(price, rel=1e-9, abs=1e-11)
    else:
        intrinsic = 0.98 * max(100.0 - strike if call else strike - 100.0, 0.0)
        assert found.reason == VolatilityReason.NO_TIME_VALUE
        assert price - intrinsic < 1e-9


@pytest.mark.parametrize(
    ("arguments", "call", "reason"),
    [
        ((math.nan, 100.0, 100.0, 1.0, 1.0), True, VolatilityReason.NOT_USABLE),
        ((5.0, -100.0, -100.0, 1.0, 1.0), True, VolatilityReason.NOT_USABLE),
        ((5.0, 100.0, 0.0, 1.0, 1.0), True, VolatilityReason.NOT_USABLE),
        ((5.0, 100.0, 100.0, 1.0, 0.0), True, VolatilityReason.NOT_USABLE),
        ((5.0, 100.0, 100.0, math.inf, 1.0), True, VolatilityReason.NOT_USABLE),
        ((5.0, 100.0, 100.0, 0.0, 1.0), True, VolatilityReason.EXPIRED),
        ((0.0, 100.0, 110.0, 1.0, 1.0), True, VolatilityReason.NO_TIME_VALUE),
        ((9.0, 100.0, 90.0, 1.0, 0.9), True, VolatilityReason.NO_TIME_VALUE),
        ((8.0, 100.0, 110.0, 1.0, 0.9), False, VolatilityReason.NO_TIME_VALUE),
        ((-1.0, 100.0, 110.0, 1.0, 0.9), True, VolatilityReason.NO_TIME_VALUE),
        ((90.0, 100.0, 80.0, 1.0, 0.9), True, VolatilityReason.ABOVE_MAXIMUM),
        ((72.0, 100.0, 80.0, 1.0, 0.9), False, VolatilityReason.ABOVE_MAXIMUM),
    ],
)
def test_implied_volatility_when_there_is_none_gives_the_reason_and_nan(arguments, call, reason):
    # Price, forward, strike, years and discount.
    found = implied_volatility(*arguments, call=call)
    assert found.reason == reason
    assert np.isnan(found.volatility)


def test_implied_volatility_when_some_prices_have_none_still_finds_the_others():
    prices = black76(100.0, [90.0, 100.0, 110.0], 0.5, 0.3, 1.0, call=True)
    prices[1] = 1000.0
    found = implied_volatility(prices, 100.0, [90.0, 100.0, 110.0], 0.5, 1.0, call=True)
    assert found.reason.tolist() == [0, VolatilityReason.ABOVE_MAXIMUM, 0]
    np.testing.assert_allclose(found.volatility[[0, 2]], 0.3, rtol=1e-10)


def test_implied_volatility_when_there_are_no_prices_gives_empty_arrays():
    found = implied_volatility([], 100.0, [], 0.5, 1.0, call=True)
    assert found.volatility.shape == found.reason.shape == (0,)


def test_implied_volatility_when_given_a_real_chain_is_close_to_its_published_greeks(real_data):
    # The rate is about that of Treasury bills in May 2019; the file says neither its own rate nor when it was taken.
    rate = 0.024
    table = pq.read_table(real_data / "spx-chain-2019-05.parquet").to_pandas()
    table = table[(table["bid"] > 0) & (table["ask"] > table["bid"]) & ~table["stale_holiday"]]
    differences = []
    for (session, root, expiry), group in table.groupby(["date", "root", "expiry"]):
        if (expiry - session).days < 3:
            continue
        settlement = Settlement.AM if root == "SPX" else Settlement.PM
        tau = year_fraction(settlement, expiry.date(), session_close(session.date()))
        mids = group.assign(mid=(group["bid"] + group["ask"]) / 2).pivot_table(index="strike", columns="right", values="mid")
        if set(mids.columns) != {"C", "P"}:
            continue
        discount = math.exp(-rate * tau)
        forward = parity_forward(mids.index.to_numpy(), mids["C"].to_numpy(), mids["P"].to_numpy(), discount)
        near = group[(abs(group["strike"] / forward - 1) <= 0.1) & (group["iv"] > 0)]
        middle, calls = ((near["bid"] + near["ask"]) / 2).to_numpy(), (near["right"] == "C").to_numpy()
        found = implied_volatility(middle, forward, near["strike"].to_numpy(), tau, discount, call=calls)
        differences.append(np.abs(found.volatility - near["iv"].to_numpy()))
    every = np.concatenate(differences)
    assert len(every) > 100_000
    assert np.isnan(every).mean() < 0.01
    assert np.nanmedian(every) <= 0.002
    assert np.nanquantile(every, 0.9) <= 0.01


def test_year_fraction_when_am_and_pm_differ_by_six_and_a_half_hours():
    at = session_close(date(2019, 5, 10))
    expiry = date(2019, 5, 17)
    assert year_fraction(Settlement.PM, expiry, at) == pytest.approx(7 / 365)
    assert year_fraction(Settlement.AM, expiry, at) == pytest.approx((7 - 6.5 / 24) / 365)
