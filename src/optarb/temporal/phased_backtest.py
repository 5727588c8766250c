"""The phased backtest as a workflow: an undecorated base to build upon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from types import NoneType
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, RetryState, is_cancelled_exception

from optarb.specs import BacktestSpec, BacktestSummary, Progress
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

__all__ = ["PhasedBacktest"]

T = TypeVar("T")


class PhasedBacktest:
    """Claims a book, runs its phases through activities, and closes it.

    Build a workflow of your own in three lines::

        @workflow.defn(name="acme.Backtest")
        class AcmeBacktest(optarb.PhasedBacktest):
            @workflow.run
            async def run(self, spec: optarb.BacktestSpec) -> optarb.BacktestSummary:
                return await self.execute(spec)

    and override the hooks :meth:`before_phase` and :meth:`after_phase`, which may watch, wait or notify, and :meth:`phases`,
    which sees the plan. They cannot change the ledger. A hook may run again after the workflow continued as new or was
    resumed; its ``progress`` tells how far the phase is.
    """

    def __init__(self) -> None:
        """Starts with nothing known."""
        self._progress = Progress(backtest_id="", phase="claim", done=0, total=1)

    @workflow.query(name="optarb.progress")
    def progress(self) -> Progress:
        """Tells how far the run is."""
        return self._progress

    # -- hooks --------------------------------------------------------------------------------------------------------------

    def phases(self, phases: Sequence[PhaseUnits]) -> Sequence[PhaseUnits]:
        """Returns the phases to run, in order; override it to watch or log the plan. A run that leaves one out fails."""
        return phases

    async def before_phase(self, phase: str, progress: Progress) -> None:
        """Called before a phase's first activity in this run of the workflow."""

    async def after_phase(self, phase: str, progress: Progress) -> None:
        """Called once a phase is complete."""

    # -- the run --------------------------------------------------------------------------------------------------------------

    async def execute(self, spec: BacktestSpec) -> BacktestSummary:
        """Runs the backtest; call it from ``run``.

        Args:
            spec: What to run. Without a ``backtest_id`` the book is named after the strategy and the workflow's first run.

        Returns:
            The summary; the whole result is in the store.

        Raises:
            ApplicationError: The run failed; ``type`` is the name of optarb's error.
        """
        info = workflow.info()
        backtest_id = spec.backtest_id or f"{spec.strategy}-{info.first_execution_run_id[-12:]}"
        owner = f"temporal:{info.workflow_id}:{info.first_execution_run_id}"
        claim: Claimed | None = None
        try:
            claim = await _call(
                spec,
                "claim",
                ClaimRequest(spec=spec, backtest_id=backtest_id, owner=owner),
                Claimed,
                summary=f"claim {backtest_id}",
            )
            if claim.summary is not None:
                self._progress = _finished(claim)
                return claim.summary
            return await self._run(spec, claim)
        except BaseException as error:
            # Neither what fails the workflow's task, which is tried again, nor continuing as new ends the run.
            if isinstance(error, asyncio.CancelledError) or workflow.is_failure_exception(error):
                held = ReleaseRequest(backtest_id=backtest_id, owner=owner, epoch=claim.epoch if claim else None)
                await _to_its_end(_release(spec, held, error))
            raise

    async def _run(self, spec: BacktestSpec, claim: Claimed) -> BacktestSummary:
        _stop_if_cancelled()
        for phase in self.phases(claim.phases):
            if not phase.units:
                continue
            self._progress = _at(claim, phase, phase.done)
            workflow.set_current_details(f"{phase.name}: {phase.done} of {phase.total}")
            await self.before_phase(phase.name, self._progress)
            if phase.parallel:
                await self._parallel(spec, claim, phase)
            else:
                await self._sequential(spec, claim, phase)
            self._progress = _at(claim, phase, phase.total)
            await self.after_phase(phase.name, self._progress)
        summary = await _call(
            spec,
            "close",
            RunRequest(spec=spec, backtest_id=claim.backtest_id, epoch=claim.epoch),
            BacktestSummary,
            summary="close",
        )
        self._progress = _finished(claim)
        return summary

    async def _parallel(self, spec: BacktestSpec, claim: Claimed, phase: PhaseUnits) -> None:
        """Runs a phase's units, at most ``max_in_flight`` at once; the first failure cancels the others and waits for them."""
        window = asyncio.Semaphore(spec.execution.max_in_flight)
        done = phase.done

        async def one(unit: WorkUnit) -> None:
            nonlocal done
            async with window:
                reply = await self._unit(spec, claim, phase.name, unit)
            done += reply.done
            self._progress = _at(claim, phase, done)

        tasks = [asyncio.create_task(one(unit)) for unit in phase.units]
        try:
            await asyncio.gather(*tasks)
        except (Exception, asyncio.CancelledError):  # not when the worker puts the workflow away: nothing may be awaited then
            for task in tasks:
                task.cancel()
            await _to_its_end(_ended(tasks))
            raise

    async def _sequential(self, spec: BacktestSpec, claim: Claimed, phase: PhaseUnits) -> None:
        """Runs a phase's units one after the other, each until it is complete; continues as new where the server asks."""
        for unit in phase.units:
            complete = False
            while not complete:
                if workflow.info().is_continue_as_new_suggested():
                    workflow.continue_as_new(spec.model_copy(update={"backtest_id": claim.backtest_id}))
                reply = await self._unit(spec, claim, phase.name, unit)
                complete = reply.complete
                self._progress = _at(claim, phase, reply.done)

    async def _unit(self, spec: BacktestSpec, claim: Claimed, phase: str, unit: WorkUnit) -> UnitDone:
        reply = await _call(
            spec,
            phase,
            UnitRequest(spec=spec, backtest_id=claim.backtest_id, epoch=claim.epoch, phase=phase, unit=unit),
            UnitDone,
            summary=_summary(phase, unit),
        )
        _stop_if_cancelled()
        return reply


