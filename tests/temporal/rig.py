"""A small made-up market and a strategy that trades often, for tests in this process and for workers in others.

Its components can be held at a gate: they tell the test that they have arrived, and wait. So a test kills, cancels or compares
while it knows where a run stands, and nothing depends on how fast the machine is.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from temporalio import activity

import optarb

START, END = date(2018, 3, 1), date(2018, 12, 14)
SESSIONS = optarb.ExchangeCalendar().sessions(START, END)
HISTORY = optarb.ExchangeCalendar().sessions(date(2017, 9, 1), END)


def session(number: int) -> date:
    """The session to trade of that number, from 0."""
    return SESSIONS[number]


# -- the market ---------------------------------------------------------------------------------------------------------


def write_market(folder: Path) -> Path:
    """Writes bars and quotes of SPX (cash-settled weeklies) and SPY (physical delivery) as Parquet files."""
    for symbol, root, start, step, seed in (("SPX", "SPXW", 2500.0, 25, 1), ("SPY", "SPY", 250.0, 3, 2)):
        closes = _random_walk(start, seed)
        bars = {
            "session": list(HISTORY),
            "open": [round(before, 2) for before in (start, *closes[:-1])],
            "high": [round(max(pair) * 1.004, 2) for pair in zip((start, *closes[:-1]), closes, strict=True)],
            "low": [round(min(pair) * 0.996, 2) for pair in zip((start, *closes[:-1]), closes, strict=True)],
            "close": closes,
            "volume": [1e6] * len(closes),
        }
        quotes = [
            (day, root, expiry, right, strike, bid, ask, close)
            for day, close in zip(HISTORY, closes, strict=True)
            if day >= START
            for expiry, right, strike, bid, ask in _chain(day, close, step)
        ]
        names = ("session", "root", "expiry", "right", "strike", "bid", "ask", "underlying_price")
        columns = {name: list(column) for name, column in zip(names, zip(*quotes, strict=True), strict=True)}
        for kind, table in (("bars", bars), ("quotes", columns)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(table), folder / kind / f"{symbol}.parquet")
    return folder


def _random_walk(start: float, seed: int) -> list[float]:
    steps = np.random.default_rng(seed).normal(0.0, 0.012, len(HISTORY))
    return [round(value, 2) for value in (start * np.exp(np.cumsum(steps))).tolist()]


def _chain(day: date, close: float, step: int) -> Iterator[tuple[date, str, float, float, float]]:
    """Two weekly expiries, seven strikes: intrinsic value and a bell of time value, on five-cent steps, 2 % wide."""
    friday = day + timedelta(days=(4 - day.weekday()) % 7 or 7)
    for expiry in (friday, friday + timedelta(days=7)):
        deviation = close * 0.2 * math.sqrt((expiry - day).days / 365)
        for number in range(-3, 4):
            strike = float(round(close / step + number) * step)
            time_value = 0.4 * deviation * math.exp(-(((strike - close) / deviation) ** 2) / 2)
            for right, intrinsic in (("C", max(close - strike, 0.0)), ("P", max(strike - close, 0.0))):
                twentieths = math.floor((intrinsic + time_value) * 0.99 * 20)
                yield expiry, right, strike, twentieths / 20, (twentieths + 1 + twentieths // 50) / 20


# -- gates ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Holds whoever comes to one session, once, as long as the test likes."""

    folder: str
    """Where the test's :class:`Keeper` has its pipes."""
    at: date
    """The session."""
    until_cancelled: bool = False
    """Whether Temporal's cancellation opens the gate, instead of the test."""

    def pass_through(self, session: date) -> None:
        """Waits if this is the session and the gate is armed."""
        if session != self.at or not Path(self.folder, "armed").exists():
            return
        with Path(self.folder, "here").open("w") as here:
            here.write(f"{os.getpid()}\n")
        if self.until_cancelled:
            while not activity.is_cancelled():
                activity.heartbeat()
                activity.wait_for_cancelled_sync(0.05)
            return
        with Path(self.folder, "go").open() as go:
            go.readline()


class Keeper:
    """The test's side of a gate."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        for name in ("here", "go"):
            os.mkfifo(folder / name)
        # Both are held open for reading and writing, so that neither side's opening waits for the other.
        self._here = os.open(folder / "here", os.O_RDWR | os.O_NONBLOCK)
        self._go = os.open(folder / "go", os.O_RDWR)
        (folder / "armed").touch()

    def gate(self, at: date, *, until_cancelled: bool = False) -> Gate:
        return Gate(folder=str(self.folder), at=at, until_cancelled=until_cancelled)

    async def reached(self) -> int:
        """Waits until somebody is held, lets everyone else through from now on, and tells the held one's process."""
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._here, arrived.set)
        try:
            await asyncio.wait_for(arrived.wait(), 30)
        finally:
            loop.remove_reader(self._here)
        (self.folder / "armed").unlink()
        return int(os.read(self._here, 100))

    def open(self) -> None:
        """Lets the one who is held go on."""
        os.write(self._go, b"\n")

    def close(self) -> None:
        os.close(self._here)
        os.close(self._go)


# -- components -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Swing:
    """Buys a call below the mean of the last closes and a put above it: a signal a session."""

    closes: int = 5
    gate: Gate | None = None

    @property
    def features(self) -> tuple[str, ...]:
        return ("rsi_14",)

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal:
        if self.gate is not None:
            self.gate.pass_through(view.session)
        close = view.bars(n=self.closes).close
        confidence = round(0.6 + 0.004 * abs(view.feature("rsi_14") - 50), 6)
        if close[-1] < close.mean():
            return optarb.Signal.bullish(optarb.LongCall(dte=8, moneyness=1.0), confidence=confidence, reasons=["low"])
        return optarb.Signal.bearish(optarb.LongPut(dte=8, moneyness=1.0), confidence=confidence, reasons=["high"])


