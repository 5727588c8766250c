"""A hundred settings on shared features."""

from __future__ import annotations

import time

from benchmarks import strategy
from benchmarks.bench import Bench
from benchmarks.table import line
from optarb.backtesting.sweep import sweep


def hundred(bench: Bench) -> None:
    """Five years of each setting, every one a book of its own, beside as many single runs and as many numpy loops."""
    spec = strategy.spec(*strategy.YEARS[5])
    bench.backtest(5)  # fills the cache
    began = time.perf_counter()
    result = sweep(spec, bench.desk, strategy.HUNDRED, progress=False)
    took = time.perf_counter() - began
    line(
        "sweep of 100 settings, 5 years, shared features",
        f"{took:.2f} s",
        "3.3 s",
        f"{took / 100 / bench.five_seconds:.2f} x as many single runs, {took / 100 / bench.five_loop_seconds:.2f} x as many "
        f"numpy loops; setting {strategy.AS_ALONE}: {bench.agrees(5, result.result(strategy.AS_ALONE).summary)}; "
        "quoted: backtesting.py 3.3 s (shares only)",
    )
