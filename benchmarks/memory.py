"""Peak memory of runs, each in a process of its own: ``python -m benchmarks.memory RUN FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import optarb
from benchmarks import strategy
from benchmarks.bench import Bench
from benchmarks.sweeps import GRID
from benchmarks.table import fresh_process, line, peak_mb

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
    bench.backtest(20)
    for run, goal in _GOALS.items():
        line(f"peak memory, {_SAID[run]}", fresh_process("memory", run, bench.folder), goal)


def _run(run: str, bench: Bench) -> None:
    if run == "loop":
        bench.loop(5)
    elif run == "sweep":
        optarb.sweep(strategy.spec(*strategy.YEARS[5]), bench.desk, GRID, processes=1, progress=False)
    elif run != "import":
        bench.backtest(int(run))


if __name__ == "__main__":
    _run(sys.argv[1], Bench(folder=Path(sys.argv[2])))
    print(f"{peak_mb():.0f} MB")
