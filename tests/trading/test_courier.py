"""Notices and signs of life beside a day in this process."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from datetime import timedelta

import pytest
from tests.trading.rig import MONDAY, at, vertical

from optarb.errors import StoreUnavailable, TransientError
from optarb.protocols.trading import Lease, Notice
from optarb.trading import courier
from optarb.trading.clocks import SimulatedClock
from optarb.trading.courier import Courier
from optarb.trading.running import run_day

HEARD, SIGNS, RELEASED = [], [], threading.Event()


@dataclass(frozen=True, kw_only=True)
class Ear:
    """Hears notices; or fails, or hangs until it is released."""

    does: str = "hear"

    def notify(self, notice):
        if self.does == "fail":
            raise TransientError("not now")
        if self.does == "hang":
            RELEASED.wait(60)
        HEARD.append(notice.title)


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """Notes signs of life; or fails."""

    fails: bool = False

    def beat(self, book_id, at):
        SIGNS.append((book_id, at))
        if self.fails:
            raise RuntimeError("https://secret")


@pytest.fixture(autouse=True)
def _nothing_heard():
    HEARD.clear()
    SIGNS.clear()
    RELEASED.clear()
    yield
    RELEASED.set()


def world_with(**roles):
    """A day that raises one alarm in its first cycle: the book has more capital than the account."""
    world = vertical(cash="100000")
    world.desk = dataclasses.replace(world.desk, **roles)
    return world


def waiting(world):
    return [notice.title for notice in world.store.outbox()]


def test_day_when_desk_has_notifiers_then_each_hears_each_notice_once():
    world = world_with(notifiers={"one": Ear(), "two": Ear()})
    assert world.run().outcome == "needs_human"
    assert HEARD == ["More capital in books than in the account"] * 2
    assert waiting(world) == []


def test_day_when_desk_has_none_then_its_notices_stay():
    world = world_with()
    world.run()
    assert waiting(world) == ["More capital in books than in the account"]


def test_day_when_a_notifier_fails_then_the_day_goes_on_and_the_other_is_heard():
    world = world_with(notifiers={"broken": Ear(does="fail"), "sound": Ear()})
    assert world.run().outcome == "needs_human"
    assert HEARD == ["More capital in books than in the account"]
    assert waiting(world) == HEARD


def test_day_when_a_notifier_hangs_then_the_guarding_goes_on():
    """It hangs from the first cycle on, and is let go in the last one."""
    world = world_with(notifiers={"slow": Ear(does="hang")})
    ended = []

    def after_step(context, now):
        if now >= context.closes_at:
            ended.append(list(HEARD))
            RELEASED.set()

    clock = SimulatedClock(at("09:30"))
    run_day(
        world.spec,
        world.desk,
        broker=world.broker,
        store=world.store,
        feed=world.feed,
        clock=clock,
        after_step=after_step,
    )

    assert ended[0] == []
    assert HEARD == ["More capital in books than in the account"]
    assert waiting(world) == []


def test_day_when_replayed_then_no_sign_of_life():
    world = world_with(heartbeat=Pulse())
    world.run()
    assert SIGNS == []


class Real:
    """A clock that is not simulated, and does not wait."""

    def __init__(self, start):
        self._clock = SimulatedClock(start)
        self.now, self.wait_until = self._clock.now, self._clock.wait_until


@pytest.mark.parametrize("fails", [False, True])
def test_day_when_in_real_time_then_signs_of_life_that_may_fail_and_never_too_often(monkeypatch, caplog, fails):
    world, seconds = world_with(heartbeat=Pulse(fails=fails)), iter(range(0, 100_000, 30))
    monkeypatch.setattr(courier.time, "monotonic", lambda: next(seconds))
    joined = Courier.begin

    def begin(self, beat_at):
        joined(self, beat_at)
        if self._at_work is not None:
            self._at_work.join()

    monkeypatch.setattr(Courier, "begin", begin)
    cycles = []
    run_day(
        world.spec,
        world.desk,
        broker=world.broker,
        store=world.store,
        feed=world.feed,
        clock=Real(at("09:30")),
        after_step=lambda context, now: cycles.append(now),
    )

    assert {book_id for book_id, _ in SIGNS} == {world.book_id}
    assert SIGNS[0] == (world.book_id, cycles[0])
    assert len(SIGNS) < len(cycles)
    assert ("no sign of life of book" in caplog.text) is fails
    assert "secret" not in caplog.text


def test_courier_when_the_outbox_cannot_be_read_then_nothing_waits_and_nothing_is_raised(caplog):
    world = world_with(notifiers={"one": Ear()})
    store = dataclasses.make_dataclass("Away", [])()
    store.outbox = lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("away"))
    assert Courier(world.desk, store, world.book_id).carry(None) == 0
    assert "cannot be read" in caplog.text


def test_courier_when_one_carries_then_a_second_begins_nothing():
    world = world_with(notifiers={"slow": Ear(does="hang")})
    now = at("09:30")
    world.store.acquire(world.book_id, Lease(owner="one", session=MONDAY, until=now + timedelta(hours=1)), now=now)
    for version in (0, 1):
        notice = Notice(
            key=str(version), severity="info", title=str(version), text="", book_id=world.book_id, session=MONDAY, at=now
        )
        assert world.store.save(world.book_id, owner="one", version=version, document="", rows={}, notices=[notice])
    before = threading.active_count()
    carrier = Courier(world.desk, world.store, world.book_id)
    for _ in range(3):
        carrier.begin(None)
    assert threading.active_count() == before + 1
    RELEASED.set()
    assert carrier.finish(30) == 0
    assert HEARD == ["0", "1"]
