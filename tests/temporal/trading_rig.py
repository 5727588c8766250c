"""A live desk whose market is a path of daily data and whose broker lies in a file, which workers of other processes share."""

from __future__ import annotations

import dataclasses
import functools
import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from tests.temporal.rig import Gate

import optarb
from optarb.brokers.simulated_account import SIMULATED_CAPABILITIES, SimulatedAccount
from optarb.domain.contract_keys import pack_key
from optarb.domain.orders import Accepted
from optarb.testing import FakeCalendar, FakeMarketData, ScriptedExpert, fake_bars
from optarb.trading.day_spec import DaySpec
from optarb.trading.replay_path import DayCourse, PathFeed
from optarb.trading.trading_state import TradingState

MONDAY, TUESDAY = date(2024, 6, 3), date(2024, 6, 4)
NEW_YORK = ZoneInfo("America/New_York")
CALENDAR = FakeCalendar()
PRICES = {
    "SPY240621C00500000": ("7.95", "8.05"),
    "SPY240621C00510000": ("4.95", "5.05"),
    "SPXW240621C05000000": ("80.00", "81.00"),
}
VERTICAL = (("SPY240621C00500000", 1), ("SPY240621C00510000", -1))
PAIR = (("SPXW240621C05000000", 1), ("SPY240621C00500000", -10))


def at(clock: str, session: date = MONDAY) -> datetime:
    """An instant in New York, as ``"09:35"``."""
    return datetime.combine(session, clock_time.fromisoformat(clock), NEW_YORK).astimezone(UTC)


# -- the market -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PathQuotes:
    """Quotes on the path of each session: the same chain every morning."""

    low: float = 494.0
    """Low of SPY in every session; its open is 500, its high 506, its close 503, and SPX is ten times that."""
    gate: Gate | None = None
    """Holds whoever asks for quotes of its session, from an instant on."""
    held_from: datetime | None = None
    """The instant."""

    def chain(self, symbol, at):
        if self.gate is not None and at >= self.held_from:
            self.gate.pass_through(at.astimezone(NEW_YORK).date())
        if not CALENDAR.sessions(*[at.astimezone(NEW_YORK).date()] * 2):
            return None
        return _feed(self.low, at.astimezone(NEW_YORK).date()).chain(symbol, at)

    def quotes(self, contracts, at):
        if not CALENDAR.sessions(*[at.astimezone(NEW_YORK).date()] * 2):
            return {}
        return _feed(self.low, at.astimezone(NEW_YORK).date()).quotes(contracts, at)

    def underlying_price(self, symbol, at):
        return _feed(self.low, at.astimezone(NEW_YORK).date()).underlying_price(symbol, at)


@functools.lru_cache(maxsize=8)
def _feed(low: float, session: date) -> PathFeed:
    course = {
        symbol: DayCourse(open=500 * times, high=506 * times, low=low * times, close=503 * times)
        for symbol, times in (("SPY", 1), ("SPX", 10))
    }
    chains = {symbol: _chain(symbol, session) for symbol in course}
    return PathFeed(chains, course, opens_at=CALENDAR.opens_at(session), closes_at=CALENDAR.closes_at(session))


def _chain(symbol: str, session: date) -> optarb.Chain:
    contracts = {optarb.OptionContract.parse(name): quote for name, quote in PRICES.items()}
    rows = sorted((pack_key(0, one), quote) for one, quote in contracts.items() if one.underlying == symbol)
    return optarb.Chain(
        symbol=symbol,
        session=session,
        taken_at=at("09:35", session),
        modelled=False,
        underlying_price=500.0 if symbol == "SPY" else 5000.0,
        roots=("SPXW" if symbol == "SPX" else symbol,),
        keys=np.array([key for key, _ in rows], np.int64),
        bids=np.array([float(bid) for _, (bid, _) in rows]),
        asks=np.array([float(ask) for _, (_, ask) in rows]),
    )


