"""The activities of a live day: thin calls of the same functions that the in-process day calls."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError

from optarb.domain.time import NEW_YORK
from optarb.errors import AlreadyRunning, BookNotFound, BrokerUnavailable, ConfigurationError, OptarbError, Superseded
from optarb.ledger.rows import session_number
from optarb.protocols.brokers import SupportsAdvance
from optarb.protocols.stores import SupportsTrading
from optarb.stores._ownership import is_outlived
from optarb.temporal.activities import _alive
from optarb.temporal.trading_controls import flatten_book, halt_book, resume_book
from optarb.temporal.trading_messages import (
    BeginRequest,
    Begun,
    ControlRequest,
    DayReport,
    Delivered,
    DeliverRequest,
    Guarded,
    GuardRequest,
    ReportRequest,
    Stepped,
    StepRequest,
)
from optarb.trading.clocks import LiveClock, SimulatedClock
from optarb.trading.context import DayContext, day_context
from optarb.trading.courier import Courier
from optarb.trading.deciding import enter
from optarb.trading.guard import guard
from optarb.trading.opening import open_day
from optarb.trading.outcome import needs_human, outcome_of
from optarb.trading.running import MovingClock
from optarb.trading.trading_state import TradingState

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.protocols import BrokerAdapter
    from optarb.protocols.trading import QuoteFeed, TradingStore
    from optarb.trading.day_spec import DaySpec
    from optarb.trading.guard import Cycle

__all__ = ["TradingActivities"]

_SLICE: Final = timedelta(seconds=10)
"""How long one activity goes on with cycles that are seconds apart: by timers each would cost eleven events."""
_CONTEXTS: Final = 16


class TradingActivities:
    """A live day's activities on one desk. ``all()`` is what a worker without the plugin registers."""

    def __init__(self, desk: Desk) -> None:
        """Binds the activities to a desk.

        Args:
            desk: With a broker and a feed; its store must be shared between processes.

        Raises:
            ConfigurationError: The desk has no broker or no feed, or its store keeps no live books.
        """
        if not isinstance(desk.store, SupportsTrading):
            raise ConfigurationError(f"a live day needs a store that keeps live books, such as SqlStore, not {desk.store!r}")
        if desk.broker is None or desk.feed is None:
            missing = "broker" if desk.broker is None else "feed"
            raise ConfigurationError(f"a live day needs Desk(broker=..., feed=...); this desk has no {missing}")
        self._desk = desk
        self._books = desk.store
        self._broker: BrokerAdapter = desk.broker
        self._feed: QuoteFeed = desk.feed
        self._lock = threading.Lock()
        self._contexts: OrderedDict[tuple[str, date], DayContext] = OrderedDict()

    def all(self) -> Sequence[Callable[..., Any]]:
        """Returns every activity, to be registered on a worker whose ``activity_executor`` is a thread pool."""
        return [self.begin, self.open, self.guard, self.enter, self.release, self.controls, self.deliver, self.report]

    @property
    def _store(self) -> TradingStore:
        return self._books.trading

    @activity.defn(name="optarb.trading.begin", no_thread_cancel_exception=True)
    def begin(self, request: BeginRequest) -> Begun:
        """Says what kind of day it is, and gives its decision to the first who asks."""
        with _told(), _alive():
            now = _clock(request.at).now()
            session = now.astimezone(NEW_YORK).date()
            if not self._desk.calendar.sessions(session, session):
                return Begun(session=session, outcome="no_session")
            scheduled = request.scheduled_for
            if scheduled is not None and scheduled.astimezone(NEW_YORK).date() < session:
                return Begun(session=session, outcome="missed")
            self._context(request.spec, session, request.owner)  # what is wrong with the spec shows before anything is claimed
            owner = self._store.once(request.spec.book_id, session, "day", request.owner.encode())
            over = self._state(request.spec, session) is not None and self._report(request.spec, session).over
            return Begun(session=session, outcome=None if owner == request.owner.encode() else "duplicate", over=over)

    @activity.defn(name="optarb.trading.open", no_thread_cancel_exception=True)
    def open(self, request: StepRequest) -> Stepped:
        """Takes the book and books what happened since the last session."""
        with _guarding(), _alive():
            context, clock = self._context(request.spec, request.session, request.owner), _clock(request.at)
            _advance(context, clock)
            try:
                open_day(context, clock.now(), take_over=self._is_newer_run(request))
            except AlreadyRunning as error:
                self._is_lost(request, error)
                return Stepped(now=clock.now(), next_at=None, lost=True)
            return Stepped(now=clock.now(), next_at=context.entry_at)

    @activity.defn(name="optarb.trading.guard", no_thread_cancel_exception=True)
    def guard(self, request: GuardRequest) -> Guarded:
        """Runs a cycle of the guardian; in real time further ones, while they are seconds apart and nobody waits."""
        with _guarding(), _alive():
            context, clock = self._context(request.spec, request.session, request.owner), _clock(request.at)
            enough = clock.now() + _SLICE
            if request.until is not None:
                enough = min(enough, request.until)
            cycles = 0
            while True:
                _advance(context, clock)
                cycle = guard(context, clock.now())
                cycles += 1
                if cycle.lost:
                    self._is_lost(request, Superseded(f"book {request.spec.book_id!r} was written meanwhile"))
                if cycle.over or request.at is not None or cycle.next_at > enough or _is_to_stop():
                    return self._guarded(request, cycle, clock.now(), cycles)
                clock.wait_until(cycle.next_at)

    @activity.defn(name="optarb.trading.enter", no_thread_cancel_exception=True)
    def enter(self, request: StepRequest) -> Stepped:
        """Decides the session's entries and hands them to the guardian."""
        with _guarding(), _alive():
            context, clock = self._context(request.spec, request.session, request.owner), _clock(request.at)
            _advance(context, clock)
            try:
                return Stepped(now=clock.now(), next_at=enter(context, clock.now()))
            except Superseded as error:
                self._is_lost(request, error)
                return Stepped(now=clock.now(), next_at=None, lost=True)

    @activity.defn(name="optarb.trading.release", no_thread_cancel_exception=True)
    def release(self, request: StepRequest) -> None:
        """Gives the book back, if this owner has it."""
        with _told(), _alive():
            self._store.release(request.spec.book_id, request.owner)

    @activity.defn(name="optarb.trading.controls", no_thread_cancel_exception=True)
    def controls(self, request: ControlRequest) -> None:
        """Writes down what people want of a book."""
        with _told(), _alive():
            ask = {"halt": halt_book, "flatten": flatten_book, "resume": resume_book}[request.action]
            ask(self._store, request.book_id, request.reason, now=_clock(request.at).now())

    @activity.defn(name="optarb.trading.deliver", no_thread_cancel_exception=True)
    def deliver(self, request: DeliverRequest) -> Delivered:
        """Gives a sign of life if one is due, and works off the book's outbox."""
        with _told(), _alive():
            return Delivered(notices=Courier(self._desk, self._store, request.book_id).carry(request.beat_at))

    @activity.defn(name="optarb.trading.report", no_thread_cancel_exception=True)
    def report(self, request: ReportRequest) -> DayReport:
        """Says what a session came to so far."""
        with _told(), _alive():
            return self._report(request.spec, request.session)

    # -- what the steps share ------------------------------------------------------------------------------------------------

    def _context(self, spec: DaySpec, session: date, owner: str) -> DayContext:
        """What a day works with, kept from step to step: bars are read once, and again only while they are missing."""
        key = (spec.model_dump_json(), session)
        with self._lock:
            known = self._contexts.get(key)
        if known is None:
            known = day_context(spec, self._desk, session, broker=self._broker, store=self._store, feed=self._feed, owner=owner)
            if known.market is not None:
                with self._lock:
                    self._contexts[key] = known
                    if len(self._contexts) > _CONTEXTS:
                        self._contexts.popitem(last=False)
        return dataclasses.replace(known, owner=owner)

    def _is_lost(self, request: StepRequest, error: AlreadyRunning | Superseded) -> None:
        """Notes that another owner moves the book.

        If none does, the step is tried again: an earlier attempt of it, whose worker was only held up, has written meanwhile.
        """
        lease = self._store.load(request.spec.book_id).lease
        if lease is None or lease.owner == request.owner:
            raise error
        activity.logger.warning("%s", error)

    def _is_newer_run(self, request: StepRequest) -> bool:
        """Whether the book's holder is an earlier execution of the guardian's workflow, of which only one runs at a time."""
        try:
            lease = self._store.load(request.spec.book_id).lease
        except BookNotFound:
            return False
        if lease is None or lease.owner.rpartition(":")[0] != request.owner.rpartition(":")[0]:
            return False
        return not is_outlived(request.owner, lease.owner)

    def _guarded(self, request: GuardRequest, cycle: Cycle, now: datetime, cycles: int) -> Guarded:
        state = self._state(request.spec, request.session)
        orders = () if state is None else [order for one in state.positions.values() for order in one.orders]
        return Guarded(
            now=now,
            next_at=cycle.next_at,
            lost=cycle.lost,
            over=cycle.over,
            cycles=cycles,
            open_positions=cycle.open_positions,
            live_orders=cycle.live_orders,
            filled=sum(bool(order.filled) for order in orders),
            notices=Courier(self._desk, self._store, request.spec.book_id).waiting(),
            beats=self._desk.heartbeat is not None and request.at is None,
        )

    def _state(self, spec: DaySpec, session: date) -> TradingState | None:
        """The book in a session; None if it was not opened for it."""
        with suppress(BookNotFound):
            document = self._store.load(spec.book_id).document
            state = TradingState.load(spec.book_id, document) if document else None
            if state is not None and state.day.session == session_number(session):
                return state
        return None

    def _report(self, spec: DaySpec, session: date) -> DayReport:
        state = self._state(spec, session)
        if state is None:
            return DayReport(session=session, outcome="missed", over=False)
        return DayReport(
            session=session,
            outcome=outcome_of(state),
            over=state.day.ended,
            open_positions=len(state.book.positions),
            needs_human=needs_human(state),
        )


