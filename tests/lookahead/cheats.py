"""Components that look ahead, or depend on what they must not, each in a way that has been seen in the wild."""

from __future__ import annotations

import json
import os
import random
import time
import warnings
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np

from optarb import Decision, Entry, ExitRules, LongCall, RiskPolicy, Signal
from optarb.domain.bars import Bars

KEPT: dict[str, object] = {}
"""What cheats leave behind in their process."""


def call(confidence, *, dte=20):
    return Signal.bullish(LongCall(dte=dte, moneyness=1.0), confidence=float(confidence), reasons=["cheat"])


def library(name, *columns, **parameters):
    """Calls pandas-ta-classic, which warns of what pandas and itself have deprecated."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import pandas_ta_classic

        return getattr(pandas_ta_classic, name)(*(pd.Series(column) for column in columns), **parameters)


# Indicators


@dataclass(frozen=True, kw_only=True)
class FutureClose:
    columns: tuple[str, ...] = ("future_close",)
    warm_up: int = 0

    def compute(self, bars):
        return {"future_close": np.append(bars.close[1:], bars.close[-1:])}


@dataclass(frozen=True, kw_only=True)
class CentredMean:
    columns: tuple[str, ...] = ("centred_mean",)
    warm_up: int = 4

    def compute(self, bars):
        padded = np.pad(bars.high, 2, mode="edge")
        return {"centred_mean": sum(padded[i : i + len(bars)] for i in range(5)) / 5}


@dataclass(frozen=True, kw_only=True)
class ScaledOnAll:
    columns: tuple[str, ...] = ("scaled",)
    warm_up: int = 0

    def compute(self, bars):
        return {"scaled": (bars.volume - bars.volume.mean()) / (bars.volume.std() + 1.0)}


@dataclass(frozen=True, kw_only=True)
class BackFilled:
    """Known every fifth session alone; the gaps before are filled with what comes next."""

    columns: tuple[str, ...] = ("back_filled",)
    warm_up: int = 0

    def compute(self, bars):
        import pandas as pd

        fifth = np.where(np.arange(len(bars)) % 5 == 4, bars.low, np.nan)
        return {"back_filled": pd.Series(fifth).bfill().to_numpy(dtype=np.float64, copy=True)}


@dataclass(frozen=True, kw_only=True)
class RevisedPivot:
    """Marks a high once three later sessions have confirmed it: in the row of the high."""

    columns: tuple[str, ...] = ("pivot",)
    warm_up: int = 0

    def compute(self, bars):
        out = np.zeros(len(bars))
        for row in range(3, len(bars) - 3):
            out[row] = float(bars.high[row] == bars.high[row - 3 : row + 4].max())
        return {"pivot": out}


@dataclass(frozen=True, kw_only=True)
class CentredDpo:
    """The detrended price oscillator as pandas-ta-classic computes it by default."""

    columns: tuple[str, ...] = ("dpo",)
    warm_up: int = 40

    def compute(self, bars):
        found = library("dpo", bars.close, length=20, centered=True, lookahead=True)
        return {"dpo": np.full(len(bars), np.nan) if found is None else found.to_numpy(dtype=np.float64, copy=True)}


@dataclass(frozen=True, kw_only=True)
class Chikou:
    """The lagging span of pandas-ta-classic's Ichimoku: the close, moved back."""

    columns: tuple[str, ...] = ("chikou",)
    warm_up: int = 0

    def compute(self, bars):
        found = library("ichimoku", bars.high, bars.low, bars.close, lookahead=True)[0]
        empty = np.full(len(bars), np.nan)
        return {"chikou": empty if found is None else found["ICS_26"].to_numpy(dtype=np.float64, copy=True)}


@dataclass(frozen=True, kw_only=True)
class LengthTold:
    """Knows how many sessions are left, and nothing of their prices."""

    columns: tuple[str, ...] = ("left",)
    warm_up: int = 0

    def compute(self, bars):
        return {"left": np.arange(len(bars), 0.0, -1.0)}


@dataclass(frozen=True, kw_only=True)
class BehindTheArray:
    """Reads what lies in memory behind the column it was given."""

    columns: tuple[str, ...] = ("behind",)
    warm_up: int = 0

    def compute(self, bars):
        base = bars.close.base
        more = np.asarray(base) if base is not None and len(base) > len(bars) else bars.close
        return {"behind": more[-len(bars) :].copy()}


# Experts


@dataclass(frozen=True, kw_only=True)
class AroundTheView:
    """Takes the engine's own bars instead of the view's."""

    def evaluate(self, view):
        bars: Bars = view.view._bars[view.underlying]
        row = bars.rows.get(view.session)
        return call(0.9 if row is not None and bars.close[row] > bars.open[row] else 0.5)


@dataclass(frozen=True, kw_only=True)
class LaterQuotes:
    """Reads the quotes of the sessions that follow, behind those of this one."""

    def evaluate(self, view):
        chain = view.chain()
        base = chain._asks.base
        rest = chain._asks if base is None else base[np.searchsorted(base.cumsum(), chain._asks.cumsum()[-1]) :]
        return call(0.5 + 0.4 * float(np.tanh(rest.sum() / 1e6)))


@dataclass(frozen=True, kw_only=True)
class KeepsBars:
    """An indicator that leaves its bars behind for an expert."""

    first_only: bool = False
    columns: tuple[str, ...] = ("keeps",)
    warm_up: int = 0

    def compute(self, bars):
        if not self.first_only or bars.symbol not in KEPT:
            KEPT[bars.symbol] = bars.close.copy()
        return {"keeps": bars.close.copy()}


