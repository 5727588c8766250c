"""Acme's experts: one written from nothing with pandas, and one that wraps another."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

import optarb


@dataclass(frozen=True, kw_only=True)
class MeanReversion:
    """Expects a close far from its rolling mean to come back."""

    window: int = 20
    """Sessions of the mean."""
    entry: float = 1.5
    """Standard deviations away from the mean at which to speak."""
    bullish: optarb.Structure = field(default_factory=lambda: optarb.LongCall(dte=28, moneyness=1.0))
    """What to buy below the mean."""
    bearish: optarb.Structure = field(default_factory=lambda: optarb.LongPut(dte=28, moneyness=1.0))
    """What to buy above the mean."""

    @property
    def warm_up(self) -> int:
        """Bars that must be visible before optarb asks."""
        return self.window

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        """Compares the last close with the rolling mean."""
        close = pd.Series(view.bars(n=self.window).close)
        deviation = float(close.std())
        if not deviation:
            return None
        score = (float(close.iloc[-1]) - float(close.mean())) / deviation
        if abs(score) < self.entry:
            return None
        say = optarb.Signal.bearish if score > 0 else optarb.Signal.bullish
        return say(
            self.bearish if score > 0 else self.bullish,
            confidence=min(1.0, abs(score) / 3),
            reasons=[f"{score:+.2f} deviations from the {self.window}-session mean"],
        )


@dataclass(frozen=True, kw_only=True)
class WhenCalm:
    """Asks another expert, but only while the market is calm. It delegates everything else."""

    inner: optarb.Expert
    """The expert to ask."""
    window: int = 21
    """Sessions over which volatility is measured."""
    ceiling: float = 0.30
    """Annual volatility above which to keep silent."""

    @property
    def warm_up(self) -> int:
        """The inner expert's bars, and those needed here."""
        inner = self.inner.warm_up if isinstance(self.inner, optarb.SupportsWarmUp) else 1
        return max(inner, self.window + 1)

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        """Keeps silent while volatility is high, else passes on what the inner expert says."""
        returns = np.diff(np.log(view.bars(n=self.window + 1).close))
        if float(returns.std(ddof=1)) * math.sqrt(252) > self.ceiling:
            return None
        return self.inner.evaluate(view)