def _stop_if_cancelled() -> None:
    """Raises if the run was asked to stop. Temporal says so once, and an activity that ends before it learns of it hides it."""
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError("the run was asked to stop")


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Does what must not stop half-way, however often the run is cancelled meanwhile."""
    task = asyncio.create_task(work)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


def _summary(phase: str, unit: WorkUnit) -> str:
    blocks = f" blocks {unit.first + 1}-{unit.last}" if unit.last and unit.name else ""
    return f"{phase} {unit.name}{blocks}".strip()


def _finished(claim: Claimed) -> Progress:
    return Progress(backtest_id=claim.backtest_id, phase="finished", done=1, total=1)


def _at(claim: Claimed, phase: PhaseUnits, done: int) -> Progress:
    return Progress(backtest_id=claim.backtest_id, phase=phase.name, done=done, total=phase.total)


async def _call(spec: BacktestSpec, name: str, request: object, reply: type[T], *, summary: str) -> T:
    """Calls one activity of the backtest with the time-outs, retries and task queue of its phase.

    Raises:
        ActivityError: It failed.
        CancelledError: It was cancelled, or would have been tried again had the run not been cancelled.
    """
    execution = spec.execution
    call = workflow.start_activity(
        f"optarb.backtest.{name}",
        request,
        result_type=reply,
        summary=summary,
        task_queue=execution.task_queues.get(name),
        start_to_close_timeout=timedelta(seconds=execution.start_to_close_seconds),
        heartbeat_timeout=timedelta(seconds=execution.heartbeat_timeout_seconds),
        cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=execution.retry_interval_seconds),
            maximum_interval=timedelta(minutes=1),
            maximum_attempts=execution.max_attempts,
            non_retryable_error_types=["PayloadSizeError"],
        ),
    )
    try:
        answer: T = await call
    except ActivityError as error:
        # Its worker died or its store was away: it could not say itself that it was cancelled.
        if error.retry_state is RetryState.CANCEL_REQUESTED:
            raise asyncio.CancelledError("the run was asked to stop") from error
        raise
    return answer


async def _release(spec: BacktestSpec, held: ReleaseRequest, error: BaseException) -> None:
    """Notes in the store that the run stopped. Where that fails too, the lease ends it, and the run's own error counts."""
    cause = error.cause if isinstance(error, ActivityError) else error
    stopped = is_cancelled_exception(error) or (isinstance(cause, ApplicationError) and cause.type == "Cancelled")
    ending = {"status": "cancelled", "error": None} if stopped else {"status": "failed", "error": str(cause)}
    try:
        await _call(spec, "release", held.model_copy(update=ending), NoneType, summary="release")
    except ActivityError:
        workflow.logger.warning("book %s could not be released; its lease will end", held.backtest_id, exc_info=True)
