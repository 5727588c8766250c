"""A user's expert, which loads pandas with its module."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

import optarb


@dataclass(frozen=True, kw_only=True)
class Momentum:
    """Buys a call while the mean of the last five closes is above that of the last twenty."""

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        closes = pd.Series(view.bars(n=20).close)
        if closes.tail(5).mean() <= closes.mean():
            return None
        return optarb.Signal.bullish(optarb.LongCall(dte=8, moneyness=1.0), confidence=0.9)
