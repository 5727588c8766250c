"""A desk on three sessions of made-up data, quick to build."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from optarb.brokers import CrossSpread, PerContractFee, PortfolioMargin, Simulator
from optarb.desk import Desk
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.specs import BacktestSpec
from optarb.stores import SqlStore
from optarb.strategy import Strategy
from optarb.testing import FakeCalendar, FakeMarketData, fake_bars, fake_quote_rows, fake_quotes

LAST = date(2024, 6, 7)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """An expert that declares what it reads."""

    features: tuple[str, ...] = ("rsi_14",)
    drop: float = 0.05

    def evaluate(self, view):
        raise AssertionError("nothing may run here")


@dataclass(frozen=True, kw_only=True)
class SkewedFill(CrossSpread):
    """A fill model with a parameter."""

    slip: float = 0.0


def market_data(*, without=(), symbols=("SPX", "VIX")):
    """Twenty sessions to Friday 2024-06-07; quotes of SPX in its last week."""
    bars = fake_bars([5000.0 + i for i in range(20)], last=LAST)
    keep = [i for i, day in enumerate(bars.dates) if day not in without]
    columns = {name: getattr(bars, name)[keep] for name in ("sessions", "open", "high", "low", "close", "volume")}
    every = {symbol: type(bars)(symbol=symbol, **columns) for symbol in symbols}
    week = [day for day in bars.dates if day >= date(2024, 6, 3)]
    rows = {day: fake_quote_rows(5000.0, session=day, expiries=3, strikes=3) for day in week}
    return FakeMarketData(bars_by_symbol=every, quotes_by_symbol={"SPX": fake_quotes(rows)})


@pytest.fixture
def build():
    """Builds a desk; arguments replace its fields or those of its one strategy."""
    store = SqlStore(url="sqlite://", name=f"desk-{uuid.uuid4().hex}")

    def make(*, experts=None, underlyings=("SPX",), references=("VIX",), **fields):
        strategy = Strategy(
            name="dips",
            underlyings=underlyings,
            references=references,
            experts={"dip": Reader()} if experts is None else experts,
            policy=RiskPolicy(),
            exits=ExitRules(),
        )
        defaults = {
            "strategies": [strategy],
            "market_data": market_data(),
            "calendar": FakeCalendar(),
            "store": store,
            "simulator": Simulator(
                fills=SkewedFill(), fees=PerContractFee(commission_usd=Decimal("0.65")), margin=PortfolioMargin()
            ),
        }
        return Desk(**(defaults | fields))

    return make


@pytest.fixture
def spec():
    """Builds a spec of the last week."""

    def make(**changes):
        return BacktestSpec(**({"strategy": "dips", "start": date(2024, 6, 3), "end": LAST} | changes))

    return make
