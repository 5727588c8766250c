"""A worker that dies at every write to the store and every call of the broker, and another that takes over."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from tests.trading.rig import FAR, MONDAY, NEW_YORK, SPX, SPY, TUESDAY, at, pair, vertical

from optarb.errors import StoreUnavailable
from optarb.position_managers import ExitRules
from optarb.protocols.trading import Controls
from optarb.testing.faulty_broker import OrderFault

RULES = {"rules": {"cycle_seconds": 3600}}
FLATTEN = (at("10:30"), Controls(halted=True, flatten=True, reason="out"))
NEVER = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
MAKES = {"vertical": vertical, "pair": pair}


class Died(BaseException):
    """The worker is gone; nothing it could still catch or write."""


class Tripwire:
    """Counts the boundaries and dies at one of them."""

    def __init__(self, at=None):
        self.count, self.at, self.names = 0, at, []

    def __call__(self, name):
        self.names.append(name)
        self.count += 1
        if self.count == self.at:
            raise Died(name)


class DyingStore:
    """Passes everything on; the worker dies before or after what is written."""

    def __init__(self, inner, tripwire):
        self._inner, self._tripwire = inner, tripwire

    def __getattr__(self, name):
        call = getattr(self._inner, name)
        if name not in {"acquire", "save", "once", "release", "set_controls"}:
            return call

        def guarded(*arguments, **named):
            self._tripwire(f"{name}:before")
            result = call(*arguments, **named)
            self._tripwire(f"{name}:after")
            return result

        return guarded


def world_of(make, tripwire, faults=()):
    return make(people=[FLATTEN], spec_options=RULES, broker_options={"faults": list(faults), "on_call": tripwire})


def run_until_dead(world, tripwire, **options):
    """Runs the day; True if it came to its end."""
    try:
        world.run(check=False, store=DyingStore(world.store, tripwire), **options)
    except Died:
        return False
    return True


def go_on(world, owner, *, check=True, store=None, wait=5):
    """Another worker takes over some seconds later."""
    now = world.account.now() + timedelta(seconds=wait) if world.broker._view is not None else at("09:31")
    clock = now.astimezone(NEW_YORK).strftime("%H:%M:%S")
    return world.run(MONDAY, start=clock, owner=owner, take_over=True, check=check, store=store)


def checked(world):
    """Never a second accepted order, flat in the end, books equal to the broker and to their rows."""
    ids = [order.order_id for order in world.broker.accepted]
    assert len(ids) == len(set(ids))
    assert dict(world.account.positions()) == {}
    assert world.books_equal_broker()
    assert world.state().book.cash == world.ledger_cash()
    assert len(world.store.rows(world.book_id, "verdicts")) <= 1
    assert len(world.store.rows(world.book_id, "exits")) <= 1


def points(make):
    """Counts the boundaries of a day without a crash."""
    tripwire = Tripwire()
    world = world_of(make, tripwire)
    assert run_until_dead(world, tripwire)
    checked(world)
    return tripwire.names


READS = {"find", "positions", "acquire:before", "acquire:after", "save:before"}
"""To die here leaves the same behind as to die after the write before."""


def sweep(make, wanted):
    names = points(make)
    assert {"submit:before", "submit:accepted", "submit:after", "cancel:before", "save:after", "once:after"} <= set(names)
    for point in [number for number, name in enumerate(names, 1) if wanted(name)]:
        tripwire = Tripwire(at=point)
        world = world_of(make, tripwire)
        assert not run_until_dead(world, tripwire), names[point - 1]
        go_on(world, "second", check=False)
        checked(world)


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_day_when_the_worker_dies_after_any_write_or_at_any_order_then_the_next_one_ends_it_rightly(make):
    sweep(make, lambda name: name not in READS)


@pytest.mark.soak
@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_day_when_the_worker_dies_at_any_other_point_then_the_next_one_ends_it_rightly(make):
    sweep(make, lambda name: name in READS)


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_day_when_nobody_is_back_for_twenty_minutes_then_what_is_half_built_is_unwound_with_an_alarm(make):
    """From the decision until the entry is whole; what was sent and filled meanwhile is found first."""
    names = points(make)
    sent = [number for number, name in enumerate(names) if name == "submit:after"]
    first, last = names.index("once:after"), sent[1 if make is pair else 0]
    unwound = 0
    for point in [number for number in range(first, last + 1) if names[number] not in READS]:
        tripwire = Tripwire(at=point + 1)
        world = world_of(make, tripwire)
        world.people.clear()
        assert not run_until_dead(world, tripwire), names[point]
        held = dict(world.account.positions())
        go_on(world, "second", check=False, wait=1200)
        ids = [order.order_id for order in world.broker.accepted]
        assert len(ids) == len(set(ids)), names[point]
        assert world.books_equal_broker(), names[point]
        assert world.state().book.cash == world.ledger_cash(), names[point]
        kept = dict(world.account.positions())
        assert kept in ({}, {leg.contract: leg.ratio for leg in world.legs}), names[point]
        if len(held) == 1 and not kept:
            unwound += 1
            assert "A half-built position is unwound" in world.titles("alarm"), names[point]
    assert (unwound > 0) == (make is pair)


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_day_when_the_worker_dies_after_deciding_then_nobody_is_asked_again(make):
    names = points(make)
    point = max(number for number, name in enumerate(names, 1) if name == "once:after")  # the recording is stored before
    tripwire = Tripwire(at=point)
    world = world_of(make, tripwire)
    assert not run_until_dead(world, tripwire)
    stored = world.store.decided(world.book_id, MONDAY, "entries")
    # Newer quotes, on which another decision would have been made.
    world.feed.steps.append((at("09:35:01"), {leg.contract: ("1.00", "1.05") for leg in world.legs}))
    go_on(world, "second", check=False)
    intents = [row for row in world.store.rows(world.book_id, "intents") if row[3] == "open"]
    limits = {row[7] for row in intents}
    first = make()
    first.run(check=False)
    assert limits == {row[7] for row in first.store.rows(first.book_id, "intents") if row[3] == "open"}
    assert world.store.decided(world.book_id, MONDAY, "entries") == stored


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_day_when_the_first_worker_only_seemed_dead_then_its_late_order_is_refused_or_found(make):
    """It hangs between storing and sending; another takes over; then its request arrives after all."""
    names = points(make)
    for point in [number for number, name in enumerate(names, 1) if name == "submit:before"]:
        tripwire = Tripwire(at=point)
        world = world_of(make, tripwire)
        held = []
        submit = world.broker.submit

        def hanging(order, held=held, submit=submit):
            held.append(order)
            return submit(order)

        world.broker.submit = hanging
        assert not run_until_dead(world, tripwire)
        world.broker.submit = submit
        now = world.account.now()
        world.broker._zombies.append((now + timedelta(seconds=20), held[-1]))
        go_on(world, "second", check=False)
        checked(world)


@pytest.mark.parametrize("seed", [*range(40), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(40, 200))])
def test_day_when_workers_die_again_and_again_on_a_faulty_broker_then_ended_rightly(seed):
    rng = random.Random(seed)
    kinds = ["lost_before", "lost_after", "hang", "rate_limit", "reject", "partial", "cancel_race", "invisible", "zombie"]
    faults = [OrderFault(kind=rng.choice(kinds), skip=rng.randrange(3), seconds=rng.choice([5, 20, 45])) for _ in range(3)]
    make = rng.choice([vertical, pair])
    tripwire = Tripwire(at=rng.randrange(1, 120))
    world = world_of(make, tripwire, faults)
    owner = 0
    ended = run_until_dead(world, tripwire)
    while not ended:
        owner += 1
        tripwire.at = tripwire.count + rng.randrange(1, 200) if owner < 4 else None
        try:
            go_on(world, f"worker-{owner}", check=False, store=DyingStore(world.store, tripwire), wait=rng.choice([1, 30, 300]))
            ended = True
        except Died:
            pass
    ids = [order.order_id for order in world.broker.accepted]
    assert len(ids) == len(set(ids)), seed
    assert world.books_equal_broker(), seed
    assert world.state().book.cash == world.ledger_cash(), seed
    holdings = dict(world.account.positions())
    assert holdings == {} or world.titles("alarm"), seed
    assert not (SPY in holdings and SPX not in holdings and make is pair), seed


@pytest.mark.parametrize("point", range(1, 13))
def test_day_when_the_worker_dies_while_opening_after_an_assignment_then_it_is_booked_once(point):
    world = vertical(exits=NEVER)
    world.run()
    world.account.adjust({FAR: 1}, shares={"SPY": -100}, cash_usd=FAR.strike * 100)
    tripwire = Tripwire(at=point)
    with pytest.raises(Died):
        world.run(TUESDAY, check=False, owner="first", store=DyingStore(world.store, tripwire))
    world.run(TUESDAY, start="09:31", owner="second", take_over=True)
    assert [row[3] for row in world.store.rows(world.book_id, "events")] == ["assigned"]
    assert world.state().day.opened
    assert world.state().day.opening_equity is not None
    assert world.titles("alarm").count("Short options were assigned") == 1
    assert "Unexplained cash" not in world.titles()
    assert dict(world.account.positions()) == {}


class FlakyStore(DyingStore):
    """Every n-th write fails: before it is done, or after it is done without telling."""

    def __init__(self, inner, every, *, done):
        super().__init__(inner, self._fail)
        self._every, self._count = every, 0
        self._when = "save:after" if done else "save:before"

    def _fail(self, name):
        if name == self._when:
            self._count += 1
            if self._count % self._every == 0:
                raise StoreUnavailable("the disk is full for a moment")


@pytest.mark.parametrize("done", [False, True], ids=["not written", "written"])
@pytest.mark.parametrize("every", [3, 4, 7])
@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_day_when_the_store_fails_now_and_then_then_tried_again_and_ended_rightly(make, every, done):
    world = world_of(make, lambda name: None)
    result = world.run(check=False, store=FlakyStore(world.store, every, done=done))
    checked(world)
    # An order that was stored as being sent and never was looks like one that was lost.
    assert result.outcome in {"traded", "needs_human"}
