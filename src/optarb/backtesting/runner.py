"""The in-process runner: the same functions that Temporal's activities call, in a loop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from optarb.backtesting import features, ingest, signals, training
from optarb.backtesting.claim import claim_prepared, new_backtest_id, open_claimed, prepare
from optarb.backtesting.close import close_book
from optarb.backtesting.context import RunContext, Tick
from optarb.backtesting.features import compute_features
from optarb.backtesting.ingest import ingest_symbol
from optarb.backtesting.phases import PHASES, Unit, remaining_units
from optarb.backtesting.progress import ProgressCallback, showing
from optarb.backtesting.sharing import shared
from optarb.backtesting.signals import evaluate_blocks
from optarb.backtesting.trade import trade_blocks
from optarb.backtesting.training import fit_model
from optarb.errors import Cancelled, OptarbError, Superseded
from optarb.reports.result import Result, load_result
from optarb.specs import Progress
from optarb.stores import process_owner

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.protocols import BookStatus
    from optarb.specs import BacktestSpec

__all__ = ["backtest", "lease_tick", "run_book", "run_phase_unit"]

T = TypeVar("T")

_logger = logging.getLogger("optarb")


def backtest(spec: BacktestSpec, desk: Desk, *, progress: bool | ProgressCallback | None = None) -> Result:
    """Runs a backtest in this process, or goes on with one that was begun.

    Args:
        spec: What to run. With a ``backtest_id`` an unfinished run is resumed and a finished one returned.
        desk: Strategies, data and infrastructure.
        progress: True for a bar, False for none, None for a bar on a terminal or in a notebook, or a function that is called
            with a :class:`Progress` at most a few times a second.

    Returns:
        The result.

    Raises:
        OptarbError: See :mod:`optarb.errors`. What was committed stays; the message of an interruption names the id.
        KeyboardInterrupt: Interrupted; the book can be resumed by its id, which is printed.
    """
    book_id = spec.backtest_id or new_backtest_id(spec)
    prepared = prepare(desk, spec)
    claim = claim_prepared(desk, prepared, book_id, process_owner())
    if claim.kind == "finished":
        return load_result(desk, book_id)
    context = open_claimed(desk, prepared, claim)
    try:
        with showing(progress, book_id) as report:
            run_book(context, report)
    except KeyboardInterrupt:
        print(f"interrupted; resume with backtest_id={book_id!r}")  # noqa: T201 - the user must learn the id
        raise
    return load_result(desk, book_id)


def run_book(context: RunContext, report: ProgressCallback, watch: Tick | None = None) -> None:
    """Runs a claimed book to its end, and notes in the store how it ended.

    Args:
        context: The run.
        report: Called with each progress, at most a few times a second.
        watch: Called as often; it may raise :class:`Cancelled`.

    Raises:
        OptarbError: What the run met; its book is ``cancelled`` or ``failed``, or another's by now.
        KeyboardInterrupt: Interrupted; the book is ``cancelled``.
    """
    try:
        _run(context, report, watch)
    except (KeyboardInterrupt, Cancelled):
        _finish(context, "cancelled")
        raise
    except Superseded:
        raise
    except BaseException as error:
        _finish(context, "failed", error=f"{type(error).__name__}: {error}")
        raise


def _finish(context: RunContext, status: BookStatus, *, error: str | None = None) -> None:
    """Notes how a run ended. A store that is away and cannot take the note does not hide what happened; the lease ends then."""
    try:
        context.store.finish(context.book_id, context.epoch, status, error=error)
    except OptarbError as failure:
        _logger.warning("book %s is %s, which could not be noted: %s", context.book_id, status, failure)


def _run(context: RunContext, report: ProgressCallback, watch: Tick | None) -> None:
    for phase in PHASES:
        left, done, total = _with_retries(context, phase.name, partial(remaining_units, context, phase.name))
        for unit, weight in left:
            shown = _shown(context, report, watch, done if phase.parallel else 0, total)
            tick = lease_tick(context, shown)
            _with_retries(context, f"{phase.name} {unit.name}", partial(run_phase_unit, context, phase.name, unit, None, tick))
            done = done + weight if phase.parallel else total
            shown(phase.name, weight, total)
    _with_retries(context, "close", partial(close_book, context))
    report(Progress(backtest_id=context.book_id, phase="finished", done=1, total=1))


def _with_retries(context: RunContext, what: str, work: Callable[[], T]) -> T:
    """Does a piece of work, again after errors that may pass, with the waits and the number of tries of ``spec.execution``."""
    execution = context.spec.execution
    for attempt in range(1, execution.max_attempts):
        try:
            return work()
        except OptarbError as error:
            if not error.retryable:
                raise
            _logger.warning("%s failed and is tried again: %s", what, error)
            time.sleep(min(execution.retry_interval_seconds * 2 ** (attempt - 1), _LONGEST_WAIT_SECONDS))
    return work()


def _shown(context: RunContext, report: ProgressCallback, watch: Tick | None, before: int, total: int) -> Tick:
    """Reports a unit's own progress as the phase's; a unit that does not know its own total counts when it is complete."""

    def shown(phase: str, done: int, of: int) -> None:
        if watch is not None:
            watch(phase, done, of)
        report(Progress(backtest_id=context.book_id, phase=phase, done=min(before + (done if of else 0), total), total=total))

    return shown


def run_phase_unit(context: RunContext, phase: str, unit: Unit, budget_seconds: float | None, tick: Tick) -> bool:
    """Runs one unit of a phase.

    Args:
        context: The run.
        phase: Name of the phase.
        unit: The unit.
        budget_seconds: For the trade phase: see :func:`optarb.backtesting.trade.trade_blocks`.
        tick: Called after each piece of work.

    Returns:
        Whether the unit is complete; only the trade phase may need to be called again.
    """
    if phase == ingest.PHASE:
        shared(context, phase, unit, lambda: ingest_symbol(context, unit.name, tick))
    elif phase == features.PHASE:
        compute_features(context, unit.name, tick)
    elif phase == training.PHASE:
        chosen = next(one for one in context.plan.trainings if one.unit == unit.name)
        fit_model(context, chosen, tick)
    elif phase == signals.PHASE:
        blocks = context.plan.blocks[unit.first : unit.last]
        shared(context, phase, unit, lambda: evaluate_blocks(context, unit.name, blocks, tick))
    else:
        return trade_blocks(context, budget_seconds, tick)
    return True


def lease_tick(context: RunContext, then: Tick) -> Tick:
    """Wraps a tick so that it renews the lease and notices requests to stop, a few times in a lease's life.

    Args:
        context: The run.
        then: Called at most four times a second.
    """
    execution = context.spec.execution
    state = {"renewed": time.monotonic(), "told": time.monotonic()}  # work that is done sooner needs no heartbeat

    def tick(phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now - state["told"] >= _TELL_SECONDS:
            state["told"] = now
            then(phase, done, total)
        if now - state["renewed"] >= min(execution.lease_seconds / 4, _RENEW_SECONDS):
            state["renewed"] = now
            if context.store.renew(context.book_id, context.epoch, execution.lease_seconds):
                raise Cancelled(f"book {context.book_id!r} was asked to stop; resume it with the same backtest_id")

    return tick


_LONGEST_WAIT_SECONDS = 60.0
_TELL_SECONDS = 0.25
_RENEW_SECONDS = 1.0
