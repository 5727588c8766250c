"""Whole days by real timers, on Temporal's test server, whose clock skips over what nobody waits for.

Activities take their time from that server, so that a day's five minutes are five minutes; what an activity itself waits for,
between cycles that are seconds apart, really passes. While a task waits for a worker the clock does not skip, so that days
without workers are in :mod:`tests.temporal.test_trading_absences`.
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from tests.temporal.kill_days import DAYS, assert_ended_rightly, dated, rows
from tests.temporal.trading_rig import NEW_YORK, Fixed, at, make_day_spec
from tests.temporal.workers import QUICK
from tests.trading.rig import Calendar

import optarb
from optarb.temporal.daily_trading import guardian_id
from optarb.temporal.trading_starting import start_day
from optarb.testing import FakeMarketData, ScriptedExpert, fake_bars
from optarb.trading.clocks import SimulatedClock
from optarb.trading.rules import LiveRules
from optarb.trading.running import run_day

TODAY = datetime.now(UTC).date()
FIRST = TODAY + timedelta(days=7 - TODAY.weekday())
"""Next Monday."""
FIVE, SLACK = timedelta(minutes=5), timedelta(minutes=1)
"""Between two cycles; what a busy machine may take."""
RULES = LiveRules(fast_seconds=0.05, rung_seconds=0.2)
SELDOM = LiveRules(fast_seconds=0.05, rung_seconds=0.2, cycle_seconds=3600)
SPEC = make_day_spec(account="skipped", rules=RULES)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped:
    """A day of some date to come."""

    name: str
    session: date = FIRST
    half: bool = False

    @property
    def day(self):
        """The day, with contracts that expire on a Friday to come."""
        day, expiry = DAYS[self.name], self.session + timedelta(days=18)
        quotes = dataclasses.replace(day.quotes, session=self.session, expiry=expiry)
        return dataclasses.replace(day, legs=tuple((dated(name, expiry), ratio) for name, ratio in day.legs), quotes=quotes)

    def desk(self, folder):
        """A desk that opens the legs in that session and no other."""
        folder.mkdir(exist_ok=True)
        day, desk = self.day, self.day.desk(folder)
        symbols = desk.strategies[0].underlyings
        calendar = Calendar(half_days=(self.session,) if self.half else ())
        signal = optarb.Signal.bullish(Fixed(legs=day.legs), confidence=0.9, reasons=["up"])
        expert = ScriptedExpert(signals={self.session: signal}, underlying=symbols[0])
        bars = {
            symbol: fake_bars(
                [500.0 * (10 if symbol == "SPX" else 1)] * 40, symbol=symbol, last=self.session, calendar=calendar
            )
            for symbol in symbols
        }
        return dataclasses.replace(
            desk,
            strategies=[dataclasses.replace(desk.strategies[0], experts={"one": expert})],
            market_data=FakeMarketData(bars_by_symbol=bars),
            calendar=calendar,
        )


class Sky:
    """A test server, and a worker on a desk that comes and goes."""

    def __init__(self, environment, desk) -> None:
        self.environment, self.desk = environment, desk
        self.client = environment.client

    @asynccontextmanager
    async def working(self):
        """A worker, for a while."""
        async with Worker(self.client, task_queue="skipped", **QUICK):
            yield

    async def until(self, instant):
        """Skips to an instant."""
        now = await self.environment.get_current_time()
        await self.environment.sleep(instant - now)

    async def start(self, spec=SPEC):
        """Starts a day by hand."""
        return await start_day(self.client, spec, task_queue="skipped")

    def guardian(self):
        return self.client.get_workflow_handle(guardian_id(SPEC.book_id))


@asynccontextmanager
async def sky(server, desk):
    """A test server of a test's own: its clock never goes back."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(server),
        test_server_startup_timeout=timedelta(seconds=60),
        plugins=[optarb.OptarbPlugin(desk)],
    ) as environment:
        yield Sky(environment, desk)


def in_process(skipped, folder):
    """Rows of the same day in this process."""
    with skipped.desk(folder) as desk:
        clock = SimulatedClock(at("09:30", skipped.session))
        run_day(SPEC, desk, broker=desk.broker, store=desk.store.trading, feed=desk.feed, clock=clock)
        return rows(desk, SPEC)


