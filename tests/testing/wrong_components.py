"""Components that are wrong in one way each, with their conformance tests. Run by test_conformance.py, never collected."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from optarb.brokers import SimulatedBroker, Simulator
from optarb.decisions import Decision, Denial, Exit, Review
from optarb.domain.legs import Leg, NoFit
from optarb.domain.orders import Accepted, LegFill, OrderStatus
from optarb.domain.signals import Signal
from optarb.experts import RulesExpert
from optarb.structures import LongCall
from optarb.testing import (
    BrokerAdapterConformance,
    ExpertConformance,
    FakeCalendar,
    FakeMarketData,
    FeeModelConformance,
    FillModelConformance,
    IndicatorConformance,
    MarginModelConformance,
    MarketDataConformance,
    PolicyEngineConformance,
    PositionManagerConformance,
    StructureConformance,
    TradingCalendarConformance,
    fake_bars,
    fake_quote_rows,
    fake_quotes,
)

CALL = LongCall(dte=30, moneyness=1.0)


@dataclass(frozen=True, kw_only=True)
class Counting:
    """Answers every second time."""

    seen: list = field(default_factory=list)

    def evaluate(self, view):
        self.seen.append(view.session)
        return Signal.bullish(CALL, confidence=0.5) if len(self.seen) % 2 else None


@dataclass(frozen=True, kw_only=True)
class Scribbling:
    def evaluate(self, view):
        chain = view.chain()
        if chain is not None and len(chain):
            chain.bids[0] = 99.0


@dataclass(frozen=True, kw_only=True)
class ShortSighted:
    """Takes twenty bars for granted."""

    def evaluate(self, view):
        if view.bars().close[-20] > 6000.0:
            return Signal.bullish(CALL, confidence=0.5)
        return None


@dataclass(frozen=True, kw_only=True)
class Misspelt:
    features = ("rsi_fourteen",)

    def evaluate(self, view):
        return None


@dataclass(kw_only=True)
class Thawed:
    def evaluate(self, view):
        return None


@dataclass(frozen=True, kw_only=True)
class LeavesOut:
    def decide(self, candidates, account, view):
        return Decision(denials=tuple(Denial(candidate=one, rule="no", reason="no") for one in candidates[1:]))


@dataclass(frozen=True, kw_only=True)
class ClosesStrangers:
    def review(self, account, view):
        return Review(exits=(Exit(position_id="19990101.1", reason="mine"),))


@dataclass(frozen=True, kw_only=True)
class NotesNumbers:
    def review(self, account, view):
        return Review(notes={one.position_id: {"high": 1.0} for one in account.positions})


@dataclass(frozen=True, kw_only=True)
class Centred:
    """Knows tomorrow's close."""

    columns = ("centred",)
    warm_up = 0

    def compute(self, bars):
        return {"centred": np.append(bars.close[1:], bars.close[-1:])}


@dataclass(frozen=True, kw_only=True)
class WholeHistory:
    """Divides by what the whole history came to."""

    columns = ("share",)
    warm_up = 0

    def compute(self, bars):
        return {"share": bars.close / bars.close.sum() if len(bars) else bars.close}