@dataclass(frozen=True, kw_only=True)
class Spreads:
    """Buys a call spread after a rise and sells a put spread after a fall, in every other session."""

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        if view.session.toordinal() % 2:
            return None
        close = view.bars(n=2).close
        width = 0.02 * close[-1]
        if close[-1] > close[0]:
            call = optarb.Vertical(dte=8, moneyness=1.0, right=optarb.Right.CALL, width=width)
            return optarb.Signal.bullish(call, confidence=0.7)
        put = optarb.Vertical(dte=8, moneyness=1.0, right=optarb.Right.PUT, width=width, credit=True)
        return optarb.Signal.bullish(put, confidence=0.7)


@dataclass(frozen=True, kw_only=True)
class Learner:
    """Trains on closes up to each cut-off, and asks somebody outside in every fifth session."""

    every: int = 50

    def cutoffs(self, sessions):
        return sessions[self.every :: self.every]

    def fit(self, view):
        return repr(float(view.bars().close.mean())).encode()

    def evaluate(self, view: optarb.MarketView) -> optarb.Signal | None:
        if view.model is None or view.session.toordinal() % 5:
            return None
        mean = view.model.load(float)
        said = view.once("opinion", lambda: _opinion(view.session, view.underlying))
        confidence = round(0.6 + int(said) / 1000, 3)
        if view.bars(n=1).close[-1] > mean:
            return optarb.Signal.bullish(optarb.LongCall(dte=8, moneyness=1.0), confidence=confidence)
        return optarb.Signal.bearish(optarb.LongPut(dte=8, moneyness=1.0), confidence=confidence)


def _opinion(session: date, underlying: str) -> bytes:
    """Says a number, always the same for one session. Notes that it was asked, in the file ``OPTARB_TEST_CALLS``."""
    if "OPTARB_TEST_CALLS" in os.environ:
        with Path(os.environ["OPTARB_TEST_CALLS"]).open("a") as calls:
            calls.write(f"{session} {underlying}\n")
    return str(session.day).encode()


@dataclass(frozen=True, kw_only=True)
class Raising:
    """Fails in one session."""

    at: date

    def evaluate(self, view: optarb.MarketView) -> None:
        if view.session == self.at:
            raise RuntimeError(f"no opinion on {view.session}")


@dataclass(frozen=True, kw_only=True)
class Policy(optarb.RiskPolicy):
    """Limits, and a gate."""

    gate: Gate | None = None

    def decide(self, candidates, account, view):
        if self.gate is not None:
            self.gate.pass_through(view.session)
        return super().decide(candidates, account, view)


@dataclass(frozen=True, kw_only=True)
class Trailing(optarb.ExitRules):
    """Also closes what fell by a third of its best gain, which it keeps in notes: state that must outlive every block."""

    def review(self, account, view):
        rules = super().review(account, view)
        closing = {one.position_id for one in rules.exits}
        exits, notes = list(rules.exits), {}
        for position in account.positions:
            best = max(position.gain_usd, Decimal(position.notes.get("best", "0")))
            if position.position_id not in closing and best > 0 and 3 * position.gain_usd < 2 * best:
                exits.append(optarb.Exit(position_id=position.position_id, reason="trailing"))
            notes[position.position_id] = {"best": str(best)}
        return optarb.Review(exits=tuple(exits), notes=notes)


@dataclass(frozen=True, kw_only=True)
class GatedData:
    """Market data, and a gate behind the quotes of SPX."""

    source: optarb.ParquetMarketData
    gate: Gate | None = None

    def fingerprint(self, symbol, kind):
        return self.source.fingerprint(symbol, kind)

    def bars(self, symbol):
        return self.source.bars(symbol)

    def chains(self, symbol, start, end):
        yield from self.source.chains(symbol, start, end)
        if self.gate is not None and symbol == "SPX":
            self.gate.pass_through(self.gate.at)


def make_desk(
    market: Path,
    books: Path,
    *,
    cache: Path | None = None,
    data_gate: Gate | None = None,
    expert_gate: Gate | None = None,
    policy_gate: Gate | None = None,
) -> optarb.Desk:
    """A desk on a market's files, with a store of its own in the folder ``books``, and a cache there unless one is named."""
    strategy = optarb.Strategy(
        name="swings",
        underlyings=("SPX", "SPY"),
        experts={"swing": Swing(gate=expert_gate), "spreads": Spreads()},
        policy=Policy(gate=policy_gate, max_entries_per_session=3, max_open_positions=8),
        exits=Trailing(max_hold_sessions=4),
    )
    learning = dataclasses.replace(strategy, name="learning", experts={**strategy.experts, "learner": Learner()})
    raising = dataclasses.replace(strategy, name="raising", experts={"swing": Swing(), "bad": Raising(at=session(60))})
    return optarb.Desk(
        strategies=[strategy, learning, raising],
        market_data=GatedData(
            source=optarb.ParquetMarketData(bars=str(market / "bars"), quotes=str(market / "quotes")), gate=data_gate
        ),
        store=optarb.SqlStore(url=f"sqlite:///{books / 'books.db'}"),
        cache=optarb.FileCache(path=str(cache or books / "cache")),
    )


def make_spec(**fields) -> optarb.BacktestSpec:
    """A spec of the whole range; fields of its execution may be given directly."""
    execution = {name: fields.pop(name) for name in list(fields) if name in optarb.ExecutionSpec.model_fields}
    fields = {"strategy": "swings", "start": START, "end": END, "capital": 500_000} | fields
    return optarb.BacktestSpec(**fields, execution=optarb.ExecutionSpec(**execution))
