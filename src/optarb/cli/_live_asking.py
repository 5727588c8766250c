"""What the commands on live books ask of a Temporal server, answered within seconds or not at all."""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from optarb.cli._asking import _asked, recent_pollers
from optarb.errors import BookNotFound
from optarb.temporal.schedules import follow_schedule, schedule_daily
from optarb.temporal.trading_messages import ControlWish
from optarb.temporal.trading_starting import follow_guardian, start_day, start_guardian

if TYPE_CHECKING:
    from datetime import date

    from optarb.temporal.schedules import DailySchedule
    from optarb.trading.day_spec import DaySpec

__all__ = [
    "Guarding",
    "Scheduled",
    "begin_day",
    "begin_guardian",
    "change_schedule",
    "create_schedule",
    "schedules",
    "tell_guardian",
]

_TIMEOUT = timedelta(seconds=5)
_PREFIX = "optarb-daily/"

Guarding = Literal["told", "silent", "refused", "none", "started", "no worker"]
"""What came of telling a guardian: ``silent`` if its workers did not answer in time, ``none`` if the book has no guardian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A schedule of a book's days."""

    book_id: str
    """The book."""
    paused: bool
    """Whether it starts no days."""
    note: str
    """Why, or what it is for."""
    task_queue: str | None
    """Where its days are worked on; None where only a list was asked for."""
    next_at: tuple[datetime, ...]
    """The next starts, aware UTC."""


def create_schedule(spec: DaySpec, task_queue: str, workflow: str, address: str | None) -> Scheduled:
    """Schedules a book's days, or replaces the spec and the times of a schedule.

    Raises:
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> Scheduled:
        return await _described(await schedule_daily(client, spec, task_queue=task_queue, workflow=workflow))

    return _asked(ask, address)


def schedules(address: str | None) -> tuple[Scheduled, ...]:
    """Lists the schedules of live books, in the order of their names.

    Raises:
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> tuple[Scheduled, ...]:
        found: list[Scheduled] = []
        async for one in await client.list_schedules():
            if one.id.startswith(_PREFIX) and one.schedule is not None:
                state, info = one.schedule.state, one.info
                times = tuple(info.next_action_times) if info is not None else ()
                found.append(
                    Scheduled(
                        book_id=one.id.removeprefix(_PREFIX),
                        paused=state.paused,
                        note=state.note or "",
                        task_queue=None,
                        next_at=times,
                    )
                )
        return tuple(sorted(found, key=lambda one: one.book_id))

    return _asked(ask, address)


def change_schedule(
    book_id: str, address: str | None, change: Callable[[DailySchedule], Awaitable[None]] | None = None, *, gone: bool = False
) -> Scheduled | None:
    """Does something with a schedule, and tells how it stands then.

    Args:
        book_id: The book.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.
        change: What to do; None to look alone.
        gone: Whether the schedule is gone afterwards.

    Raises:
        BookNotFound: The book has no schedule on that server; the message suggests one of almost that name.
        BookError: What was wanted is refused while the book holds something.
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> Scheduled | None:
        schedule = follow_schedule(client, book_id)
        try:
            before = await _described(schedule)
            if change is not None:
                await change(schedule)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            known = [one.id.removeprefix(_PREFIX) async for one in await client.list_schedules()]
            close = difflib.get_close_matches(book_id, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "optarb schedule list shows those that are"
            raise BookNotFound(f"book {book_id!r} has no schedule on this server; {hint}") from None
        if gone:
            return None
        return before if change is None else await _described(schedule)

    return _asked(ask, address)


def tell_guardian(
    book_id: str, action: Literal["halt", "resume", "flatten"], reason: str, address: str | None
) -> tuple[Guarding, str]:
    """Wakes the guardian of a book for a flag that was set. Returns what came of it, and why in words where it matters.

    Args:
        book_id: The book.
        action: Which update.
        reason: Why, in words.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.

    Raises:
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> tuple[Guarding, str]:
        guardian = follow_guardian(client, book_id).workflow
        try:
            await guardian.execute_update(f"optarb.{action}", ControlWish(reason=reason), rpc_timeout=_TIMEOUT)
        except WorkflowUpdateRPCTimeoutOrCancelledError:
            return "silent", "no worker answered for it in time"
        except WorkflowUpdateFailedError as error:
            return "refused", str(error.cause)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return "none", "the book has no guardian on this server"
            raise
        return "told", ""

    return _asked(ask, address)


def begin_guardian(spec: DaySpec, session: date, task_queue: str, address: str | None) -> Guarding:
    """Starts the guardian of a book where a worker listens.

    Returns:
        ``started``, or ``no worker``.

    Raises:
        AlreadyRunning: The book has a guardian.
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> Guarding:
        if not await recent_pollers(client, task_queue):
            return "no worker"
        await start_guardian(client, spec, session, task_queue=task_queue)
        return "started"

    return _asked(ask, address)


def begin_day(spec: DaySpec, task_queue: str, workflow: str, address: str | None) -> None:
    """Starts today's day of a book.

    Raises:
        AlreadyRunning: A day of that book, started by hand, is running.
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> None:
        await start_day(client, spec, task_queue=task_queue, workflow=workflow)

    _asked(ask, address)


async def _described(schedule: DailySchedule) -> Scheduled:
    described = await schedule.describe()
    action, state = described.schedule.action, described.schedule.state
    return Scheduled(
        book_id=schedule.book_id,
        paused=state.paused,
        note=state.note or "",
        task_queue=getattr(action, "task_queue", None),
        next_at=tuple(described.info.next_action_times),
    )
