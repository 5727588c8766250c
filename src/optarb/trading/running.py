"""A whole live day in this process: opened, decided, guarded to its end, on real or simulated time."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeVar

from optarb.domain.time import NEW_YORK
from optarb.errors import AlreadyRunning, BrokerUnavailable, StoreUnavailable, Superseded
from optarb.protocols.brokers import SupportsAdvance
from optarb.trading.clocks import SimulatedClock
from optarb.trading.context import DayContext, day_context
from optarb.trading.courier import Courier
from optarb.trading.deciding import enter
from optarb.trading.guard import Cycle, guard
from optarb.trading.opening import open_day
from optarb.trading.outcome import DayOutcome, needs_human, outcome_of
from optarb.trading.trading_state import TradingState

if TYPE_CHECKING:
    from optarb.desk.desk import Desk
    from optarb.protocols import BrokerAdapter
    from optarb.protocols.trading import QuoteFeed, TradingStore
    from optarb.trading.day_spec import DaySpec

__all__ = ["DayOutcome", "DayResult", "MovingClock", "outcome_of", "run_day"]

ResultT = TypeVar("ResultT")
_AGAIN = timedelta(seconds=5)
_LAST_DELIVERY_SECONDS = 30.0
"""How long the end of a day waits for notices that are on their way, and for one more try."""


class MovingClock(Protocol):
    """A clock that can wait."""

    def now(self) -> datetime:
        """Returns the present instant, aware UTC."""
        ...

    def wait_until(self, instant: datetime) -> None:
        """Sleeps, or moves, until an instant."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What a day came to."""

    session: date
    """The day."""
    outcome: DayOutcome
    """What became of the entries."""
    cycles: int
    """Cycles of the guardian."""
    open_positions: int
    """Positions still held."""
    needs_human: tuple[str, ...] = ()
    """Why a person must look, one line a position or cause."""


def run_day(
    spec: DaySpec,
    desk: Desk,
    *,
    broker: BrokerAdapter,
    store: TradingStore,
    feed: QuoteFeed,
    clock: MovingClock,
    owner: str | None = None,
    take_over: bool = False,
    enters: bool = True,
    after_step: Callable[[DayContext, datetime], None] | None = None,
) -> DayResult:
    """Runs the session of the clock's date to its end. Call it again after a crash: it goes on where the store says.

    Notices go out through the desk's notifiers beside the steps, and in real time signs of life through its heartbeat. What
    cannot be sent until a minute after the end stays in the outbox.

    Args:
        spec: What to trade.
        desk: Strategies, market data, simulator, calendar and notifiers.
        broker: Where orders go. A simulated one is shown the market before each step.
        store: Where the book is.
        feed: Quotes as of an instant.
        clock: Tells the time and waits; a simulated one moves instead.
        owner: Who moves the book; None for a new name. Runs of one name share a lease.
        take_over: Whether to take the lease from a holder that is known to be gone.
        enters: Whether to decide the session's entries; without, what is open is watched, exited and closed, as by a guardian
            without a day.
        after_step: Called after every step with the instant; for progress, and for tests.

    Raises:
        UnknownName: The desk has no such strategy, or an override names nothing.
        ConfigurationError: An override does not fit.
    """
    session = clock.now().astimezone(NEW_YORK).date()
    if not desk.calendar.sessions(session, session):
        return DayResult(session=session, outcome="no_session", cycles=0, open_positions=0)
    name = owner or f"run-{uuid.uuid4().hex[:12]}"
    context = day_context(spec, desk, session, broker=broker, store=store, feed=feed, owner=name)
    run = _Run(context=context, clock=clock, courier=Courier(desk, store, spec.book_id), after_step=after_step)
    try:
        run.step(lambda now: open_day(context, now, take_over=take_over))
        cycles = run.guarded(enters=enters)
    except AlreadyRunning:
        return DayResult(session=session, outcome="duplicate", cycles=0, open_positions=0)
    finally:
        run.courier.finish(_LAST_DELIVERY_SECONDS)
    state = TradingState.load(context.book_id, store.load(context.book_id).document)
    return DayResult(
        session=session,
        outcome=outcome_of(state),
        cycles=cycles,
        open_positions=len(state.book.positions),
        needs_human=needs_human(state),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Run:
    """A day at work in this process."""

    context: DayContext
    clock: MovingClock
    courier: Courier
    after_step: Callable[[DayContext, datetime], None] | None

    def guarded(self, *, enters: bool) -> int:
        """Runs cycle after cycle, and the decision when its time has come; returns the number of cycles."""
        cycles, enter_at = 0, self.context.entry_at
        decided = not enters
        while True:
            cycle: Cycle = self.step(lambda now: guard(self.context, now))
            cycles += 1
            if cycle.over:
                if cycle.lost:
                    raise AlreadyRunning(f"book {self.context.book_id!r} is moved by another owner now")
                return cycles
            if not decided and self.clock.now() >= enter_at:
                again = self.step(lambda now: enter(self.context, now))
                decided, enter_at = again is None, again or enter_at
                if decided:
                    continue
            following = cycle.next_at if decided else min(cycle.next_at, max(enter_at, self.clock.now()))
            self.clock.wait_until(max(following, self.clock.now() + timedelta(milliseconds=1)))

    def step(self, call: Callable[[datetime], ResultT]) -> ResultT:
        """Shows a simulated broker the market and calls; a store that is away is tried again until it answers."""
        while True:
            now = self.clock.now()
            if isinstance(self.context.broker, SupportsAdvance):
                with suppress(BrokerUnavailable):  # a feed that is silent moves no simulated market
                    self.context.broker.advance(self.context.view(now))
            try:
                result = call(now)
            except StoreUnavailable:
                self.clock.wait_until(now + _AGAIN)
                continue
            except Superseded as error:
                raise AlreadyRunning(str(error)) from error
            self.courier.begin(None if isinstance(self.clock, SimulatedClock) else now)
            if self.after_step is not None:
                self.after_step(self.context, now)
            return result
