"""A made-up market, so that a component can be checked without data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from optarb.calendars import ExchangeCalendar
from optarb.desk import Desk
from optarb.domain.bars import Bars
from optarb.domain.signals import Direction, Signal
from optarb.errors import BadData
from optarb.market_data import CombinedMarketData, ModelledOptions
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.specs import BacktestSpec
from optarb.strategy import Strategy
from optarb.structures import LongCall, LongPut

if TYPE_CHECKING:
    from optarb.domain.quote_table import QuoteTable
    from optarb.protocols import DataKind, MarketView

__all__ = ["AlternatingExpert", "SyntheticBars", "synthetic_desk", "synthetic_spec"]

_START, _FIRST, _LAST = date(2021, 1, 4), date(2022, 10, 3), date(2023, 1, 31)
_LEVELS = {"SPX": 4000.0, "SPY": 400.0, "VIX": 20.0}


@dataclass(frozen=True, kw_only=True)
class SyntheticBars:
    """Bars of ``SPX``, ``SPY`` and ``VIX`` drawn from a seed: volatility that clusters, fat moves, gaps at the open."""

    seed: int = 1
    """Of the numbers drawn."""

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns a digest of the bars."""
        if kind != "bars":
            raise BadData(f"no quotes of {symbol!r} here")
        bars = self.bars(symbol)
        return hashlib.sha256(bars.close.tobytes() + bars.volume.tobytes()).hexdigest()

    def bars(self, symbol: str) -> Bars:
        """Returns the bars of a symbol, a new copy each time."""
        if symbol not in _LEVELS:
            raise BadData(f"the made-up market has bars of {', '.join(_LEVELS)}, not of {symbol!r}; give a desk of your own")
        bars = _drawn(self.seed)[symbol]
        return bars.sliced(0, len(bars))

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:  # noqa: ARG002 - it has none
        """Raises BadData: quotes are modelled on these bars."""
        raise BadData(f"no quotes of {symbol!r} here")


@lru_cache(maxsize=4)
def _drawn(seed: int) -> dict[str, Bars]:
    sessions = np.array(ExchangeCalendar().sessions(_START, _LAST), dtype="datetime64[D]")
    rng, n = np.random.default_rng(seed), len(sessions)
    volatility = np.empty(n)
    level = 0.0
    for i, shock in enumerate(rng.normal(0.0, 0.12, n)):
        level = 0.95 * level + shock
        volatility[i] = 0.18 * np.exp(level)
    moves = volatility / np.sqrt(252) * rng.standard_t(5, n) * np.sqrt(3 / 5)
    path = np.exp(np.cumsum(moves))
    gaps = np.exp(rng.normal(0.0, 0.3, n) * volatility / np.sqrt(252))
    spread = rng.uniform(0.0, 0.006, (2, n))
    index = 100.0 * volatility * np.exp(rng.normal(0.0, 0.03, n)) / _LEVELS["VIX"]
    made: dict[str, Bars] = {}
    for symbol, start in _LEVELS.items():
        close = np.round(start * (index if symbol == "VIX" else path * np.exp(rng.normal(0.0, 0.0005, n))), 2)
        opened = close.copy() if symbol == "VIX" else np.round(np.append(close[:1], close[:-1]) * gaps, 2)
        made[symbol] = Bars(
            symbol=symbol,
            sessions=sessions,
            open=opened,
            high=np.round(np.maximum(opened, close) * (1 + spread[0] * (symbol != "VIX")), 2),
            low=np.round(np.minimum(opened, close) * (1 - spread[1] * (symbol != "VIX")), 2),
            close=close,
            volume=np.zeros(n) if symbol == "VIX" else np.round(rng.lognormal(17.0, 0.4, n)),
        ).checked()
    return made


@dataclass(frozen=True, kw_only=True)
class AlternatingExpert:
    """Proposes something in every session, so that a policy and exits have something to judge."""

    dte: int = 20
    """Days to expiry of what it proposes."""

    def evaluate(self, view: MarketView) -> Signal:
        """Proposes a call or a put by the parity of the day, with a confidence that goes round."""
        day = view.session.toordinal() + self.dte
        up = day % 2 == 0
        structure = (LongCall if up else LongPut)(dte=self.dte, moneyness=1.0)
        direction = Direction.BULLISH if up else Direction.BEARISH
        return Signal.one(direction, structure, confidence=(50 + day * 7 % 50) / 100, reasons=("it is its turn",))


def synthetic_desk(seed: int) -> Desk:
    """Returns a desk whose market is made up: ``SPX`` and ``SPY`` with modelled options, ``VIX`` as a reference.

    Args:
        seed: Of the numbers drawn.
    """
    bars = SyntheticBars(seed=seed)
    strategy = Strategy(
        name="synthetic",
        underlyings=("SPX", "SPY"),
        references=("VIX",),
        experts={"short": AlternatingExpert(dte=9), "long": AlternatingExpert(dte=30)},
        policy=RiskPolicy(max_entries_per_session=3, max_open_positions=8),
        exits=ExitRules(),
    )
    quotes = {
        "SPX": ModelledOptions(data=bars, expiries=6, strikes=21),
        "SPY": ModelledOptions(data=bars, underlying="SPY", root="SPY", expiries=6, strikes=21, strike_step=2.5),
    }
    return Desk(strategies=[strategy], market_data=CombinedMarketData(bars_from=bars, quotes_from=quotes))


def synthetic_spec() -> BacktestSpec:
    """Returns a spec of the made-up market: 83 sessions after more than a year of history."""
    return BacktestSpec(strategy="synthetic", start=_FIRST, end=_LAST, capital=Decimal(200_000))
