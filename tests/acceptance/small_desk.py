"""A small market, a desk on it, and components that behave or misbehave on request."""

from __future__ import annotations

import copy
import dataclasses
import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from tests import synthetic_market

import optarb
from optarb.ledger.rows import TABLES

FIRST, LAST = date(2015, 12, 1), date(2016, 4, 29)
"""Of the bars and quotes."""
START, END = date(2016, 1, 4), date(2016, 2, 29)
"""Of the runs: 39 sessions."""

CALLS: list[date] = []
"""Sessions at which :class:`Buyer` was asked, in this process."""


@functools.cache
def _market() -> synthetic_market.Market:
    sessions = [day for day in synthetic_market.index_bars().sessions if FIRST <= day <= LAST]
    bars = synthetic_market.random_bars(sessions, seed=5, daily_volatility=0.01)
    return synthetic_market.add_chains(bars, first=FIRST, last=LAST, seed=5, strikes=11)


def market() -> synthetic_market.Market:
    """A market of its own for each caller, to be spoilt at will."""
    return copy.deepcopy(_market())


@dataclass(frozen=True, kw_only=True)
class Buyer:
    """Wants a call at the money at every session."""

    confidence: float = 0.9

    def evaluate(self, view):
        CALLS.append(view.session)
        return optarb.Signal.bullish(optarb.LongCall(dte=30, moneyness=1.0), confidence=self.confidence)


def desk(
    folder: Path,
    *,
    expert: object = None,
    policy: object = None,
    exits: object = None,
    data: object = None,
    store: object = None,
    cache: object = None,
    symbols: Sequence[str] = ("SPX",),
) -> optarb.Desk:
    """A desk on the files below ``folder``, with a store and a cache there."""
    strategy = optarb.Strategy(
        name="calls",
        underlyings=tuple(symbols),
        experts={"buyer": Buyer() if expert is None else expert},
        policy=optarb.RiskPolicy() if policy is None else policy,
        exits=optarb.ExitRules() if exits is None else exits,
    )
    return optarb.Desk(
        strategies=[strategy],
        market_data=parquet(folder) if data is None else data,
        store=optarb.SqlStore(url=f"sqlite:///{folder}/books.db") if store is None else store,
        cache=optarb.FileCache(path=str(folder / "cache")) if cache is None else cache,
    )


def parquet(folder: Path, name: str = "data") -> optarb.ParquetMarketData:
    return optarb.ParquetMarketData(bars=folder / name / "bars", quotes=folder / name / "quotes")


def spec(**changes: object) -> optarb.BacktestSpec:
    fields = {"strategy": "calls", "start": START, "end": END, "capital": Decimal(100_000), **changes}
    return optarb.BacktestSpec(**fields)


def run(desk: optarb.Desk, **changes: object) -> optarb.Result:
    return optarb.backtest(spec(**changes), desk, progress=False)


def ledger(store: optarb.BacktestStore, book_id: str) -> dict[str, list]:
    """Every row of a book, by table."""
    return {name: list(store.rows(book_id, name)) for name in TABLES}


def spoilt(tmp_path: Path, change: Callable[[dict[str, list]], object], *, table: str = "bars") -> optarb.ParquetMarketData:
    """A folder whose bars or quotes were changed by ``change(columns)``."""
    whole = market()
    whole.write(tmp_path / "bad")
    columns = whole.bar_columns() if table == "bars" else whole.quote_columns()
    change(columns)
    synthetic_market.write_table(tmp_path / "bad" / table / "SPX.parquet", columns)
    return parquet(tmp_path, "bad")


# -- components that misbehave -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RaisingExpert:
    def evaluate(self, view):
        raise ZeroDivisionError("the expert's own mistake")


@dataclass(frozen=True, kw_only=True)
class RubbishExpert:
    kind: str = "text"

    def evaluate(self, view):
        return {"text": "buy!", "number": 0.7, "class": optarb.Signal, "true": True}[self.kind]


@dataclass(frozen=True, kw_only=True)
class OverconfidentExpert:
    def evaluate(self, view):
        return optarb.Signal.bullish(optarb.LongCall(dte=30, moneyness=1.0), confidence=7)


@dataclass(frozen=True, kw_only=True)
class MisspellingExpert:
    def evaluate(self, view):
        view.feature("rsi14")


@dataclass(frozen=True, kw_only=True)
class GatedExpert:
    """Waits at its first session until it is let through."""

    def evaluate(self, view):
        GATE_REACHED.set()
        GATE.wait(60)


GATE, GATE_REACHED = threading.Event(), threading.Event()


@dataclass(frozen=True, kw_only=True)
class BadPolicy:
    kind: str

    def decide(self, candidates, account, view):
        if self.kind == "raises":
            raise KeyError("the policy's own mistake")
        entries = tuple(optarb.Entry(candidate=candidate) for candidate in candidates)
        denials = tuple(optarb.Denial(candidate=candidate, rule="both", reason="both") for candidate in candidates)
        invented = dataclasses.replace(candidates[0], expert="nobody")
        altered = dataclasses.replace(candidates[0], premium_usd=Decimal(1))
        return {
            "rubbish": [True],
            "none": None,
            "leaves out": optarb.Decision(),
            "invents": optarb.Decision(entries=(*entries, optarb.Entry(candidate=invented))),
            "alters": optarb.Decision(entries=(optarb.Entry(candidate=altered),)),
            "twice": optarb.Decision(entries=(*entries, *entries)),
            "both": optarb.Decision(entries=entries, denials=denials),
            "words": optarb.Decision(entries=("buy all",)),
        }[self.kind]


@dataclass(frozen=True, kw_only=True)
class BadExits:
    kind: str

    def review(self, account, view):
        if self.kind == "raises":
            raise IndexError("the exits' own mistake")
        exits = tuple(optarb.Exit(position_id=position.position_id, reason="mine") for position in account.positions)
        return {
            "rubbish": "sell all",
            "none": None,
            "invents": optarb.Review(exits=(optarb.Exit(position_id="19990101.1", reason="time_exit"),)),
            "twice": optarb.Review(exits=(*exits, *exits)),
            "notes": optarb.Review(notes={"19990101.1": {"a": "note"}}),
            "words": optarb.Review(exits=tuple(position.position_id for position in account.positions)),
        }[self.kind]


def plain_expert(view):
    """A module-level function is a component too."""
    CALLS.append(view.session)


async def async_expert(view):
    return None


@dataclass(frozen=True, kw_only=True)
class AsyncExpert:
    async def evaluate(self, view):
        return None


@dataclass
class ThawedExpert:
    def evaluate(self, view):
        return None
