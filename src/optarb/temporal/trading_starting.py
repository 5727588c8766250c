"""Starts live days and guardians on a Temporal server, follows and steers them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from optarb.errors import AlreadyRunning, ConfigurationError
from optarb.temporal.daily_trading import guardian_id
from optarb.temporal.starting import _outcome, _workflow_name
from optarb.temporal.trading_messages import ControlWish, DayReport, DayRequest, GuardStatus, MonitorRequest

if TYPE_CHECKING:
    from datetime import date

    from optarb.trading.day_spec import DaySpec

__all__ = ["DAY_TIMEOUT", "DayHandle", "GuardianHandle", "day_id", "follow_guardian", "start_day", "start_guardian"]

DAY_TIMEOUT = timedelta(hours=20)
"""How long a day may last: one that hangs is gone before the next begins."""


def day_id(book_id: str) -> str:
    """Returns the workflow id of a day that is started by hand; a schedule appends the time to it.

    Args:
        book_id: The book.
    """
    return f"optarb-day/{book_id}"


@dataclass(frozen=True, kw_only=True)
class DayHandle:
    """A live day on a Temporal server."""

    book_id: str
    """The book."""
    workflow: WorkflowHandle[Any, Any]
    """Temporal's own handle, for all that is not here."""

    async def result(self) -> DayReport:
        """Waits for the end.

        Raises:
            OptarbError: The error that made the day fail, of its own class; Cancelled if it was cancelled.
        """
        report: DayReport = await _outcome(self.workflow, f"the day of book {self.book_id!r}", "book")
        return report

    async def cancel(self) -> None:
        """Asks for no new positions today. What is open stays guarded; halt or flatten the book to do more."""
        await self.workflow.cancel()


@dataclass(frozen=True, kw_only=True)
class GuardianHandle:
    """The guardian of a book on a Temporal server. A worker must be alive to answer; without one, set the flag in the store."""

    book_id: str
    """The book."""
    workflow: WorkflowHandle[Any, Any]
    """Temporal's own handle, for all that is not here."""

    async def status(self) -> GuardStatus:
        """Asks where it stands."""
        status: GuardStatus = await self.workflow.query("optarb.status", result_type=GuardStatus)
        return status

    async def halt(self, reason: str) -> None:
        """Asks for no new positions; see :func:`optarb.temporal.trading_controls.halt_book`.

        Args:
            reason: Why, in words.

        Raises:
            WorkflowUpdateFailedError: There is no reason.
        """
        await self.workflow.execute_update("optarb.halt", ControlWish(reason=reason))

    async def resume(self, reason: str = "") -> None:
        """Takes halt and flatten back.

        Args:
            reason: Why, in words.
        """
        await self.workflow.execute_update("optarb.resume", ControlWish(reason=reason))

    async def flatten(self, reason: str) -> None:
        """Asks for everything to be closed; see :func:`optarb.temporal.trading_controls.flatten_book`.

        Args:
            reason: Why, in words.

        Raises:
            WorkflowUpdateFailedError: There is no reason, or the session is over.
        """
        await self.workflow.execute_update("optarb.flatten", ControlWish(reason=reason))

    async def result(self) -> DayReport:
        """Waits for the end of the session.

        Raises:
            OptarbError: The error that made it fail, of its own class; Cancelled if it was cancelled.
        """
        report: DayReport = await _outcome(self.workflow, f"the guardian of book {self.book_id!r}", "book")
        return report


async def start_day(
    client: Client,
    spec: DaySpec,
    *,
    task_queue: str,
    replay_from: datetime | None = None,
    pace: float = 0,
    workflow: str | type = "optarb.DailyTrading",
) -> DayHandle:
    """Starts today's trading day of a book by hand.

    A second run in one session trades nothing and ends as ``duplicate``.

    Args:
        client: A client with :class:`OptarbPlugin`.
        spec: What to trade.
        task_queue: Where a worker listens whose desk has a broker and a feed.
        replay_from: Where a replayed day begins, aware; None for real time.
        pace: Market seconds that pass in a real second of a replay; 0 for as fast as possible.
        workflow: Name or class of the workflow, if it is one of your own.

    Raises:
        AlreadyRunning: A day of that book, started by hand, is running.
        ConfigurationError: A pace without a replay, or one that is negative or no number.
    """
    request = _request(DayRequest, spec=spec, replay_from=replay_from, pace=pace)
    name = workflow if isinstance(workflow, str) else _workflow_name(workflow)
    try:
        handle: WorkflowHandle[Any, Any] = await client.start_workflow(
            name,
            request,
            id=day_id(spec.book_id),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=DayReport,
            execution_timeout=DAY_TIMEOUT,
            static_summary=f"day of {spec.book_id}",
        )
    except WorkflowAlreadyStartedError as error:
        raise AlreadyRunning(f"a day of book {spec.book_id!r} is running on this server; look with follow_guardian") from error
    return DayHandle(book_id=spec.book_id, workflow=handle)


async def start_guardian(
    client: Client,
    spec: DaySpec,
    session: date,
    *,
    task_queue: str,
    replay_from: datetime | None = None,
    pace: float = 0,
    workflow: str | type = "optarb.PositionMonitor",
) -> GuardianHandle:
    """Starts the guardian of a book without a day: what is open is watched, exited and closed; nothing new is begun.

    Args:
        client: A client with :class:`OptarbPlugin`.
        spec: What was traded.
        session: The session to guard: today's.
        task_queue: Where a worker listens whose desk has a broker and a feed.
        replay_from: Where a replay begins, aware; None for real time.
        pace: Market seconds that pass in a real second of a replay; 0 for as fast as possible.
        workflow: Name or class of the workflow, if it is one of your own.

    Raises:
        AlreadyRunning: The book has a guardian.
        ConfigurationError: A pace without a replay, or one that is negative or no number.
    """
    request = _request(MonitorRequest, spec=spec, session=session, at=replay_from, pace=pace)
    name = workflow if isinstance(workflow, str) else _workflow_name(workflow)
    try:
        handle: WorkflowHandle[Any, Any] = await client.start_workflow(
            name,
            request,
            id=guardian_id(spec.book_id),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=DayReport,
            static_summary=f"{spec.book_id} {session}",
        )
    except WorkflowAlreadyStartedError as error:
        raise AlreadyRunning(f"book {spec.book_id!r} has a guardian on this server; follow_guardian finds it") from error
    return GuardianHandle(book_id=spec.book_id, workflow=handle)


def follow_guardian(client: Client, book_id: str) -> GuardianHandle:
    """Returns the handle of a book's guardian.

    Args:
        client: A client with :class:`OptarbPlugin`.
        book_id: The book, such as ``spec.book_id``.
    """
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(guardian_id(book_id), result_type=DayReport)
    return GuardianHandle(book_id=book_id, workflow=handle)


def _request(message: type[DayRequest | MonitorRequest], **fields: Any) -> DayRequest | MonitorRequest:
    try:
        return message(**fields)
    except ValidationError as error:
        raise ConfigurationError("; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())) from error
