"""The activities: thin calls of the same functions that the in-process runner calls."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError

from optarb.backtesting.claim import claim_book
from optarb.backtesting.close import close_book
from optarb.backtesting.context import RunContext
from optarb.backtesting.phases import PHASES, Unit, remaining_units
from optarb.backtesting.repeating import repeating
from optarb.backtesting.runner import lease_tick, run_phase_unit
from optarb.backtesting.trade import sessions_traded
from optarb.errors import BookNotFound, Cancelled, OptarbError, StoreError, Superseded
from optarb.reports.result import load_result
from optarb.specs import BacktestSummary
from optarb.temporal.messages import (
    Claimed,
    ClaimRequest,
    PhaseUnits,
    ReleaseRequest,
    RunRequest,
    UnitDone,
    UnitRequest,
    WorkUnit,
)

if TYPE_CHECKING:
    from optarb.desk import Desk

__all__ = ["BacktestActivities"]


class BacktestActivities:
    """The backtest's activities on one desk. ``all()`` is what a worker without the plugin registers."""

    def __init__(self, desk: Desk) -> None:
        """Binds the activities to a desk.

        Args:
            desk: Strategies, data and infrastructure; its store must be shared between processes.
        """
        self._desk = desk

    def all(self) -> Sequence[Callable[..., Any]]:
        """Returns every activity, to be registered on a worker whose ``activity_executor`` is a thread pool."""
        return [self.claim, self.ingest, self.features, self.training, self.signals, self.trade, self.close, self.release]

    @activity.defn(name="optarb.backtest.claim", no_thread_cancel_exception=True)
    def claim(self, request: ClaimRequest) -> Claimed:
        """Takes the book and tells what is left to do."""
        with _told(), _alive():
            claim = claim_book(self._desk, request.spec, request.backtest_id, request.owner)
            if claim.kind == "finished":
                summary = load_result(self._desk, request.backtest_id).summary
                return Claimed(backtest_id=request.backtest_id, epoch=claim.epoch, summary=summary, phases=())
            context = RunContext.open(self._desk, request.spec, request.backtest_id, claim.epoch)
            phases = tuple(_left(context, phase.name, parallel=phase.parallel) for phase in PHASES)
            return Claimed(backtest_id=request.backtest_id, epoch=claim.epoch, summary=None, phases=phases)

    @activity.defn(name="optarb.backtest.ingest", no_thread_cancel_exception=True)
    def ingest(self, request: UnitRequest) -> UnitDone:
        """Ingests one symbol."""
        return self._unit(request)

    @activity.defn(name="optarb.backtest.features", no_thread_cancel_exception=True)
    def features(self, request: UnitRequest) -> UnitDone:
        """Computes one symbol's features."""
        return self._unit(request)

    @activity.defn(name="optarb.backtest.training", no_thread_cancel_exception=True)
    def training(self, request: UnitRequest) -> UnitDone:
        """Fits one model."""
        return self._unit(request)

    @activity.defn(name="optarb.backtest.signals", no_thread_cancel_exception=True)
    def signals(self, request: UnitRequest) -> UnitDone:
        """Lets one expert judge a range of blocks."""
        return self._unit(request)

    @activity.defn(name="optarb.backtest.trade", no_thread_cancel_exception=True)
    def trade(self, request: UnitRequest) -> UnitDone:
        """Trades on from the newest checkpoint until the time slice is used up."""
        return self._unit(request)

    @activity.defn(name="optarb.backtest.close", no_thread_cancel_exception=True)
    def close(self, request: RunRequest) -> BacktestSummary:
        """Makes the report and finishes the book."""
        with _told(), _alive():
            context = RunContext.open(self._desk, request.spec, request.backtest_id, request.epoch)
            _check_all_before(context, "close")
            return close_book(context)

    @activity.defn(name="optarb.backtest.release", no_thread_cancel_exception=True)
    def release(self, request: ReleaseRequest) -> None:
        """Notes that a run stopped, so that it can be resumed; another claim's book is left alone."""
        store = self._desk.store
        with _told(), _alive():
            try:
                epoch = request.epoch
                if epoch is None:
                    book = store.book(request.backtest_id)
                    if book.owner != request.owner:
                        return
                    epoch = book.epoch
                store.finish(request.backtest_id, epoch, request.status, error=request.error)
            except BookNotFound:
                activity.logger.info("there is no book %s to release", request.backtest_id)
            except Superseded:
                activity.logger.info("book %s has another owner by now", request.backtest_id)

    def _unit(self, request: UnitRequest) -> UnitDone:
        with _told(), _alive():
            context = RunContext.open(self._desk, request.spec, request.backtest_id, request.epoch)
            _check_all_before(context, request.phase)
            unit = Unit(name=request.unit.name, first=request.unit.first, last=request.unit.last)
            slice_ = request.spec.execution.time_slice_seconds
            complete = run_phase_unit(context, request.phase, unit, slice_, _beating(lease_tick(context, _heartbeat)))
            done = request.unit.weight if request.phase != "trade" else sessions_traded(context)
            return UnitDone(complete=complete, done=done)


def _left(context: RunContext, phase: str, *, parallel: bool) -> PhaseUnits:
    left, done, total = remaining_units(context, phase)
    units = tuple(WorkUnit(name=u.name, first=u.first, last=u.last, weight=weight) for u, weight in left)
    return PhaseUnits(name=phase, parallel=parallel, units=units, done=done, total=total)


def _check_all_before(context: RunContext, phase: str) -> None:
    """Refuses to build on what is gone: Temporal's history may remember work that a store lost with its last commits."""
    for one in PHASES:
        if one.name == phase:
            return
        left, _, _ = remaining_units(context, one.name)
        if not left:
            continue
        if context.store.book(context.book_id).epoch != context.epoch:
            raise Superseded(f"book {context.book_id!r} was claimed anew; this run must stop, the newer one goes on")
        raise StoreError(
            f"book {context.book_id!r}: {one.name} of {len(left)} unit(s) is not in the store before {phase}, as after a power "
            "cut, in an older copy of the store, or if a workflow's phases() leaves it out; start the run again with its id"
        )


def _heartbeat(phase: str, done: int, total: int) -> None:
    activity.heartbeat({"phase": phase, "done": done, "total": total})


def _beating(tick: Callable[[str, int, int], None]) -> Callable[[str, int, int], None]:
    """Adds Temporal's cancellation to a tick; it is polled, so that nothing is interrupted inside a commit."""

    def beat(phase: str, done: int, total: int) -> None:
        if activity.is_cancelled():
            raise CancelledError("the workflow was cancelled; the book can be resumed")
        tick(phase, done, total)

    return beat


@contextmanager
def _alive() -> Generator[None]:
    """Heartbeats while a component or the store takes its time: a fit of minutes is not the death of its worker."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    with repeating(timeout.total_seconds() / 3, _beat):
        yield


def _beat() -> None:
    # The worker's loop may be busy for so long, or gone, that nobody takes the heartbeat; then its lack tells the truth.
    with suppress(TimeoutError, RuntimeError):
        activity.heartbeat()


@contextmanager
def _told() -> Generator[None]:
    """Turns optarb's errors into Temporal's: the class's name is the type, and only what may pass is retried."""
    try:
        yield
    except CancelledError:
        raise
    except Cancelled as error:
        raise ApplicationError(str(error), type="Cancelled", non_retryable=True) from error
    except OptarbError as error:
        raise ApplicationError(str(error), type=type(error).__name__, non_retryable=not error.retryable) from error
