"""A Temporal Schedule that starts a trading day every weekday, and what people do with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from optarb.errors import BookError, BookNotFound
from optarb.temporal.starting import _workflow_name
from optarb.temporal.trading_messages import DayRequest
from optarb.temporal.trading_starting import DAY_TIMEOUT, day_id
from optarb.trading.trading_state import TradingState

if TYPE_CHECKING:
    from optarb.protocols.trading import TradingStore
    from optarb.trading.day_spec import DaySpec

__all__ = ["DailySchedule", "follow_schedule", "schedule_daily"]

_CATCH_UP = timedelta(minutes=30)
"""How late a start that was missed is made up for; the entries of a day that starts later are missed anyway."""


@dataclass(frozen=True, kw_only=True)
class DailySchedule:
    """The schedule of a book's days on a Temporal server."""

    book_id: str
    """The book."""
    schedule: ScheduleHandle
    """Temporal's own handle, for all that is not here."""

    async def describe(self) -> ScheduleDescription:
        """Returns what the server knows: spec, policies, whether it is paused, the next times and the last starts."""
        return await self.schedule.describe()

    async def trigger(self) -> None:
        """Starts today's day now. Where one has run, or is running, in this session, the second trades nothing."""
        await self.schedule.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)

    async def pause(self, store: TradingStore, *, note: str, unguarded: bool = False) -> None:
        """Starts no further days. A day and a guardian that run go on.

        Args:
            store: Where the book is, such as ``desk.store.trading``.
            note: Why, shown beside the schedule.
            unguarded: Whether to pause although the book holds something, which nobody guards in the sessions to come.

        Raises:
            BookError: The book holds positions, or has orders that may still fill.
        """
        await self._refuse_while_held(store, "paused", unguarded=unguarded)
        await self.schedule.pause(note=note)

    async def unpause(self, *, note: str = "") -> None:
        """Starts days again, from the next one on."""
        await self.schedule.unpause(note=note or None)

    async def delete(self, store: TradingStore, *, unguarded: bool = False) -> None:
        """Removes the schedule. A day and a guardian that run go on, and the book stays.

        Args:
            store: Where the book is.
            unguarded: As for :meth:`pause`.

        Raises:
            BookError: The book holds positions, or has orders that may still fill.
        """
        await self._refuse_while_held(store, "deleted", unguarded=unguarded)
        await self.schedule.delete()

    async def _refuse_while_held(self, store: TradingStore, what: str, *, unguarded: bool) -> None:
        held = [] if unguarded else await asyncio.to_thread(_held, store, self.book_id)
        if held:
            raise BookError(
                f"book {self.book_id!r} holds {', '.join(held)}; with its schedule {what} nobody guards them in the sessions "
                "to come. Flatten the book first, or pass unguarded=True"
            )


async def schedule_daily(
    client: Client, spec: DaySpec, *, task_queue: str, workflow: str | type = "optarb.DailyTrading"
) -> DailySchedule:
    """Has a book's day started at the spec's ``entry_at``, New York time, Monday to Friday; replaces what was scheduled before.

    A day on which the exchange is closed ends at once as ``no_session``. A start that was missed is made up for within 30
    minutes. Days may overlap, so that one that hangs does not block the next, and end after 20 hours at the latest.

    Args:
        client: A client with :class:`OptarbPlugin`.
        spec: What to trade.
        task_queue: Where a worker listens whose desk has a broker and a feed.
        workflow: Name or class of the workflow, if it is one of your own.

    Returns:
        The schedule; one that was paused stays so.
    """
    name = workflow if isinstance(workflow, str) else _workflow_name(workflow)
    wanted = Schedule(
        action=ScheduleActionStartWorkflow(
            name,
            DayRequest(spec=spec),
            id=day_id(spec.book_id),
            task_queue=task_queue,
            execution_timeout=DAY_TIMEOUT,
            static_summary=f"day of {spec.book_id}",
        ),
        spec=weekdays_at(spec),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=_CATCH_UP),
        state=ScheduleState(note=f"{spec.strategy} in {spec.account}"),
    )

    def changed(before: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = before.description.schedule.state
        return ScheduleUpdate(schedule=wanted)

    following = follow_schedule(client, spec.book_id)
    try:
        await client.create_schedule(following.schedule.id, wanted)
    except ScheduleAlreadyRunningError:
        await following.schedule.update(changed)
    return following


def follow_schedule(client: Client, book_id: str) -> DailySchedule:
    """Returns the schedule of a book's days.

    Args:
        client: A client with :class:`OptarbPlugin`.
        book_id: The book, such as ``spec.book_id``.
    """
    return DailySchedule(book_id=book_id, schedule=client.get_schedule_handle(f"optarb-daily/{book_id}"))


def weekdays_at(spec: DaySpec) -> ScheduleSpec:
    """Returns when the days of a spec start: at its ``entry_at``, New York time, Monday to Friday.

    Args:
        spec: What to trade.
    """
    at = spec.entry_at
    return ScheduleSpec(
        calendars=[
            ScheduleCalendarSpec(
                hour=[ScheduleRange(at.hour)],
                minute=[ScheduleRange(at.minute)],
                second=[ScheduleRange(at.second)],
                day_of_week=[ScheduleRange(1, 5)],
                comment=f"{at:%H:%M:%S} in New York, Monday to Friday",
            )
        ],
        time_zone_name="America/New_York",
    )


def _held(store: TradingStore, book_id: str) -> list[str]:
    """What a book holds or may still be filled, in words."""
    try:
        document = store.load(book_id).document
    except BookNotFound:
        return []
    if not document:
        return []
    state = TradingState.load(book_id, document)
    held = [f"{quantity:+d} {contract.symbol}" for contract, quantity in state.holdings().items()]
    return [*held, *(["orders that may still fill"] if state.is_moving else [])]
