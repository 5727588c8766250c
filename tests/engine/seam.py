"""Three sessions of a small market, and one session of them through the engine with a broker of the test's choice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from optarb.brokers import Simulator
from optarb.domain.contracts import OptionContract, Right
from optarb.domain.signals import Signal
from optarb.engine.evaluation import evaluate_expert
from optarb.engine.features import FeatureTable, compute_indicator
from optarb.engine.market import Market
from optarb.engine.recorder import Recorder
from optarb.engine.session import SessionEngine
from optarb.engine.view import ExpertView
from optarb.indicators import named
from optarb.ledger.rows import TABLES
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.strategy import Strategy
from optarb.structures import LongPut, Vertical
from optarb.testing import FakeCalendar, FakeMarketData, ScriptedBroker, ScriptedExpert, fake_bars, fake_chain

FIRST, SECOND, THIRD = date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)
SPOTS = {FIRST: 5000.0, SECOND: 5040.0, THIRD: 5020.0}
SPREAD = Vertical(right=Right.CALL, width=50.0, dte=30, moneyness=1.0)
PUT = LongPut(dte=30, moneyness=1.0)
STRATEGY = Strategy(
    name="seam",
    underlyings=("SPX",),
    experts={
        "spread": ScriptedExpert(signals={FIRST: Signal.bullish(SPREAD, confidence=0.9, reasons=["up"])}),
        "put": ScriptedExpert(
            signals={
                FIRST: Signal.bearish(PUT, confidence=0.8, reasons=["down"]),
                SECOND: Signal.bearish(PUT, confidence=0.7, reasons=["down again"]),
            }
        ),
    },
    policy=RiskPolicy(quantity=2),
    exits=ExitRules(profit_target=None, stop_loss=None, max_hold_sessions=1),
)


@dataclass(frozen=True)
class Chains:
    """Chains by session."""

    by_session: dict

    def chain(self, session):
        return self.by_session.get(session)


def market():
    """Three sessions of SPX."""
    bars = fake_bars([4990.0, *SPOTS.values()], last=THIRD)
    chains = {session: fake_chain(spot=spot, session=session) for session, spot in SPOTS.items()}
    return Market(
        sessions=tuple(SPOTS),
        previous={FIRST: date(2024, 5, 31), SECOND: FIRST, THIRD: SECOND},
        bars={"SPX": bars},
        features={"SPX": FeatureTable(resolve=named, load=lambda one: compute_indicator(one, bars))},
        chains={"SPX": Chains(chains)},
        calendar=FakeCalendar(),
        same_session=False,
    )


def day(book, session, broker_of, strategy=STRATEGY):
    """Runs one session through the engine; returns its rows and counts."""
    shown = market()
    engine = SessionEngine(
        strategy=strategy,
        simulator=Simulator(),
        market=shown,
        data=FakeMarketData(bars_by_symbol={}),
        mark="closing_side",
        am_settlement="open",
        next_session={FIRST: SECOND, SECOND: THIRD, THIRD: date(2024, 6, 6)},
    )
    view = shown.view(session)
    signals = [
        evaluate_expert(name, expert, ExpertView(underlying="SPX", model=None, view=view, once_by_key=lambda *_: b""))
        for name, expert in strategy.experts.items()
    ]
    broker, pump = broker_of(view)
    recorder = Recorder()
    engine.run(
        view,
        [signal for signal in signals if signal is not None],
        book=book,
        broker=broker,
        pump=pump,
        recorder=recorder,
        last_session=False,
    )
    return (*recorder.drain(), broker)


def held(book):
    """Contracts held, by contract, netted over positions."""
    totals = {}
    for position in book.positions.values():
        for lot in position.held:
            totals[lot.contract] = totals.get(lot.contract, 0) + lot.quantity
    return totals


def traded(session, *trades):
    """What trades of (contract, quantity) cost in ledger units: buys at the ask, sales at the bid; no fees."""
    quote_of = market().view(session).chains["SPX"].quote
    cost = 0
    for symbol, quantity in trades:
        quote = quote_of(OptionContract.parse(symbol))
        cost += (quote.ask if quantity > 0 else quote.bid) * quantity * 100 * 10_000
    return int(cost)


def simulated(view):
    """As a backtest: one look at the market."""
    broker = Simulator().broker()

    def pump():
        broker.advance(view)
        return False

    return broker, pump


def live(*scripts, kind=ScriptedBroker, **options):
    """As a live day: look after look, until nothing moves; ``kind`` is a broker with a fault of its own."""

    def open_broker(view):
        broker = kind(view, scripts, **options)

        def pump():
            broker.advance(view)
            return broker.is_moving

        return broker, pump

    return open_broker


def named_rows(rows, table):
    names = [column.name for column in TABLES[table].columns]
    return [dict(zip(names, row, strict=True)) for row in rows[table]]