@dataclass(frozen=True, kw_only=True)
class Gaps:
    columns = ("gap",)
    warm_up = 1

    def compute(self, bars):
        change = np.diff(bars.close, prepend=np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {"gap": change / change}


@dataclass(frozen=True, kw_only=True)
class Twice:
    def choose(self, chains, underlying):
        if underlying not in chains or not len(chains[underlying]):
            return NoFit(reason="nothing")
        leg = Leg(contract=chains[underlying].contract(0), ratio=1)
        return (leg, leg)


@dataclass(frozen=True, kw_only=True)
class TakesForGranted:
    def choose(self, chains, underlying):
        return (Leg(contract=chains[underlying].contract(0), ratio=1),)


@dataclass(frozen=True, kw_only=True)
class Generous:
    def fill_price(self, quote, quantity):
        return quote.bid if quantity > 0 else quote.ask


@dataclass(frozen=True, kw_only=True)
class Rebate:
    def fees(self, legs, units, session):
        return Decimal(-1)


@dataclass(frozen=True, kw_only=True)
class Steep:
    """Asks ever more for each further unit."""

    label = "steep"

    def requirement(self, holdings, underlying_prices, view):
        return Decimal(sum(quantity**2 for _, quantity, _ in holdings))


@dataclass(frozen=True, kw_only=True)
class NeedsQuotes:
    """Takes quotes for granted."""

    label = "needs quotes"

    def requirement(self, holdings, underlying_prices, view):
        return max(view.chain(contract.underlying).quote(contract).ask for contract, _, _ in holdings)


@dataclass(frozen=True, kw_only=True)
class Naive(FakeCalendar):
    def opens_at(self, session):
        return super().opens_at(session).replace(tzinfo=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Backwards(FakeMarketData):
    def chains(self, symbol, start, end):
        return iter(list(super().chains(symbol, start, end))[::-1])


@dataclass(frozen=True, kw_only=True, eq=False)
class Overlong(FakeMarketData):
    def chains(self, symbol, start, end):
        return super().chains(symbol, date(1990, 1, 1), end)


class Doubling(SimulatedBroker):
    """Does a repeated order again."""

    def submit(self, order):
        self._orders.pop(order.order_id, None)
        super().submit(order)
        return Accepted()


class Incremental(SimulatedBroker):
    """Reports what is new since the last look."""

    def find(self, order_id):
        report = super().find(order_id)
        if report is not None and report.status is OrderStatus.FILLED:
            nothing = tuple(LegFill(contract=leg.contract, quantity=0, price=Decimal(0)) for leg in report.legs)
            self._reports[order_id] = dataclasses.replace(report, legs=nothing)
        return report


def source(kind):
    bars = fake_bars([5000.0] * 8)
    days = bars.sessions.tolist()
    rows = {day: fake_quote_rows(5000.0, session=day, expiries=1, strikes=3) for day in days}
    return kind(bars_by_symbol={"SPX": bars}, quotes_by_symbol={"SPX": fake_quotes(rows)})


class TestCounting(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return Counting()


class TestScribbling(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return Scribbling()


class TestShortSighted(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return ShortSighted()


class TestMisspelt(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return Misspelt()


class TestThawed(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return Thawed()


class TestLambda(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return lambda view: None


class TestLeavesOut(PolicyEngineConformance):
    @pytest.fixture
    def policy(self):
        return LeavesOut()


class TestClosesStrangers(PositionManagerConformance):
    @pytest.fixture
    def manager(self):
        return ClosesStrangers()


class TestNotesNumbers(PositionManagerConformance):
    @pytest.fixture
    def manager(self):
        return NotesNumbers()


class TestCentred(IndicatorConformance):
    @pytest.fixture
    def indicator(self):
        return Centred()


class TestWholeHistory(IndicatorConformance):
    @pytest.fixture
    def indicator(self):
        return WholeHistory()


class TestGaps(IndicatorConformance):
    @pytest.fixture
    def indicator(self):
        return Gaps()


class TestTwice(StructureConformance):
    @pytest.fixture
    def structure(self):
        return Twice()


class TestTakesForGranted(StructureConformance):
    @pytest.fixture
    def structure(self):
        return TakesForGranted()


class TestGenerous(FillModelConformance):
    @pytest.fixture
    def fills(self):
        return Generous()


class TestRebate(FeeModelConformance):
    @pytest.fixture
    def fees(self):
        return Rebate()


class TestSteep(MarginModelConformance):
    @pytest.fixture
    def margins(self):
        return Steep()


class TestNeedsQuotes(MarginModelConformance):
    @pytest.fixture
    def margins(self):
        return NeedsQuotes()


class TestNaive(TradingCalendarConformance):
    @pytest.fixture
    def calendar(self):
        return Naive()


class TestBackwards(MarketDataConformance):
    @pytest.fixture
    def market_data(self):
        return source(Backwards)


class TestOverlong(MarketDataConformance):
    @pytest.fixture
    def market_data(self):
        return source(Overlong)


class TestDoubling(BrokerAdapterConformance):
    @pytest.fixture
    def broker(self):
        return Doubling(Simulator())


class TestIncremental(BrokerAdapterConformance):
    @pytest.fixture
    def broker(self):
        return Incremental(Simulator())


class TestRulesExpert(ExpertConformance):
    @pytest.fixture
    def expert(self):
        return RulesExpert()
