"""Peak memory of runs, each in a process of its own: ``python -m benchmarks.memory RUN FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import optarb
from benchmarks import strategy
from benchmarks.table import fresh_process, line, peak_mb

if TYPE_CHECKING:
    # Not at run time: what it imports to make the data would count.
    from benchmarks.bench import Bench

_GOALS = {"import": "none set", "loop": "none set", "5": "250 MB", "20": "none set", "sweep": "none set"}
_SAID = {
    "import": "import optarb",
    "loop": "the numpy loop, 5 years",
    "5": "5 years in process",
    "20": "20 years in process",
    "sweep": "sweep of 100 settings, 5 years, one process",
}


def peaks(bench: Bench) -> None:
    """Prints the peak of each; the cache is filled before."""
    bench.backtest(5)
    bench.backtest(20)
    for run, goal in _GOALS.items():
        line(f"peak memory, {_SAID[run]}", fresh_process("memory", run, bench.folder), goal)


def _run(run: str, folder: Path) -> None:
    if run == "import":
        return
    if run == "loop":
        from benchmarks import reference

        reference.run(folder / "data", *strategy.YEARS[5])
        return
    desk = strategy.desk(folder / "run", data=folder / "data")
    if run == "sweep":
        from optarb.backtesting.sweep import sweep

        sweep(strategy.spec(*strategy.YEARS[5]), desk, strategy.HUNDRED, processes=1, progress=False)
    else:
        optarb.backtest(strategy.spec(*strategy.YEARS[int(run)]), desk, progress=False)


if __name__ == "__main__":
    _run(sys.argv[1], Path(sys.argv[2]))
    print(f"{peak_mb():.0f} MB")
