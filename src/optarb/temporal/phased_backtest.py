"""The phased backtest as a workflow: an undecorated base to build upon."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from types import NoneType
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

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
    which may hold back. They cannot change the ledger. A hook may run again after the workflow continued as new or was
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
        """Returns the phases to run, in order; override it to watch or log the plan."""
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
        claim = await _call(
            spec,
            "claim",
            ClaimRequest(
                spec=spec, backtest_id=backtest_id, owner=f"temporal:{info.workflow_id}:{info.first_execution_run_id}"
            ),
            Claimed,
            summary=f"claim {backtest_id}",
        )
        if claim.summary is not None:
            self._progress = _finished(claim)
            return claim.summary
        try:
            return await self._run(spec, claim)
        except (ActivityError, ApplicationError, asyncio.CancelledError) as error:
            await asyncio.shield(_release(spec, claim, error))
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
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
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


def _summary(phase: str, unit: WorkUnit) -> str:
    blocks = f" blocks {unit.first + 1}-{unit.last}" if unit.last and unit.name else ""
    return f"{phase} {unit.name}{blocks}".strip()


def _finished(claim: Claimed) -> Progress:
    return Progress(backtest_id=claim.backtest_id, phase="finished", done=1, total=1)


def _at(claim: Claimed, phase: PhaseUnits, done: int) -> Progress:
    return Progress(backtest_id=claim.backtest_id, phase=phase.name, done=done, total=phase.total)


async def _call(spec: BacktestSpec, name: str, request: object, reply: type[T], *, summary: str) -> T:
    """Calls one activity of the backtest with the time-outs, retries and task queue of its phase."""
    execution = spec.execution
    answer: T = await workflow.execute_activity(
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
    return answer


async def _release(spec: BacktestSpec, claim: Claimed, error: BaseException) -> None:
    """Notes in the store that the run stopped."""
    cause = error.cause if isinstance(error, ActivityError) else error
    stopped = is_cancelled_exception(error) or (isinstance(cause, ApplicationError) and cause.type == "Cancelled")
    await _call(
        spec,
        "release",
        ReleaseRequest(
            backtest_id=claim.backtest_id,
            epoch=claim.epoch,
            status="cancelled" if stopped else "failed",
            error=None if stopped else str(cause),
        ),
        NoneType,
        summary="release",
    )
