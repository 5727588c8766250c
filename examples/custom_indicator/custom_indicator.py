"""An indicator of one's own, an expert that reads it, and a subclassed policy and exits: ``python custom_indicator.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np

import optarb

Column = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True, kw_only=True)
class RangeVolatility:
    """Parkinson's volatility: from highs and lows instead of closes, annual, as a fraction."""

    length: int = 20
    """Sessions of the mean."""

    @property
    def columns(self) -> tuple[str, ...]:
        """One column, named after the parameter, so that a name never changes its meaning."""
        return (f"range_volatility_{self.length}",)

    @property
    def warm_up(self) -> int:
        """Rows that are NaN at the beginning."""
        return self.length - 1

    def compute(self, bars: optarb.Bars) -> Mapping[str, Column]:
        """Computes the column. Row i depends on bars 0 to i alone: a window that looks back, summed in one order."""
        squares = np.log(bars.high / bars.low) ** 2 / (4 * np.log(2))
        column = np.full(len(bars), np.nan)
        if len(bars) >= self.length:
            windows = np.lib.stride_tricks.sliding_window_view(squares, self.length)
            column[self.warm_up :] = np.sqrt(windows.mean(axis=1) * 252)
        return {self.columns[0]: column}


@dataclass(frozen=True, kw_only=True)
class CheapVolatility:
    """Buys a call when the VIX promises less movement than there was."""

    length: int = 20
    """Sessions of the indicator."""
    margin: float = 0.0
    """How far the VIX must lie below it, as an annual fraction."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names what it reads, so that a misspelling is found before the run."""
        return (f"range_volatility_{self.length}",)

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        """Compares the indicator of the underlying with the last close of the VIX."""
        moved = view.feature(self.features[0])
        implied = float(view.bars("VIX", n=1).close[-1]) / 100
        if not moved > implied + self.margin:  # NaN compares false
            return None
        return optarb.Signal.bullish(
            optarb.LongCall(dte=30, delta=0.5),
            confidence=min(1.0, 0.6 + (moved - implied) * 2),
            reasons=[f"moved {moved:.1%} a year, VIX {implied:.1%}"],
        )


@dataclass(frozen=True, kw_only=True)
class SizedPolicy(optarb.RiskPolicy):
    """The limits of RiskPolicy, with a size that grows with confidence and a rule of its own."""

    highest_vix: float = 40.0
    """VIX, in points, above which nothing is opened."""

    def units(self, candidate: optarb.Candidate, account: optarb.Account, view: optarb.SessionView) -> int:
        """Doubles the quantity of the most confident signals."""
        base = super().units(candidate, account, view)
        return 2 * base if candidate.confidence >= 0.62 else base

    def refuse(self, candidate: optarb.Candidate, account: optarb.Account, view: optarb.SessionView) -> optarb.Denial | None:
        """Adds a rule to those of RiskPolicy; the denial names the rule and the numbers."""
        vix = float(view.bars("VIX", n=1).close[-1])
        if vix > self.highest_vix:
            return optarb.Denial(
                candidate=candidate,
                rule="highest_vix",
                reason=f"VIX {vix} is above {self.highest_vix}",
                numbers={"vix": str(vix), "limit": str(self.highest_vix)},
            )
        return super().refuse(candidate, account, view)


@dataclass(frozen=True, kw_only=True)
class TrailingExits(optarb.ExitRules):
    """The rules of ExitRules, and an exit once a part of the best gain is gone."""

    give_back: float = 0.5
    """Fraction of the best gain that may be lost again."""

    def review(self, account: optarb.Account, view: optarb.SessionView) -> optarb.Review:
        """Remembers each position's best gain in its notes, which are checkpointed with the book."""
        rules = super().review(account, view)
        return optarb.Review(exits=rules.exits, notes={one.position_id: _best(one) for one in account.positions})

    def reason(self, position: optarb.Position, view: optarb.SessionView) -> str | None:
        """Asks the rules first, then the trail."""
        best = Decimal(_best(position)["best"])
        if position.quoted and best > 0 and position.gain_usd <= best * (1 - Decimal(str(self.give_back))):
            return super().reason(position, view) or "trailing_stop"
        return super().reason(position, view)


def _best(position: optarb.Position) -> dict[str, str]:
    """The best gain so far, this session's among them."""
    return {"best": str(max(Decimal(position.notes.get("best", "0")), position.gain_usd))}


DESK = optarb.Desk(
    strategies=[
        optarb.Strategy(
            name="cheap",
            underlyings=("SPX",),
            references=("VIX",),
            experts={"cheap": CheapVolatility()},
            policy=SizedPolicy(),
            exits=TrailingExits(profit_target=1.5, max_hold_sessions=15),
        )
    ],
    market_data=optarb.demo_market_data(),
    indicators=[RangeVolatility()],
)
SPEC = optarb.BacktestSpec(strategy="cheap", start=date(2015, 1, 2), end=date(2016, 6, 30), capital=Decimal(50_000))

if __name__ == "__main__":
    result = optarb.backtest(SPEC, DESK)
    print(result)
    print(result.trades()[["opened", "closed", "units", "exit_reason", "pnl_usd"]])
