"""A year of a full chain, ingested and read back; each in a process of its own."""

from __future__ import annotations

import time
from pathlib import Path

import optarb
from benchmarks import strategy
from optarb.backtesting.claim import claim_book
from optarb.backtesting.context import RunContext
from optarb.backtesting.ingest import ingest_symbol
from optarb.backtesting.market_loader import load_market


def _context(folder: Path, files: Path, book: str) -> RunContext:
    desk = strategy.desk(folder, data=files)
    spec = strategy.spec("2017-01-03", "2017-12-29", backtest_id=book)
    claim = claim_book(desk, spec, book, book)
    return RunContext.open(desk, spec, book, claim.epoch)


def _told(rows: float, seconds: float) -> str:
    return f"{rows / seconds / 1e6:.1f} M rows/s {peak_mb():.0f} MB"


def peak_mb() -> float:
    """Peak memory of this process; getrusage would count what the parent held when it forked."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def first_pass(folder: Path, files: Path, rows: int) -> str:
    """Reads, cleans, indexes and caches."""
    context = _context(folder, files, "first")
    began = time.perf_counter()
    ingest_symbol(context, "SPX", lambda *_: None)
    return _told(rows, time.perf_counter() - began)


def from_cache(folder: Path, files: Path, rows: int) -> str:
    """Opens what the first pass cached and touches every row."""
    context = _context(folder, files, "second")
    began = time.perf_counter()
    ingest_symbol(context, "SPX", lambda *_: None)
    market = load_market(context)
    touched = 0.0
    for session in context.plan.sessions:
        chain = market.view(session).chain("SPX")
        if chain is None:
            raise RuntimeError(f"no chain on {session}")
        touched += float(chain.bids.sum() + chain.asks.sum() + chain.strikes.sum())
    if not touched:
        raise RuntimeError("nothing was read")
    return _told(rows * len(context.plan.sessions) / optarb_sessions(files), time.perf_counter() - began)


def optarb_sessions(files: Path) -> int:
    """Sessions in the files; the run covers fewer."""
    return len(optarb.ParquetMarketData(bars=files / "bars").bars("SPX"))
