"""What the rows share: the data, and the run in this process that others are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import optarb
from benchmarks import data, reference, strategy
from benchmarks.table import timed


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A folder with the data of twenty years."""

    folder: Path
    """Where rows may write, each in a folder of its own."""

    @classmethod
    def prepare(cls, folder: Path) -> Bench:
        """Writes the data."""
        bench = cls(folder=folder)
        bars = data.index_bars()
        data.write_bars(bars, bench.files / "bars")
        rows = data.write_chain(bars, bench.files / "quotes" / "SPX.parquet")
        print(f"chain: {rows:,} rows over {len(bars):,} sessions, {folder}", flush=True)
        return bench

    @property
    def files(self) -> Path:
        """Bars and quotes."""
        return self.folder / "data"

    @cached_property
    def desk(self) -> optarb.Desk:
        """A desk with a store on file and a cache, for runs in this process."""
        return strategy.desk(self.folder / "run", data=self.files)

    def backtest(self, years: int) -> optarb.BacktestSummary:
        """Runs so many years in this process, in a new book."""
        return optarb.backtest(strategy.spec(*strategy.YEARS[years]), self.desk, progress=False).summary

    def loop(self, years: int) -> tuple[int, float]:
        """Runs the reference: trades and profit."""
        return reference.run(self.files, *strategy.YEARS[years])

    @cached_property
    def five_seconds(self) -> float:
        """Five years, warm, in this process."""
        return timed(lambda: self.backtest(5))

    @cached_property
    def five_loop_seconds(self) -> float:
        """The same trades from the numpy loop."""
        return timed(lambda: self.loop(5))

    def agrees(self, years: int, summary: optarb.BacktestSummary) -> str:
        """Says whether a run came to the loop's trades and profit."""
        trades, profit = self.loop(years)
        same = (summary.trades, round(float(summary.pnl_usd), 2)) == (trades, round(profit, 2))
        return f"{trades} trades, {'same' if same else 'OTHER'} P&L {profit:.2f}"