# -- the broker -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class KeptAccount:
    """A simulated account in a file, with a record of every order it accepted and of all it ever held."""

    path: str
    """An SQLite file in an existing folder."""
    gate: Gate | None = None
    """Holds whoever sends one order."""
    order: int = 0
    """Which one: how many were accepted before it."""
    moment: str = "before"
    """When it is held: ``"before"`` or ``"after"`` the order is accepted."""

    @property
    def capabilities(self):
        return SIMULATED_CAPABILITIES

    @contextmanager
    def _account(self):
        with closing(sqlite3.connect(self.path, timeout=30, isolation_level=None)) as file:
            file.execute("PRAGMA synchronous = OFF")  # processes are killed here, not machines
            file.execute("BEGIN IMMEDIATE")
            for table in ("account", "accepted", "held"):
                file.execute(f"CREATE TABLE IF NOT EXISTS {table} (text TEXT)")
            row = file.execute("SELECT text FROM account").fetchone()
            account = SimulatedAccount.load(row[0]) if row else SimulatedAccount()
            before, held = account.dump(), account.positions()
            yield account, file
            if account.dump() != before:
                file.execute("DELETE FROM account")
                file.execute("INSERT INTO account VALUES (?)", (account.dump(),))
            if account.positions() != held:
                holdings = {contract.symbol: quantity for contract, quantity in account.positions().items()}
                file.execute("INSERT INTO held VALUES (?)", (json.dumps(holdings),))
            file.execute("COMMIT")

    def preflight(self, orders):
        return ()

    def submit(self, order):
        held = self.gate is not None and len(self.accepted()) == self.order
        if held and self.moment == "before":
            self.gate.pass_through(self.gate.at)
        with self._account() as (account, file):
            answer = account.submit(order)
            if isinstance(answer, Accepted):
                file.execute("INSERT INTO accepted VALUES (?)", (order.order_id,))
        if held and self.moment == "after":
            self.gate.pass_through(self.gate.at)
        return answer

    def advance(self, view):
        with self._account() as (account, _):
            account.advance(view)

    def find(self, order_id):
        with self._account() as (account, _):
            return account.find(order_id)

    def cancel(self, order_id):
        with self._account() as (account, _):
            account.cancel(order_id)

    def positions(self):
        with self._account() as (account, _):
            return account.positions()

    def account(self):
        with self._account() as (account, _):
            return account.account()

    def shares(self):
        return {}

    def now(self):
        with self._account() as (account, _):
            return account.now()

    def accepted(self) -> list[str]:
        """Ids of all orders that were accepted, in their order."""
        with self._account() as (_, file):
            return [text for (text,) in file.execute("SELECT text FROM accepted ORDER BY rowid")]

    def ever_held(self) -> list[dict[str, int]]:
        """Contracts by OCC symbol after each change of what the account held."""
        with self._account() as (_, file):
            return [json.loads(text) for (text,) in file.execute("SELECT text FROM held ORDER BY rowid")]


# -- the desk -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Fixed:
    """A structure whose legs are given."""

    legs: tuple[tuple[str, int], ...]

    def choose(self, chains, underlying):
        return tuple(optarb.Leg(contract=optarb.OptionContract.parse(name), ratio=ratio) for name, ratio in self.legs)


def make_live_desk(folder: Path, legs=VERTICAL, *, low: float = 494.0, exits=None) -> optarb.Desk:
    """A desk that opens the legs in every session of June 2024, with its books and its broker in a folder."""
    first = optarb.OptionContract.parse(legs[0][0]).underlying
    symbols = tuple(dict.fromkeys(optarb.OptionContract.parse(name).underlying for name, _ in legs))
    signal = optarb.Signal.bullish(Fixed(legs=legs), confidence=0.9, reasons=["up"])
    sessions = CALENDAR.sessions(date(2024, 6, 3), date(2024, 6, 28))
    strategy = optarb.Strategy(
        name="live",
        underlyings=symbols,
        experts={"one": ScriptedExpert(signals=dict.fromkeys(sessions, signal), underlying=first)},
        policy=optarb.RiskPolicy(quantity=1, max_open_positions=1),
        exits=exits or optarb.ExitRules(profit_target=0.75, stop_loss=-0.5, max_hold_sessions=None),
    )
    bars = {
        symbol: fake_bars(
            [500.0 * (10 if symbol == "SPX" else 1)] * 40, symbol=symbol, last=date(2024, 6, 28), calendar=CALENDAR
        )
        for symbol in symbols
    }
    return optarb.Desk(
        strategies=[strategy],
        market_data=FakeMarketData(bars_by_symbol=bars),
        store=optarb.SqlStore(url=f"sqlite:///{folder / 'books.db'}"),
        calendar=CALENDAR,
        broker=KeptAccount(path=str(folder / "broker.db")),
        feed=PathQuotes(low=low),
    )


