"""What the benchmarks trade: one call at a time, on moving averages, MACD and RSI."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import optarb

YEARS = {1: ("2019-01-02", "2019-12-31"), 5: ("2015-01-02", "2019-12-31"), 20: ("2000-01-03", "2019-12-31")}
"""First and last session of the runs, by their length in years."""
HUNDRED = {
    "exits.stop_loss": [-0.20, -0.25, -0.30, -0.35, -0.40, -0.45, -0.50, -0.55, -0.60, -0.65],
    "exits.profit_target": [0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.05, 1.15],
}
"""Settings of the sweep."""
AS_ALONE = 35
"""Number of the setting that is the strategy as it stands: -0.35 and 0.75."""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Bullish while the short average is above the long one, MACD above its signal and RSI below 70."""

    features = ("sma_10", "sma_30", "macd_12_26_9", "macd_signal_12_26_9", "rsi_14")
    warm_up = 34

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        """Answers at the session's own close."""
        if (
            view.feature("sma_10") > view.feature("sma_30")
            and view.feature("macd_12_26_9") > view.feature("macd_signal_12_26_9")
            and view.feature("rsi_14") < 70
        ):
            return optarb.Signal.bullish(optarb.LongCall(dte=30, moneyness=1.0), confidence=1.0, reasons=["trend"])
        return None


def desk(folder: Path, *, data: Path, store: str | None = None) -> optarb.Desk:
    """Builds a desk whose store, unless the address of another is given, and cache lie in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    strategy = optarb.Strategy(
        name="trend",
        underlyings=("SPX",),
        experts={"trend": Trend()},
        policy=optarb.RiskPolicy(max_open_positions=1, reenter_same_session=False),
        exits=optarb.ExitRules(),
    )
    return optarb.Desk(
        strategies=[strategy],
        market_data=optarb.ParquetMarketData(bars=data / "bars", quotes=data / "quotes"),
        store=optarb.SqlStore(url=store or f"sqlite:///{folder / 'books.db'}"),
        cache=optarb.FileCache(path=str(folder / "cache")),
    )


def spec(start: str, end: str, **fields: object) -> optarb.BacktestSpec:
    """Builds the spec of a run at the session's own close."""
    return optarb.BacktestSpec(strategy="trend", start=start, end=end, bars="same_session", capital=Decimal(100_000), **fields)
