"""Runs of five and twenty years in this process, beside the numpy loop."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.table import line, timed


def five_years(bench: Bench) -> None:
    """Five years, warm: imported, cache filled, a new book each."""
    five, loop = bench.five_seconds, bench.five_loop_seconds
    line(
        "options run, 5 years, warm, in process",
        f"{five:.3f} s",
        "0.20 s",
        f"{five / loop:.1f} x numpy loop ({loop:.3f} s); {bench.agrees(5, bench.backtest(5))}; "
        "quoted: optopsy 0.68 s, nautilus 17 s",
    )


def twenty_years(bench: Bench) -> None:
    """Twenty years, and how much longer they take than five."""
    twenty = timed(lambda: bench.backtest(20), runs=3)
    loop = timed(lambda: bench.loop(20), runs=3)
    line(
        "options run, 20 years, warm, in process",
        f"{twenty:.3f} s",
        beside=f"{twenty / loop:.1f} x numpy loop ({loop:.3f} s); {bench.agrees(20, bench.backtest(20))}",
    )
    line(
        "growth from 5 to 20 years, warm",
        f"{twenty / bench.five_seconds:.2f} x",
        "4.2 x",
        f"numpy loop {loop / bench.five_loop_seconds:.2f} x; sessions 4.00 x",
    )