@dataclass(frozen=True, kw_only=True)
class AlwaysOpen:
    """Every day is a session, from midnight to midnight in New York."""

    def sessions(self, start, end):
        return tuple(start + timedelta(days=number) for number in range((end - start).days + 1))

    def opens_at(self, session):
        return at("00:00", session)

    def closes_at(self, session):
        return at("00:00", session + timedelta(days=1))


@dataclass(frozen=True, kw_only=True)
class StillQuotes:
    """Quotes that never change and are always fresh."""

    expiry: date

    def chain(self, symbol, at):
        quotes = {f"SPY{self.expiry:%y%m%d}{name[9:]}": quote for name, quote in PRICES.items() if name.startswith("SPY2")}
        rows = sorted((pack_key(0, optarb.OptionContract.parse(name)), quote) for name, quote in quotes.items())
        return optarb.Chain(
            symbol=symbol,
            session=at.astimezone(NEW_YORK).date(),
            taken_at=at,
            modelled=True,
            underlying_price=500.0,
            roots=("SPY",),
            keys=np.array([key for key, _ in rows], np.int64),
            bids=np.array([float(bid) for _, (bid, _) in rows]),
            asks=np.array([float(ask) for _, (_, ask) in rows]),
        )

    def quotes(self, contracts, at):
        chain = self.chain("SPY", at)
        return {one: chain.quote(one) for one in contracts}

    def underlying_price(self, symbol, at):
        return Decimal(500)


def make_real_time_desk(folder: Path, today: date) -> optarb.Desk:
    """A desk whose market is open now, whenever that is, and still."""
    expiry = today + timedelta(days=18)
    legs = tuple((f"SPY{expiry:%y%m%d}{name[9:]}", ratio) for name, ratio in VERTICAL)
    desk, calendar = make_live_desk(folder, legs), AlwaysOpen()
    signal = optarb.Signal.bullish(Fixed(legs=legs), confidence=0.9, reasons=["up"])
    expert = ScriptedExpert(signals={today: signal}, underlying="SPY")
    return dataclasses.replace(
        desk,
        strategies=[dataclasses.replace(desk.strategies[0], experts={"one": expert})],
        market_data=FakeMarketData(
            bars_by_symbol={"SPY": fake_bars([500.0] * 40, symbol="SPY", last=today, calendar=calendar)}
        ),
        calendar=calendar,
        feed=StillQuotes(expiry=expiry),
    )


def make_day_spec(**fields) -> DaySpec:
    """A day of the desk's strategy."""
    return DaySpec(**({"strategy": "live", "capital": Decimal(250_000)} | fields))


def state_of(desk: optarb.Desk, spec: DaySpec) -> TradingState:
    """The book as it is stored."""
    return TradingState.load(spec.book_id, desk.store.trading.load(spec.book_id).document)


def assert_sound(desk: optarb.Desk, spec: DaySpec) -> None:
    """Never a second accepted order, and books equal the broker."""
    accepted = desk.broker.accepted()
    assert len(accepted) == len(set(accepted)), accepted
    assert dict(desk.broker.positions()) == state_of(desk, spec).holdings()


def rows_of(desk: optarb.Desk, spec: DaySpec, tables=("signals", "verdicts", "intents", "fills", "exits", "marks")):
    """Ledger rows by table."""
    return {table: list(desk.store.trading.rows(spec.book_id, table)) for table in tables}


def held_at_order(desk: optarb.Desk, gate: Gate, order: int, moment: str = "before") -> optarb.Desk:
    """The desk, whose broker holds whoever sends the order of that number."""
    return dataclasses.replace(desk, broker=dataclasses.replace(desk.broker, gate=gate, order=order, moment=moment))


def held_from(desk: optarb.Desk, gate: Gate, instant: datetime) -> optarb.Desk:
    """The desk, whose feed holds whoever asks for quotes from an instant on."""
    return dataclasses.replace(desk, feed=dataclasses.replace(desk.feed, gate=gate, held_from=instant))