def _clock(at: datetime | None) -> MovingClock:
    """The clock of one activity: real time from its start on the server's clock, or a replay's instant."""
    return _StartedClock() if at is None else SimulatedClock(at)


class _StartedClock(LiveClock):
    """Begins at the activity's start by the server's clock, which is also right where a test server skips time."""

    def __init__(self) -> None:
        super().__init__()
        self._started_at = activity.info().started_time


def _advance(context: DayContext, clock: MovingClock) -> None:
    """Shows a simulated broker the market."""
    if isinstance(context.broker, SupportsAdvance):
        with suppress(BrokerUnavailable):  # a feed that is silent moves no simulated market
            context.broker.advance(context.view(clock.now()))


@contextmanager
def _guarding() -> Generator[None]:
    """Has every failure but a wrong configuration tried again: data that cannot be read must not end the guarding."""
    with _discreet(lambda error: isinstance(error, ConfigurationError)):
        yield


@contextmanager
def _told() -> Generator[None]:
    """Has those failures tried again that may pass."""
    with _discreet(lambda error: not error.retryable):
        yield


@contextmanager
def _discreet(is_hopeless: Callable[[OptarbError], bool]) -> Generator[None]:
    """Tells Temporal of a failure in optarb's own words, or by its class and place.

    What libraries say may quote addresses and keys, and histories are kept: neither their words nor causes are passed on.
    """
    try:
        yield
    except FailureError:
        raise
    except OptarbError as error:
        raise ApplicationError(str(error), type=type(error).__name__, non_retryable=is_hopeless(error)) from None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told in our words
        kind = type(error).__name__
        raise ApplicationError(f"{kind} {_place(error)}; what it says is not passed on", type=kind) from None


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"in {trace.tb_frame.f_globals.get('__name__')}, line {trace.tb_lineno}"


def _is_to_stop() -> bool:
    return activity.is_cancelled() or activity.is_worker_shutdown()
