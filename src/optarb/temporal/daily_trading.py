"""A trading day as a workflow: an undecorated base to build upon."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any, ClassVar

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

from optarb.temporal.phased_backtest import _stop_if_cancelled, _to_its_end
from optarb.temporal.trading_calls import call_trading
from optarb.temporal.trading_messages import (
    BeginRequest,
    Begun,
    DayReport,
    DayRequest,
    EntriesAsked,
    MonitorRequest,
    ReportRequest,
)
from optarb.trading.day_spec import DaySpec

__all__ = ["DailyTrading", "guardian_id"]

_SCHEDULED_FOR = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


def guardian_id(book_id: str) -> str:
    """Returns the workflow id of the guardian of a book: one at a time.

    Args:
        book_id: The book.
    """
    return f"optarb-guardian/{book_id}"


class DailyTrading:
    """Trades a day: starts the guardian of the book, asks it for the entries, and ends with what became of them.

    The guardian is started first, works on if this workflow is cancelled, terminated or fails, and is the only one that moves
    the book. One that runs already is taken over. One that is terminated while the day runs is started again.

    Build a workflow of your own by overriding :meth:`before_entries`::

        @workflow.defn(name="acme.Day")
        class AcmeDay(DailyTrading):
            @workflow.run
            async def run(self, request: DayRequest) -> DayReport:
                return await self.execute(request)
    """

    guardian: ClassVar[str] = "optarb.PositionMonitor"
    """Name of the guardian's workflow."""
    heartbeat_timeout: ClassVar[timedelta] = timedelta(seconds=10)
    """After how long without a sign of life another worker goes on with an activity."""

    def __init__(self) -> None:
        """Starts with nothing known."""
        self._child: workflow.ChildWorkflowHandle[Any, DayReport] | None = None

    async def before_entries(self, spec: DaySpec, session: date) -> bool:  # noqa: ARG002 - for hooks
        """Called once the guardian runs; says whether the session's entries shall be decided, as a person's approval does.

        It may wait. Opening orders are sent only until ``late_minutes`` after ``entry_at``; whoever answers later has missed
        the day. A replay waits five minutes of real time for the answer.

        Args:
            spec: What is traded.
            session: The session.
        """
        return True

    async def execute(self, request: DayRequest) -> DayReport:
        """Trades the day; call it from ``run``.

        Args:
            request: What to trade, and where a replay begins.

        Returns:
            What became of the entries, beside what is still open.

        Raises:
            ApplicationError: The spec does not fit the desk; ``type`` is the name of optarb's error. Or the guardian failed.
            CancelledError: The day was cancelled. The guardian goes on, and begins no new positions.
        """
        info = workflow.info()
        begin = BeginRequest(
            spec=request.spec,
            owner=f"temporal:{info.namespace}/{info.workflow_id}:{info.first_execution_run_id}",
            at=request.replay_from,
            scheduled_for=info.typed_search_attributes.get(_SCHEDULED_FOR),
        )
        begun = await call_trading("begin", begin, Begun, "begin", self.heartbeat_timeout)
        if begun.outcome in {"no_session", "missed"}:
            return DayReport(session=begun.session, outcome=begun.outcome)
        guarded = MonitorRequest(
            spec=request.spec,
            session=begun.session,
            at=request.replay_from,
            pace=request.pace,
            waits_for_day=begun.outcome is None,
        )
        if not begun.over:
            await _to_its_end(self._start_guardian(guarded))
        if begun.over or begun.outcome == "duplicate":
            report = await self._report(guarded)
            return report.model_copy(update={} if begun.outcome is None else {"outcome": begun.outcome})
        try:
            _stop_if_cancelled()
            allowed = await self.before_entries(request.spec, begun.session)
            return await self._until_over(EntriesAsked(request=guarded, allowed=allowed))
        except (Exception, asyncio.CancelledError) as error:
            # Neither what fails the workflow's task, which is tried again, nor the worker putting it away ends the day.
            if isinstance(error, asyncio.CancelledError) or workflow.is_failure_exception(error):
                await _to_its_end(self._ask(EntriesAsked(request=guarded, allowed=False)))
            raise

    async def _until_over(self, asked: EntriesAsked) -> DayReport:
        """Sees to it that the book is guarded until the session is over."""
        pause = timedelta(seconds=60 if asked.request.at is None else 1)
        while True:
            await _to_its_end(self._ask(asked))
            _stop_if_cancelled()
            if self._child is not None:
                report = await self._ended(self._child)
                if report is not None:
                    return report
                self._child = None
            else:
                report = await self._report(asked.request)
                if report.over:
                    return report
                await workflow.sleep(pause)
            await _to_its_end(self._start_guardian(asked.request))

    async def _start_guardian(self, request: MonitorRequest) -> None:
        """Starts the guardian, unless the book has one."""
        if self._child is not None:
            return
        try:
            self._child = await workflow.start_child_workflow(
                self.guardian,
                request,
                id=guardian_id(request.spec.book_id),
                result_type=DayReport,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                cancellation_type=workflow.ChildWorkflowCancellationType.ABANDON,
                static_summary=f"{request.spec.book_id} {request.session}",
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.info("book %s has a guardian already", request.spec.book_id)

    async def _ask(self, asked: EntriesAsked) -> None:
        """Tells the guardian what the day wants; one that has ended meanwhile is not told."""
        guardian: workflow.ExternalWorkflowHandle[Any] = workflow.get_external_workflow_handle(
            guardian_id(asked.request.spec.book_id)
        )
        try:
            await guardian.signal("optarb.enter", asked)
        except FailureError as error:
            workflow.logger.info("the guardian of %s has ended: %s", asked.request.spec.book_id, error)

    async def _ended(self, child: workflow.ChildWorkflowHandle[Any, DayReport]) -> DayReport | None:
        """Waits for the guardian's end; None if it was terminated or timed out, so that another must go on."""
        try:
            return await child
        except ChildWorkflowError as error:
            if workflow.cancellation_reason() is not None:
                raise asyncio.CancelledError("the day was asked to stop") from error
            if isinstance(error.cause, ApplicationError) or is_cancelled_exception(error):
                raise ApplicationError(
                    f"the guardian ended before the session did: {error.cause}",
                    type=error.cause.type if isinstance(error.cause, ApplicationError) else "Cancelled",
                    non_retryable=True,
                ) from error
            workflow.logger.warning("the guardian was stopped from outside; another is started", exc_info=True)
            return None

    async def _report(self, request: MonitorRequest) -> DayReport:
        named = ReportRequest(spec=request.spec, session=request.session)
        return await call_trading("report", named, DayReport, "report", self.heartbeat_timeout)
