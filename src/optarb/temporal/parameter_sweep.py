"""A parameter sweep as a workflow: an undecorated base to build upon."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError, WorkflowAlreadyStartedError

from optarb.specs import BacktestSummary, Progress, SweepSummary
from optarb.temporal.messages import ReleaseRequest, SweepClaimed, SweepClaimRequest, SweepRequest, SweepRunRequest
from optarb.temporal.phased_backtest import _call, _ended, _release, _stop_if_cancelled, _to_its_end

__all__ = ["ParameterSweep"]

_OF_ONE_SETTING = frozenset({"ComponentError", "TransientError", "Cancelled"})
"""Errors that end one setting and stand in the table; every other one ends the sweep."""


class ParameterSweep:
    """Claims a sweep and runs each of its settings as a child workflow, a bounded number at a time.

    Settings begin in their order. The first one runs alone, so that what all share is in the cache when the others begin.
    """

    def __init__(self) -> None:
        """Starts with nothing known."""
        self._progress = Progress(backtest_id="", phase="claim", done=0, total=1)

    @workflow.query(name="optarb.progress")
    def progress(self) -> Progress:
        """Tells how many settings have ended."""
        return self._progress

    async def execute(self, request: SweepRequest) -> SweepSummary:
        """Runs the sweep; call it from ``run``.

        Args:
            request: The sweep, with its id.

        Returns:
            How many settings finished; the figures are in the store.

        Raises:
            ApplicationError: The sweep failed; ``type`` is the name of optarb's error.
        """
        sweep, info = request.sweep, workflow.info()
        sweep_id, owner = sweep.sweep_id or "", f"temporal:{info.workflow_id}:{info.first_execution_run_id}"
        claim: SweepClaimed | None = None
        try:
            claim = await _call(
                sweep.spec,
                "claim_sweep",
                SweepClaimRequest(sweep=sweep, owner=owner),
                SweepClaimed,
                summary=f"claim {sweep_id}",
            )
            if claim.summary is None:
                await self._run(request, claim.left)
                claim = claim.model_copy(update={"summary": await self._close(request, claim.epoch)})
            self._progress = Progress(backtest_id=sweep_id, phase="finished", done=sweep.count, total=sweep.count)
        except BaseException as error:
            # Neither what fails the workflow's task, which is tried again, nor continuing as new ends the run.
            if isinstance(error, asyncio.CancelledError) or workflow.is_failure_exception(error):
                held = ReleaseRequest(backtest_id=sweep_id, owner=owner, epoch=claim.epoch if claim else None)
                await _to_its_end(_release(sweep.spec, held, error))
            raise
        assert claim.summary is not None  # noqa: S101 - for the type checker: set above or by the claim
        return claim.summary

    async def _close(self, request: SweepRequest, epoch: int) -> SweepSummary:
        return await _call(
            request.sweep.spec, "close_sweep", SweepRunRequest(sweep=request.sweep, epoch=epoch), SweepSummary, summary="close"
        )

    async def _run(self, request: SweepRequest, left: tuple[int, ...]) -> None:
        """Runs what is left, in order, and continues as new where the server asks, when no setting is under way."""
        sweep = request.sweep
        todo = [number for number in left if number >= request.begin]
        self._note(request, len(todo))
        running: set[asyncio.Task[None]] = set()
        try:
            for place, number in enumerate(todo):
                window = 1 if place == 1 and len(left) == sweep.count else sweep.spec.execution.max_in_flight
                running = await self._room(running, window)
                _stop_if_cancelled()
                self._note(request, len(todo) - place + len(running))
                if workflow.info().is_continue_as_new_suggested():
                    await self._room(running, 1)
                    workflow.continue_as_new(request.model_copy(update={"begin": number}))
                running.add(asyncio.create_task(self._setting(request, number)))
            while running:
                running = await self._room(running, len(running))
                self._note(request, len(running))
        except (Exception, asyncio.CancelledError):  # not when the worker puts the workflow away: nothing may be awaited then
            for task in running:
                task.cancel()
            await _to_its_end(_ended(list(running)))
            raise

    async def _room(self, running: set[asyncio.Task[None]], window: int) -> set[asyncio.Task[None]]:
        """Waits until fewer than ``window`` settings are under way; raises what one of them raised."""
        while len(running) >= window and running:
            done, pending = await workflow.wait(running, return_when=asyncio.FIRST_COMPLETED)
            running = set(pending)
            for task in done:
                task.result()
        return running

    async def _setting(self, request: SweepRequest, number: int) -> None:
        spec = request.sweep.setting(number)
        told = ", ".join(f"{path}={value!r}" for path, value in request.sweep.overrides(number).items())
        try:
            await workflow.execute_child_workflow(
                request.workflow,
                spec,
                id=f"optarb-backtest/{spec.backtest_id}",
                result_type=BacktestSummary,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                static_summary=told[:200],
            )
        except WorkflowAlreadyStartedError as error:
            raise ApplicationError(
                f"backtest {spec.backtest_id!r} is running on this server; cancel it first",
                type="AlreadyRunning",
                non_retryable=True,
            ) from error
        except ChildWorkflowError as error:
            if workflow.cancellation_reason() is not None:
                raise asyncio.CancelledError("the sweep was asked to stop") from error
            cause = error.cause
            while isinstance(cause, Exception) and not isinstance(cause, ApplicationError) and cause.__cause__ is not None:
                cause = cause.__cause__
            # A setting that somebody cancelled or terminated stands in the table as what it is.
            if isinstance(cause, ApplicationError) and cause.type not in _OF_ONE_SETTING:
                raise ApplicationError(cause.message, type=cause.type, non_retryable=True) from error

    def _note(self, request: SweepRequest, left: int) -> None:
        sweep = request.sweep
        self._progress = Progress(
            backtest_id=sweep.sweep_id or "", phase="settings", done=sweep.count - left, total=sweep.count
        )
        workflow.set_current_details(f"{sweep.count - left} of {sweep.count} settings")
