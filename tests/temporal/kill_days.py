"""Replayed days whose market stands still but for one step, so that some seconds' delay changes no row of the books."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from tests.temporal.trading_faults import STEPS, WatchedBroker, WatchedTrading
from tests.temporal.trading_rig import MONDAY, PAIR, PRICES, VERTICAL, at, make_day_spec, make_live_desk, rows_of, state_of
from tests.trading.rig import Feed

import optarb
from optarb.ledger import rows as ledger
from optarb.trading.clocks import SimulatedClock
from optarb.trading.day_spec import DaySpec
from optarb.trading.running import run_day

EXPIRY = date(2024, 6, 21)
SPX, NEAR, FAR = "SPXW240621C05000000", "SPY240621C00500000", "SPY240621C00510000"
Prices = tuple[tuple[str, tuple[str, str]], ...]
TABLES = ("signals", "verdicts", "intents", "fills", "exits", "events", "marks", "equity")


@dataclass(frozen=True, kw_only=True)
class StepQuotes:
    """Quotes that stand still but for one step."""

    clock: str = "00:00"
    """When they change, in New York."""
    changed: Prices = ()
    """To what."""
    session: date = MONDAY
    """The session in which they change."""
    expiry: date = EXPIRY
    """Of all contracts."""

    def chain(self, symbol, at):
        return _feed(self).chain(symbol, at)

    def quotes(self, contracts, at):
        return _feed(self).quotes(contracts, at)

    def underlying_price(self, symbol, at):
        return _feed(self).underlying_price(symbol, at)


@functools.lru_cache(maxsize=32)
def _feed(quotes: StepQuotes) -> Feed:
    since = at("00:00", date(2024, 1, 2))
    steps: list[tuple[datetime, dict]] = [(since, dict(PRICES)), (at(quotes.clock, quotes.session), dict(quotes.changed))]
    parse = optarb.OptionContract.parse
    return Feed(
        steps=[(when, {parse(dated(name, quotes.expiry)): quote for name, quote in prices.items()}) for when, prices in steps]
    )


def dated(name: str, expiry: date) -> str:
    """An OCC symbol of the rig, with another expiry."""
    return name.replace(f"{EXPIRY:%y%m%d}", f"{expiry:%y%m%d}")


@dataclass(frozen=True, kw_only=True)
class Day:
    """A day, and what becomes of it."""

    legs: tuple[tuple[str, int], ...]
    quotes: StepQuotes = StepQuotes()
    exits: dict = field(default_factory=dict)
    limits: dict = field(default_factory=dict)
    ends: tuple[str, ...] = ()
    """Reasons of its exits; empty if the position stays open."""

    def desk(self, folder: Path) -> optarb.Desk:
        """Its desk, with books and broker in a folder."""
        none = dict.fromkeys(("profit_target", "credit_profit_target", "stop_loss", "max_hold_sessions"))
        desk = make_live_desk(folder, self.legs, exits=optarb.ExitRules(**(none | self.exits)))
        return dataclasses.replace(desk, feed=self.quotes, notifiers={"log": optarb.LogNotifier()})

    def spec(self, account: str) -> DaySpec:
        """Its spec; guarded each half hour, so that it is short."""
        return make_day_spec(account=account, rules={"cycle_seconds": 1800}, limits=self.limits)

    @property
    def half_built(self) -> bool:
        """Whether it is unwound without any fault."""
        return "unwind" in self.ends


STOP, FLATTEN = {"stop_loss": -0.35}, {"flatten_on_loss": True}
FALLS = StepQuotes(clock="11:00", changed=((NEAR, ("4.95", "5.05")), (FAR, ("2.95", "3.05"))))
PAIR_FALLS = StepQuotes(clock="11:00", changed=((SPX, ("60.00", "61.00")),))
SECOND_LEG_RUNS_AWAY = StepQuotes(clock="09:35:01", changed=((NEAR, ("7.00", "7.10")),))
DAYS = {
    "vertical trades": Day(legs=VERTICAL),
    "vertical is stopped out": Day(legs=VERTICAL, quotes=FALLS, exits=STOP, ends=("stop_loss",)),
    "vertical is flattened": Day(legs=VERTICAL, quotes=FALLS, limits=FLATTEN | {"max_loss": 0.0003}, ends=("flatten",)),
    "pair trades": Day(legs=PAIR),
    "pair is stopped out": Day(legs=PAIR, quotes=PAIR_FALLS, exits=STOP, ends=("stop_loss",)),
    "pair is flattened": Day(legs=PAIR, quotes=PAIR_FALLS, limits=FLATTEN | {"max_loss": 0.004}, ends=("flatten",)),
    "pair is unwound": Day(legs=PAIR, quotes=SECOND_LEG_RUNS_AWAY, ends=("unwind",)),
}


def undisturbed(day: Day, folder: Path) -> tuple[dict[str, list[tuple]], Counter[tuple[str, str]]]:
    """Runs a day in this process; returns its rows, and how often a run on a server passes each place at the least."""
    folder.mkdir()
    spec, passed = day.spec("alone"), Counter()

    def pass_by(phase, point):
        passed[phase, point] += 1

    with day.desk(folder) as desk:
        store = WatchedTrading(inner=desk.store.trading, pass_by=pass_by)
        broker = WatchedBroker(inner=desk.broker, pass_by=pass_by)
        clock = SimulatedClock(at("09:30"))
        result = run_day(spec, desk, broker=broker, store=store, feed=desk.feed, clock=clock)
        assert_ended_rightly(desk, spec, day, "undisturbed")
        found, told = rows(desk, spec), bool(state_of(desk, spec).day.told)
    assert (result.outcome, tuple(row[3] for row in found["exits"])) == ("traded", day.ends)
    times = dict.fromkeys(STEPS, 1) | {"guard": result.cycles, "deliver": int(told)}
    return found, passed + Counter({(step, point): times[step] for step in STEPS for point in ("task", "start", "answer")})


def rows(desk: optarb.Desk, spec: DaySpec) -> dict[str, list[tuple]]:
    """Ledger rows by table, without the instants at which the quotes of fills were taken."""
    found = rows_of(desk, spec, TABLES)
    taken_at = [column.name for column in ledger.TABLES["fills"].columns].index("taken_at")
    return found | {"fills": [row[:taken_at] + row[taken_at + 1 :] for row in found["fills"]]}


def assert_ended_rightly(desk: optarb.Desk, spec: DaySpec, day: Day, told: object) -> None:
    """No order twice, never more than was wanted nor naked without an alarm, books equal to the broker and to their rows."""
    accepted, state = desk.broker.accepted(), state_of(desk, spec)
    assert len(accepted) == len(set(accepted)), told
    assert dict(desk.broker.positions()) == state.holdings(), told
    fills = desk.store.trading.rows(spec.book_id, "fills")
    moved = [_of("fills", "cash", row) - _of("fills", "fees", row) for row in fills]
    moved += [_of("events", "cash", row) for row in desk.store.trading.rows(spec.book_id, "events")]
    assert state.book.cash == int(spec.capital * 10_000) + sum(moved), told
    journal = desk.store.trading.journal(spec.book_id, ledger.session_date(state.day.session))
    alarms = {json.loads(entry.detail)["title"] for entry in journal if entry.kind == "alarm"}
    (long, ratio), (short, times) = day.legs
    for held in desk.broker.ever_held():
        assert 0 <= held.get(long, 0) <= ratio, (told, held)
        assert times <= held.get(short, 0) <= 0, (told, held)
        naked = held.get(short, 0) * ratio < held.get(long, 0) * times
        assert not naked or "Naked short options" in alarms, (told, held)
    assert state.day.ended, told
    assert desk.store.trading.load(spec.book_id).lease is None, told


def _of(table, column, row):
    return row[[one.name for one in ledger.TABLES[table].columns].index(column)]
