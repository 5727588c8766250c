"""Components that keep something, draw numbers or look at the calendar, and yet answer from what may be known alone."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

import numpy as np

from optarb import ExchangeCalendar, Exit, LongCall, Review, RiskPolicy, Signal

CALLS: list[object] = []
MEMO: dict[object, float] = {}


def call(confidence):
    return Signal.bullish(LongCall(dte=20, moneyness=1.0), confidence=float(confidence), reasons=["honest"])


@cache
def expensive(closes):
    return float(np.mean(closes))


@dataclass(frozen=True, kw_only=True)
class Remembers:
    """Keeps what it computed, by all that it was computed from; counts its calls; takes its time."""

    def evaluate(self, view):
        began = time.perf_counter()
        CALLS.append(view.session)
        mean = expensive(tuple(view.bars(n=20).close.tolist()))
        key = (view.underlying, view.bars_through)
        MEMO.setdefault(key, float(view.bars(n=1).close[-1]) / mean)
        assert time.perf_counter() >= began
        return call(0.9 if MEMO[key] > 1 else 0.6)


@dataclass(frozen=True, kw_only=True)
class SeededNoise:
    """Draws from a generator of its own, seeded by the session."""

    seed: int = 7

    def evaluate(self, view):
        return call(np.random.default_rng([self.seed, view.session.toordinal()]).random())


@dataclass(frozen=True, kw_only=True)
class ReadsAhead:
    """Looks at the coming sessions of the calendar and the listed expiries, which are known long before."""

    def evaluate(self, view):
        coming = ExchangeCalendar().sessions(view.session, view.session.replace(year=view.session.year + 1))
        left = sum(day.month == view.session.month for day in coming[:25])
        last = view.chain().expiries.max() - np.datetime64(view.session, "D")
        return call((left + int(last.astype(int)) % 5) / 40)


@dataclass(frozen=True, kw_only=True)
class AsksOutside:
    """Asks something that never answers twice the same; the reply is kept, as a backtest keeps it."""

    def evaluate(self, view):
        return call(view.once("opinion", lambda: os.urandom(1))[0] / 255)


@dataclass(frozen=True, kw_only=True)
class Trains:
    """Trains on what the view shows, on labels that are known there."""

    def cutoffs(self, sessions):
        return sessions[300::5]

    def fit(self, view):
        close = view.bars().close
        return json.dumps(float(np.mean(close[5:] / close[:-5] - 1))).encode()

    def evaluate(self, view):
        return call(0.5 if view.model is None else 0.5 + np.tanh(abs(view.model.load(json.loads))) / 2)


@dataclass(frozen=True, kw_only=True)
class Recursive:
    """An exponential mean, a running maximum and a count: each row from all rows before. It refuses prices that are none."""

    columns: tuple[str, ...] = ("mean", "peak", "count")
    warm_up: int = 0

    def compute(self, bars):
        if not np.isfinite(bars.close).all():
            raise ValueError("prices must be finite")
        mean = np.empty(len(bars))
        level = bars.close[0] if len(bars) else 0.0
        for row, close in enumerate(bars.close):
            level += 0.1 * (close - level)
            mean[row] = level
        return {"mean": mean, "peak": np.maximum.accumulate(bars.close), "count": np.arange(float(len(bars)))}


@dataclass(frozen=True, kw_only=True)
class TrailingStop:
    """Exits what fell from its best value, which it keeps in its notes."""

    def review(self, account, view):
        exits, notes = [], {}
        for position in account.positions:
            best = max(Decimal(position.notes.get("best", "0")), position.value_usd)
            notes[position.position_id] = {"best": str(best)}
            if position.value_usd < best * Decimal("0.8"):
                exits.append(Exit(position_id=position.position_id, reason="trailing_stop"))
        return Review(exits=tuple(exits), notes=notes)


@dataclass(frozen=True, kw_only=True)
class CalmPolicy(RiskPolicy):
    """Enters less where the range of the sessions before is wide."""

    def units(self, candidate, account, view):
        bars = view.bars(candidate.underlying, 20)
        return 1 if (bars.high.max() / bars.low.min()) > 1.08 else 2