@dataclass(frozen=True, kw_only=True)
class ReadsKept:
    """An expert that finds the bars that :class:`KeepsBars` left."""

    def evaluate(self, view):
        closes = KEPT[view.underlying]
        row = len(view.bars())
        return call(0.9 if row < len(closes) and closes[row] > closes[row - 1] else 0.5)


@dataclass(frozen=True, kw_only=True)
class FirstCallerTrains:
    """Trains when it is asked first, and keeps the model."""

    def evaluate(self, view):
        model = KEPT.setdefault(f"model {view.underlying}", view.bars().close.mean())
        return call(np.exp(-abs(view.bars(n=1).close[-1] / model - 1)))


@dataclass(frozen=True, kw_only=True)
class LaterReturn:
    """The label of a training, kept as a feature: the return of the five sessions that follow."""

    columns: tuple[str, ...] = ("later_return",)
    warm_up: int = 0

    def compute(self, bars):
        out = np.zeros(len(bars))
        out[:-5] = bars.close[5:] / bars.close[:-5] - 1
        return {"later_return": out}


@dataclass(frozen=True, kw_only=True)
class TrainedOnLabels:
    """Trains on labels whose last rows are not known at the cut-off."""

    def cutoffs(self, sessions):
        return sessions[300::5]

    def fit(self, view):
        labels = [view.feature("later_return", back=back) for back in range(60)]
        return json.dumps(float(np.mean(labels))).encode()

    def evaluate(self, view):
        return call(0.5 if view.model is None else 0.5 + np.tanh(abs(view.model.load(json.loads))) / 2)


@dataclass(frozen=True, kw_only=True)
class TrainedTooLate:
    """Trains on the engine's own bars, which go on after the cut-off."""

    def cutoffs(self, sessions):
        return sessions[300::5]

    def fit(self, view):
        bars: Bars = view.view._bars[view.underlying]
        row = bars.rows[view.bars_through]
        return json.dumps(float(bars.close[row - 50 : row + 3].mean())).encode()

    def evaluate(self, view):
        return call(0.5 if view.model is None else 0.6)


@dataclass(frozen=True, kw_only=True)
class ModelOfTheFirstFit:
    """Fits once a process and gives that model to every cut-off."""

    def cutoffs(self, sessions):
        return sessions[300::5]

    def fit(self, view):
        kept = KEPT.setdefault(f"fit {view.underlying}", float(view.bars().close.mean()))
        return json.dumps(kept).encode()

    def evaluate(self, view):
        return call(0.5 if view.model is None else 0.6)


@dataclass(frozen=True, kw_only=True)
class CountsCalls:
    def evaluate(self, view):
        KEPT["calls"] = KEPT.get("calls", 0) + 1
        return call((KEPT["calls"] % 100) / 100)


@dataclass(frozen=True, kw_only=True)
class ReadsTheClock:
    read: str = "today"

    def evaluate(self, view):
        now = {
            "today": lambda: date.today().toordinal(),  # noqa: DTZ011
            "now": lambda: datetime.now().toordinal(),  # noqa: DTZ005
            "time": lambda: int(time.time() // 86_400),
        }
        return call(now[self.read]() % 97 / 97)


@dataclass(frozen=True, kw_only=True)
class DrawsNumbers:
    source: str = "global"

    def evaluate(self, view):
        draw = {
            "global": random.random,
            "numpy": np.random.random,
            "entropy": lambda: np.random.default_rng().random(),
        }
        return call(draw[self.source]())


@dataclass(frozen=True, kw_only=True)
class OrderOfASet:
    def evaluate(self, view):
        return call(
            {"alpha": 0.5, "beta": 0.6, "gamma": 0.7, "delta": 0.8, "epsilon": 0.9}[
                next(iter({"alpha", "beta", "gamma", "delta", "epsilon"}))
            ]
        )


@dataclass(frozen=True, kw_only=True)
class DiffersSeldom:
    """Another year and another hash seed must come together."""

    def evaluate(self, view):
        other = date.today().year > 2034 and os.environ.get("PYTHONHASHSEED") == "2"  # noqa: DTZ011
        return call(0.9 if other else 0.5)


# Policy, exits, structure


def takes_what_rises(candidates, account, view):
    """A policy that enters when the close of the session is above its open."""
    bars = view._bars["SPX"]
    row = bars.rows[view.session]
    units = 2 if bars.close[row] > bars.open[row] else 1
    return Decision(
        entries=tuple(Entry(candidate=one, units=units) for one in candidates[:1]),
        denials=RiskPolicy(min_confidence=0.0, max_entries_per_session=0).decide(candidates[1:], account, view).denials,
    )


@dataclass(frozen=True, kw_only=True)
class ExitsBeforeFalls(ExitRules):
    """Exits what will be worth less in the next session."""

    def reason(self, position, view):
        bars = view._bars[position.underlying]
        row = bars.rows[view.session]
        if row + 1 < len(bars) and bars.low[row + 1] < 0.99 * bars.close[row]:
            return "it will fall"
        return super().reason(position, view)


@dataclass(frozen=True, kw_only=True)
class StructureOfTheFirst:
    """Chooses for ever what it chose first."""

    def choose(self, chains, underlying):
        legs = LongCall(dte=20, moneyness=1.0).choose(chains, underlying)
        first = KEPT.setdefault(f"legs {underlying}", legs)
        return tuple(replace(leg, ratio=1 + (legs[0].contract.strike > first[0].contract.strike)) for leg in legs)
