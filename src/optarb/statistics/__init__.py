"""Statistics that tell luck from skill: how much of a Sharpe ratio is a short sample, and how much the search for it.

Every function takes simple returns a period, such as ``result.equity()["equity_usd"].pct_change().dropna()``, and every
Sharpe ratio here is **a period's**, not annual: a daily one is the annual one divided by the square root of 252.
"""

from __future__ import annotations

from optarb.statistics.bootstrap import ConfidenceInterval, bootstrap_interval
from optarb.statistics.overfitting import BacktestOverfitting, backtest_overfitting
from optarb.statistics.selection import deflated_sharpe_ratio, expected_maximum_sharpe
from optarb.statistics.sharpe import SharpeEstimate, sharpe_ratios
from optarb.statistics.track_record import minimum_track_record, probabilistic_sharpe_ratio

__all__ = [
    "BacktestOverfitting",
    "ConfidenceInterval",
    "SharpeEstimate",
    "backtest_overfitting",
    "bootstrap_interval",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "minimum_track_record",
    "probabilistic_sharpe_ratio",
    "sharpe_ratios",
]
