"""Confidence intervals by the stationary bootstrap."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from optarb.errors import ComponentError, ConfigurationError, MissingExtra, UnknownName
from optarb.statistics import SharpeEstimate, bootstrap_interval

RETURNS = np.random.default_rng(15).normal(0.001, 0.01, 600)


def width(interval):
    return interval.high - interval.low


def test_interval_when_returns_are_independent_then_as_the_textbook():
    interval = bootstrap_interval(RETURNS, "mean", block_length=1, resamples=4000)

    error = RETURNS.std(ddof=1) / math.sqrt(len(RETURNS))
    assert interval.estimate == pytest.approx(RETURNS.mean())
    assert interval.low == pytest.approx(RETURNS.mean() - 1.96 * error, abs=0.1 * error)
    assert interval.high == pytest.approx(RETURNS.mean() + 1.96 * error, abs=0.1 * error)


def test_interval_when_sharpe_then_as_wide_as_its_standard_error_says():
    interval = bootstrap_interval(RETURNS, confidence=0.9, block_length=1, resamples=4000)

    estimate = SharpeEstimate.of(RETURNS)
    assert interval.estimate == pytest.approx(estimate.sharpe)
    assert width(interval) == pytest.approx(2 * 1.645 * estimate.standard_error, rel=0.06)


def test_interval_when_returns_hang_together_then_blocks_are_longer_and_it_is_wider():
    noise = np.random.default_rng(16).normal(0, 0.01, 1000)
    trending = noise.copy()
    for at in range(1, len(noise)):
        trending[at] += 0.6 * trending[at - 1]

    blocks, single = bootstrap_interval(trending, "mean"), bootstrap_interval(trending, "mean", block_length=1)

    # The mean of an autoregression with 0.6 varies (1 + 0.6) / (1 - 0.6) = 4 times as much: its interval is twice as wide.
    assert blocks.block_length > 5
    assert width(blocks) / width(single) == pytest.approx(2, abs=0.35)


def test_interval_when_max_drawdown_then_from_the_capital_on():
    # 1 -> 0.9 -> 1.08 -> 0.81 -> 0.891: the largest fall is a quarter. The first fall, of a tenth, is one from the capital.
    falls = [-0.1, 0.2, -0.25, 0.1, 0, 0, 0, 0, 0, 0]

    assert bootstrap_interval(falls, "max_drawdown", block_length=2).estimate == pytest.approx(0.25)
    assert bootstrap_interval([-0.1, *falls[3:], 0, 0], "max_drawdown", block_length=2).estimate == pytest.approx(0.1)


def test_interval_when_figure_is_transformed_then_so_are_its_ends():
    # What percentiles do and ends that are mirrored at the estimate do not.
    plain, squared = (bootstrap_interval(RETURNS, lambda v, p=p: (1 + v.mean()) ** p, resamples=999) for p in (1, 2000))

    assert (squared.low, squared.high) == pytest.approx((plain.low**2000, plain.high**2000), rel=0.01)


def test_interval_when_seeded_then_the_same_again():
    first, again, other = (bootstrap_interval(RETURNS, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert (first.low, first.high) != (other.low, other.high)


def test_interval_when_function_is_given_then_it_is_the_figure():
    interval = bootstrap_interval(RETURNS, lambda values: float(np.median(values)), block_length=3, resamples=200)

    assert interval.estimate == np.median(RETURNS)
    assert interval.low < interval.estimate < interval.high
    assert (interval.block_length, interval.resamples, interval.confidence) == (3.0, 200, 0.95)
    assert str(interval).startswith(f"{interval.estimate:.4g} (95 % between ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1}, "confidence must lie between 0 and 1"),
        ({"block_length": 0.5}, "block_length must be at least 1"),
        ({"block_length": 600}, "less than 600 returns, got 600"),
        ({"block_length": math.nan}, "block_length must be at least 1"),
        ({"resamples": 99}, "resamples must be a whole number of at least 100"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"returns": RETURNS[:9]}, "at least 10 rows, got 9"),
        ({"returns": [0.01] * 20}, "must vary to be resampled, got 20 times 0.01"),
        ({"returns": [*RETURNS, math.nan]}, "got nan in row 600"),
    ],
)
def test_interval_when_argument_is_out_of_range_then_configuration_error(options, message):
    with pytest.raises(ConfigurationError, match=message):
        bootstrap_interval(**{"returns": RETURNS, **options})


def test_interval_when_statistic_is_unknown_then_did_you_mean():
    with pytest.raises(UnknownName, match="did you mean 'sharpe'"):
        bootstrap_interval(RETURNS, "sharp")


def test_interval_when_function_gives_nan_then_component_error():
    with pytest.raises(ComponentError, match="finite number, got nan"):
        bootstrap_interval(RETURNS, lambda values: math.nan)


def test_interval_when_arch_is_missing_then_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)

    with pytest.raises(MissingExtra, match=r'pip install "optarb\[stats\]"'):
        bootstrap_interval(RETURNS)
