"""A hundred settings on shared features."""

from __future__ import annotations

import time

import optarb
from benchmarks import strategy
from benchmarks.bench import Bench
from benchmarks.table import line

GRID = {
    "exits.stop_loss": [-0.20, -0.25, -0.30, -0.35, -0.40, -0.45, -0.50, -0.55, -0.60, -0.65],
    "exits.profit_target": [0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.05, 1.15],
}
AS_ALONE = 35
"""Number of the setting that is the strategy as it stands: -0.35 and 0.75."""


def hundred(bench: Bench) -> None:
    """Five years of each setting, every one a book of its own, beside as many single runs and as many numpy loops."""
    spec = strategy.spec(*strategy.YEARS[5])
    bench.backtest(5)  # fills the cache
    began = time.perf_counter()
    result = optarb.sweep(spec, bench.desk, GRID, progress=False)
    took = time.perf_counter() - began
    line(
        "sweep of 100 settings, 5 years, shared features",
        f"{took:.2f} s",
        "3.3 s",
        f"{took / 100 / bench.five_seconds:.2f} x as many single runs, {took / 100 / bench.five_loop_seconds:.2f} x as many "
        f"numpy loops; setting {AS_ALONE}: {bench.agrees(5, result.result(AS_ALONE).summary)}; "
        "quoted: backtesting.py 3.3 s (shares only)",
    )