def local(instant):
    return instant.astimezone(NEW_YORK)


def journal(desk, kind, session=FIRST):
    return [entry for entry in desk.store.trading.journal(SPEC.book_id, session) if entry.kind == kind]


def looks(history, step="guard"):
    """When a step was asked for, in New York."""
    events = [event for event in history.events if event.HasField("activity_task_scheduled_event_attributes")]
    names = [event.activity_task_scheduled_event_attributes.activity_type.name.rpartition(".")[2] for event in events]
    return [local(event.event_time.ToDatetime(UTC)) for event, name in zip(events, names, strict=True) if name == step]


# -- days that nobody disturbs -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "half"),
    [("vertical is stopped out", False), ("pair trades", False), ("vertical trades", True)],
    ids=["vertical", "pair", "half day"],
)
def test_day_when_timers_are_real_then_looked_at_every_five_minutes_and_rows_are_those_of_a_replay(
    *, skipping_server, tmp_path, name, half
):
    skipped = Skipped(name=name, half=half)
    expected = in_process(skipped, tmp_path / "alone")

    async def run():
        async with sky(skipping_server, desk) as here, here.working():
            await here.until(at("09:30", FIRST))
            report = await (await here.start()).result()
            return report, await here.guardian().fetch_history()

    with skipped.desk(tmp_path / "skipped") as desk:
        report, history = asyncio.run(run())

        assert_ended_rightly(desk, SPEC, skipped.day, name)
        assert rows(desk, SPEC) == expected
    closes = datetime.combine(FIRST, time(13 if half else 16), NEW_YORK)
    in_session = [look for look in looks(history) if local(at("09:35", FIRST)) <= look <= closes + SLACK]
    assert len(in_session) >= (closes - local(at("09:35", FIRST))) / FIVE + 1  # 78 on a whole day
    assert max(b - a for a, b in pairwise(in_session)) < FIVE + SLACK
    assert [f"{look:%H:%M}" for look in looks(history, "enter")] == ["09:35"]
    # Options on SPY are traded until a quarter past, if any are held.
    ended = closes + (timedelta(minutes=20) if report.open_positions else FIVE)
    (end,) = journal(desk, "day_ended")
    assert ended <= local(end.at) < ended + SLACK


@pytest.mark.parametrize("change", ["forward", "back"])
def test_day_when_clocks_have_changed_since_the_day_before_then_entered_at_nine_thirty_five_in_new_york(
    skipping_server, tmp_path, change
):
    friday = day_before_clocks_go(change)
    monday = friday + timedelta(days=3)
    skipped, spec = Skipped(name="vertical trades", session=friday), SPEC.model_copy(update={"rules": SELDOM})

    async def run():
        found = []
        for session in (friday, monday):  # a server each, since its clock jumps years ahead after a result
            async with sky(skipping_server, desk) as here, here.working():
                await here.until(at("09:00", session))
                report = await (await here.start(spec)).result()
                found.append((report, looks(await here.guardian().fetch_history(), "enter")))
        return found

    with skipped.desk(tmp_path) as desk:
        (first, entered_first), (second, entered_second) = asyncio.run(run())

    assert [(one.session, one.outcome) for one in (first, second)] == [(friday, "traded"), (monday, "no_trade")]
    assert [f"{when:%a %H:%M}" for when in (*entered_first, *entered_second)] == ["Fri 09:35", "Mon 09:35"]
    hours = {"forward": ["14:35", "13:35"], "back": ["13:35", "14:35"]}[change]
    assert [f"{when.astimezone(UTC):%H:%M}" for when in (*entered_first, *entered_second)] == hours


def day_before_clocks_go(change):
    """The Friday before the next second Sunday of March, or first of November, that is at least a week away."""
    month, first = {"forward": (3, 8), "back": (11, 1)}[change]
    for year in range(TODAY.year, TODAY.year + 3):
        earliest = date(year, month, first)
        sunday = earliest + timedelta(days=6 - earliest.weekday())
        if sunday > TODAY + timedelta(days=7):
            return sunday - timedelta(days=2)
    raise AssertionError("there is one every year")
