"""A year of a full chain, ingested and read back in new processes: ``python -m benchmarks.big WHAT FOLDER ROWS``."""

from __future__ import annotations

import sys
import time
from datetime import date
from pathlib import Path

from benchmarks import data, strategy
from benchmarks.bench import Bench
from benchmarks.table import fresh_process, line, peak_mb
from optarb.backtesting.claim import claim_book
from optarb.backtesting.context import RunContext
from optarb.backtesting.ingest import ingest_symbol
from optarb.backtesting.market_loader import load_market


def chain(bench: Bench) -> None:
    """A year of 14,000 contracts a session."""
    folder = bench.folder / "big"
    bars = data.index_bars().between(date(2017, 12, 1), date(2018, 12, 31))
    data.write_bars(bars, folder / "data" / "bars")
    rows = data.write_chain(bars, folder / "data" / "quotes" / "SPX.parquet", strikes=250, expiries=28, step=5.0)
    said = {"first_pass": ("first pass", "1 M rows/s, 500 MB"), "from_cache": ("from the cache", "5 M rows/s, 500 MB")}
    for what, (name, goal) in said.items():
        line(f"full chain, {rows:,} rows, {name}", fresh_process("big", what, folder, rows), goal)


def _context(folder: Path, book: str) -> RunContext:
    desk = strategy.desk(folder, data=folder / "data")
    spec = strategy.spec("2018-01-02", "2018-12-31", backtest_id=book)
    claim = claim_book(desk, spec, book, book)
    return RunContext.open(desk, spec, book, claim.epoch)


def _told(rows: float, seconds: float) -> str:
    return f"{rows / seconds / 1e6:.1f} M rows/s {peak_mb():.0f} MB"


def first_pass(folder: Path, rows: int) -> str:
    """Reads, cleans, indexes and caches."""
    context = _context(folder, "first")
    began = time.perf_counter()
    ingest_symbol(context, "SPX", lambda *_: None)
    return _told(rows, time.perf_counter() - began)


def from_cache(folder: Path, rows: int) -> str:
    """Opens what the first pass cached and touches every row."""
    context = _context(folder, "second")
    began = time.perf_counter()
    ingest_symbol(context, "SPX", lambda *_: None)
    market = load_market(context)
    touched = 0.0
    for session in context.plan.sessions:
        quotes = market.view(session).chain("SPX")
        if quotes is None:
            raise RuntimeError(f"no chain on {session}")
        touched += float(quotes.bids.sum() + quotes.asks.sum() + quotes.strikes.sum())
    if not touched:
        raise RuntimeError("nothing was read")
    written = len(context.desk.market_data.bars("SPX"))  # the run covers fewer sessions than the files
    return _told(rows * len(context.plan.sessions) / written, time.perf_counter() - began)


if __name__ == "__main__":
    measure = {"first_pass": first_pass, "from_cache": from_cache}[sys.argv[1]]
    print(measure(Path(sys.argv[2]), int(sys.argv[3])))
