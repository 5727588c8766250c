"""A market made by hand, a day in it, and what must hold after every single step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from optarb.brokers.simulated_account import SimulatedAccount
from optarb.desk import Desk
from optarb.domain.contract_keys import pack_key
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.orders import Purpose
from optarb.domain.quotes import Chain
from optarb.domain.signals import Signal
from optarb.errors import BrokerUnavailable
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.protocols.trading import Controls
from optarb.strategy import Strategy
from optarb.testing import FakeCalendar, FakeMarketData, ScriptedExpert, fake_bars
from optarb.testing.faulty_broker import FaultyBroker
from optarb.testing.memory_trading_store import MemoryTradingStore
from optarb.trading.clocks import SimulatedClock
from optarb.trading.day_spec import DaySpec
from optarb.trading.live_position import naked_units
from optarb.trading.running import run_day
from optarb.trading.trading_state import TradingState

MONDAY, TUESDAY, WEDNESDAY = date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)
NEW_YORK = ZoneInfo("America/New_York")

NEAR, FAR = OptionContract.parse("SPY240621C00500000"), OptionContract.parse("SPY240621C00510000")
SPX, SPY = OptionContract.parse("SPXW240621C05000000"), OptionContract.parse("SPY240621C00500000")

VERTICAL = (Leg(contract=NEAR, ratio=1), Leg(contract=FAR, ratio=-1))
PAIR = (Leg(contract=SPX, ratio=1), Leg(contract=SPY, ratio=-10))


def at(clock: str, session: date = MONDAY) -> datetime:
    """An instant in New York, as ``"09:35"`` or ``"09:35:20"``."""
    return datetime.combine(session, time.fromisoformat(clock), NEW_YORK).astimezone(UTC)


@dataclass(frozen=True)
class Fixed:
    """A structure whose legs are given."""

    legs: tuple[Leg, ...]

    def choose(self, chains, underlying):
        return self.legs


@dataclass(kw_only=True)
class Feed:
    """Quotes as steps in time: the newest step at or before an instant holds. They are always fresh unless said otherwise."""

    steps: list[tuple[datetime, dict[OptionContract, tuple[str, str]]]]
    spots: dict[str, str] = field(default_factory=lambda: {"SPX": "5000", "SPY": "500"})
    stale: list[tuple[datetime, datetime]] = field(default_factory=list)
    skewed: list[tuple[datetime, datetime]] = field(default_factory=list)
    silent: list[tuple[datetime, datetime]] = field(default_factory=list)

    def prices(self, at):
        known = {}
        for since, prices in self.steps:
            if since <= at:
                known |= prices
        return {contract: quote for contract, quote in known.items() if quote is not None}

    def taken_at(self, at, symbol):
        if any(first <= at < last for first, last in self.stale):
            return at - timedelta(minutes=10)
        if symbol == "SPY" and any(first <= at < last for first, last in self.skewed):
            return at - timedelta(seconds=3)
        return at

    def chain(self, symbol, at):
        if any(first <= at < last for first, last in self.silent):
            raise BrokerUnavailable("the feed is silent")
        known = {one: quote for one, quote in self.prices(at).items() if one.underlying == symbol}
        rows = [(pack_key(0, one), quote) for one, quote in known.items()]
        rows.sort()
        if not rows:
            return None
        return Chain(
            symbol=symbol,
            session=at.astimezone(NEW_YORK).date(),
            taken_at=self.taken_at(at, symbol),
            modelled=False,
            underlying_price=float(self.spots[symbol]),
            roots=(next(iter(known)).root,),
            keys=np.array([key for key, _ in rows], np.int64),
            bids=np.array([float(quote[0]) for _, quote in rows]),
            asks=np.array([float(quote[1]) for _, quote in rows]),
        )

    def quotes(self, contracts, at):
        chains = {symbol: self.chain(symbol, at) for symbol in {one.underlying for one in contracts}}
        found = {one: chains[one.underlying].quote(one) for one in contracts if chains[one.underlying] is not None}
        return {one: quote for one, quote in found.items() if quote is not None}

    def underlying_price(self, symbol, at):
        return Decimal(self.spots[symbol])


@dataclass(frozen=True, kw_only=True)
class Calendar(FakeCalendar):
    """Weekdays, some of them half days."""

    half_days: tuple[date, ...] = ()

    def closes_at(self, session):
        closes = super().closes_at(session)
        return closes - timedelta(hours=3) if session in self.half_days else closes


@dataclass(kw_only=True)
class World:
    """A desk, a market, a broker and a store that outlive days and crashes."""

    legs: tuple[Leg, ...]
    feed: Feed
    sessions: tuple[date, ...] = (MONDAY,)
    exits: ExitRules = field(default_factory=lambda: ExitRules(profit_target=0.75, stop_loss=-0.35, max_hold_sessions=None))
    calendar: Calendar = field(default_factory=Calendar)
    broker_options: dict = field(default_factory=dict)
    spec_options: dict = field(default_factory=dict)
    cash: str = "1000000"
    quantity: int = 1
    people: list[tuple[datetime, Controls]] = field(default_factory=list)
    store: MemoryTradingStore = field(default_factory=MemoryTradingStore)
    alarms: list[str] = field(default_factory=list)
    steps: int = 0
    uncovered_by_others: bool = False
    """Whether a test makes the broker itself hold what no order of ours explains."""
    expert: object = None

    def __post_init__(self):
        self.account = SimulatedAccount(cash_usd=Decimal(self.cash))
        self.broker = FaultyBroker(self.account, **self.broker_options)
        underlying = self.legs[0].contract.underlying
        symbols = tuple(dict.fromkeys(leg.contract.underlying for leg in self.legs))
        signal = Signal.bullish(Fixed(self.legs), confidence=0.9, reasons=["up"])
        expert = self.expert or ScriptedExpert(signals=dict.fromkeys(self.sessions, signal), underlying=underlying)
        self.strategy = Strategy(
            name="live",
            underlyings=symbols,
            experts={"one": expert},
            policy=RiskPolicy(quantity=self.quantity, max_open_positions=2),
            exits=self.exits,
        )
        closes = [500.0] * 40
        last = date(2024, 6, 28)
        self.desk = Desk(
            strategies=[self.strategy],
            market_data=FakeMarketData(
                bars_by_symbol={
                    symbol: fake_bars(
                        [one * (10 if symbol == "SPX" else 1) for one in closes],
                        symbol=symbol,
                        last=last,
                        calendar=self.calendar,
                    )
                    for symbol in symbols
                }
            ),
            calendar=self.calendar,
        )
        self.spec = DaySpec(strategy="live", capital=Decimal(250_000), **self.spec_options)

    @property
    def book_id(self):
        return self.spec.book_id

    def state(self):
        return TradingState.load(self.book_id, self.store.load(self.book_id).document)

    def run(self, session=MONDAY, *, start="09:30", owner="run", take_over=False, check=True, store=None):
        """Runs a session; after every step the invariants are checked."""
        clock = SimulatedClock(at(start, session))
        result = run_day(
            self.spec,
            self.desk,
            broker=self.broker,
            store=store or self.store,
            feed=self.feed,
            clock=clock,
            owner=owner,
            take_over=take_over,
            after_step=lambda context, now: self.after_step(context, now, check=check),
        )
        if check:
            self.check_end()
        return result

    def after_step(self, context, now, *, check=True):
        self.steps += 1
        while self.people and self.people[0][0] <= now:
            self.store.set_controls(self.book_id, self.people.pop(0)[1])
        if check:
            self.check_step(now)

    # -- what must hold --------------------------------------------------------------------------------------------------

    def titles(self, kind=None):
        """Titles of the notices raised so far."""
        return [note.title for note in self.store.outbox(limit=1000) if kind in {None, note.severity}]

    def check_step(self, now):
        """Never a second accepted order, never a naked short unalarmed, never two live orders that close the same."""
        ids = [order.order_id for order in self.broker.accepted]
        assert len(ids) == len(set(ids)), ids
        state = self.state()
        held = {}
        for position in state.positions.values():
            mine = state.held(position.position_id)
            for contract, quantity in mine.items():
                held[contract] = held.get(contract, 0) + quantity
            if naked_units(position.legs, mine):
                assert "Naked short options" in self.titles("alarm"), (now, mine)
            closing = [leg.contract for order in position.live(Purpose.CLOSE) for leg in order.intent.legs]
            assert len(closing) == len(set(closing)), (now, closing)
            exposed = position.exposed_since
            if exposed is not None and position.stood_still_since is None:
                bound = self.spec.rules.max_unhedged_seconds + self.spec.rules.fast_seconds
                late = now - exposed > timedelta(seconds=bound)
                assert not late or position.goal == "flat" or position.frozen, (now, exposed)
            # What the broker holds of it, whether or not the book knows.
            if naked_units(position.legs, self.account.positions()):
                assert "Naked short options" in self.titles("alarm") or self.uncovered_by_others, now
        assert {c: n for c, n in held.items() if n} == state.holdings()
        # Closing orders of all attempts together never take more than was opened.
        for position_id in {order.position_id for order in self.broker.accepted}:
            assert len(position_id.split(".")) == 2
        book = state.book
        assert book.cash == self.ledger_cash(), now

    def ledger_cash(self):
        """Cash by the rows alone: what the book began with, its fills and its events."""
        cash = int(self.spec.capital * 10_000)
        for row in self.store.rows(self.book_id, "fills"):
            cash += row[12] - row[7]
        for row in self.store.rows(self.book_id, "events"):
            cash += row[7]
        return cash

    def check_end(self):
        """Books are equal to the broker, unless somebody was told."""
        state = self.state()
        actual = dict(self.account.positions())
        if actual != state.holdings():
            assert any(one for one in self.titles("alarm")), (actual, state.holdings())

    def books_equal_broker(self):
        return dict(self.account.positions()) == self.state().holdings()


def vertical(**options):
    """A bull call spread for a net debit of 3.10 in one order; it loses a third by noon and the rest as told."""
    prices = options.pop("prices", [])
    steps = [(at("00:00"), {NEAR: ("7.95", "8.05"), FAR: ("4.95", "5.05")}), *prices]
    feed = Feed(steps=steps, **options.pop("feed", {}))
    return World(legs=options.pop("legs", VERTICAL), feed=feed, **options)


def pair(**options):
    """One long SPX call at 81.00 against ten short SPY calls at 7.95, leg by leg: a debit of 150 dollars."""
    prices = options.pop("prices", [])
    steps = [(at("00:00"), {SPX: ("80.00", "81.00"), SPY: ("7.95", "8.05")}), *prices]
    feed = Feed(steps=steps, **options.pop("feed", {}))
    exits = options.pop(
        "exits", ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
    )
    return World(legs=options.pop("legs", PAIR), feed=feed, exits=exits, **options)


def replaced(world, **changes):
    return dataclasses.replace(world, **changes)
