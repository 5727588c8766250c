"""Black-76 against vollib, QuantLib and what follows from the absence of arbitrage."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import QuantLib
from vollib.black import black
from vollib.black.greeks.analytical import delta as vollib_delta

from optarb.pricing import black76, black76_delta

GRID = tuple(itertools.product((80.0, 100.0, 2500.0), (0.6, 0.9, 1.0, 1.1, 1.7), (1 / 365, 0.25, 2.0), (0.05, 0.2, 1.2)))


@pytest.mark.parametrize("call", [True, False])
def test_black76_when_on_a_grid_agrees_with_vollib_and_quantlib(call):
    for forward, moneyness, tau, volatility in GRID:
        strike, rate = forward * moneyness, 0.03
        discount = math.exp(-rate * tau)
        ours = float(black76(forward, strike, tau, volatility, discount, call=call))
        assert ours == pytest.approx(black("c" if call else "p", forward, strike, tau, rate, volatility), abs=1e-9)
        kind = QuantLib.Option.Call if call else QuantLib.Option.Put
        quantlib = QuantLib.blackFormula(kind, strike, forward, volatility * math.sqrt(tau), discount)
        assert ours == pytest.approx(quantlib, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("call", [True, False])
def test_black76_delta_when_on_a_grid_agrees_with_vollib_and_quantlib(call):
    for forward, moneyness, tau, volatility in GRID:
        strike, rate = forward * moneyness, 0.03
        discount = math.exp(-rate * tau)
        ours = float(black76_delta(forward, strike, tau, volatility, discount, call=call))
        flag = "c" if call else "p"
        assert ours == pytest.approx(vollib_delta(flag, forward, strike, tau, rate, volatility), abs=1e-9)
        kind = QuantLib.Option.Call if call else QuantLib.Option.Put
        payoff = QuantLib.PlainVanillaPayoff(kind, strike)
        calculator = QuantLib.BlackCalculator(payoff, forward, volatility * math.sqrt(tau), discount)
        assert ours == pytest.approx(calculator.deltaForward(), abs=1e-9)


def test_black76_when_no_time_or_volatility_is_left_gives_discounted_intrinsic_value():
    strikes = np.array([90.0, 100.0, 110.0])
    np.testing.assert_allclose(black76(100.0, strikes, 0.0, 0.2, 0.9, call=True), [9.0, 0.0, 0.0])
    np.testing.assert_allclose(black76(100.0, strikes, 1.0, 0.0, 0.9, call=False), [0.0, 0.0, 9.0])
    np.testing.assert_allclose(black76(100.0, strikes, -1.0, 0.2, 0.9, call=True), [9.0, 0.0, 0.0])
    np.testing.assert_allclose(black76_delta(100.0, strikes, 0.0, 0.2, 0.9, call=True), [0.9, 0.45, 0.0])


def test_black76_when_arguments_broadcast_gives_their_common_shape_and_put_call_parity():
    strikes = np.linspace(50.0, 200.0, 7)
    years = np.array([[0.1], [1.0]])
    discount = np.exp(-0.02 * years)
    calls = black76(100.0, strikes, years, 0.3, discount, call=True)
    puts = black76(100.0, strikes, years, 0.3, discount, call=False)
    assert calls.shape == (2, 7)
    np.testing.assert_allclose(calls - puts, discount * (100.0 - strikes), atol=1e-10)


def test_black76_when_an_argument_is_nan_gives_nan():
    assert np.isnan(black76(math.nan, 100.0, 1.0, 0.2, 1.0, call=True))
    assert np.isnan(black76(100.0, 100.0, 1.0, math.nan, 1.0, call=True))
    assert np.isnan(black76_delta(100.0, 100.0, 1.0, math.nan, 1.0, call=False))
