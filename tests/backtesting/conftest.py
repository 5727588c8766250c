"""A desk on seven weeks of made-up data over three months, and runs that are claimed step by step."""

from __future__ import annotations

import functools
import uuid
from dataclasses import dataclass, field
from datetime import date

import pytest

import optarb
from optarb.backtesting.claim import claim_book
from optarb.backtesting.context import RunContext
from optarb.backtesting.ingest import ingest_symbol
from optarb.protocols.stores import BlockKey
from optarb.testing import FakeCalendar, FakeMarketData, fake_bars, fake_quote_rows, fake_quotes

START, END = date(2024, 5, 20), date(2024, 7, 5)
SESSIONS = FakeCalendar().sessions(START, END)
"""35 weekdays: 10 of May, 20 of June and 5 of July."""


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Has no opinion."""

    drop: float = 0.05

    def evaluate(self, view):
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class CountingData(FakeMarketData):
    """Notes what it was asked for."""

    asked: list = field(default_factory=list)

    def bars(self, symbol):
        self.asked.append(("bars", symbol))
        return super().bars(symbol)

    def chains(self, symbol, start, end):
        self.asked.append(("chains", symbol, start, end))
        return super().chains(symbol, start, end)


@functools.cache
def quotes(ask_of_june=None):
    rows = {}
    for day in SESSIONS:
        rows[day] = list(fake_quote_rows(5000.0, session=day, expiries=2, strikes=3))
    if ask_of_june is not None:
        first = rows[date(2024, 6, 12)][0]
        rows[date(2024, 6, 12)][0] = (*first[:4], ask_of_june)
    return fake_quotes(rows, spots=dict.fromkeys(SESSIONS, 5000.0))


def market_data(*, last_close=5060.0, ask_of_june=None):
    bars = fake_bars([*(5000.0 + i for i in range(59)), last_close], last=END)
    vix = fake_bars([15.0 + i % 5 for i in range(60)], symbol="VIX", last=END)
    return CountingData(bars_by_symbol={"SPX": bars, "VIX": vix}, quotes_by_symbol={"SPX": quotes(ask_of_june)})


def empty_cache():
    return optarb.MemoryCache(name=uuid.uuid4().hex)


@pytest.fixture
def make_desk():
    """Builds a desk; arguments replace its fields. The desks of a test share a store, and each has a cache of its own."""
    store = optarb.SqlStore(url="sqlite://", name=uuid.uuid4().hex)

    def make(*, experts=None, **fields):
        strategy = optarb.Strategy(
            name="quiet",
            underlyings=("SPX",),
            references=("VIX",),
            experts={"one": Quiet(), "two": Quiet(drop=0.1)} if experts is None else experts,
            policy=optarb.RiskPolicy(),
            exits=optarb.ExitRules(),
        )
        defaults = {
            "strategies": [strategy],
            "market_data": market_data(),
            "calendar": FakeCalendar(),
            "cache": empty_cache(),
            "store": store,
        }
        return optarb.Desk(**(defaults | fields))

    return make


@pytest.fixture
def make_spec():
    def make(**changes):
        fields = {"strategy": "quiet", "start": START, "end": END, "execution": optarb.ExecutionSpec(block_sessions=4)}
        return optarb.BacktestSpec(**(fields | changes))

    return make


@pytest.fixture
def claimed():
    """Claims a book and opens its run."""

    def claim(desk, spec, book_id="book", owner="me"):
        taken = claim_book(desk, spec, book_id, owner)
        return RunContext.open(desk, spec, book_id, taken.epoch)

    return claim


def nothing(*_):
    """A tick."""


def ingest(context):
    for symbol in context.plan.symbols:
        ingest_symbol(context, symbol, nothing)


def commit(context, phase, unit, first):
    """Commits a block without rows."""
    key = BlockKey(phase=phase, unit=unit, first=first)
    return context.store.commit(context.book_id, context.epoch, key, last=first, parent="", state=b"{}", rows={})
