"""Runs a planned replay for a command: on Temporal through the workflows of live days, or in this process."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import uuid
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optarb.cli._course import Course, ReplayedDay, replayed_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from temporalio.client import Client

    from optarb.protocols.trading import TradingStore
    from optarb.temporal.trading_messages import DayReport
    from optarb.temporal.trading_starting import DayHandle
    from optarb.trading.context import DayContext
    from optarb.trading.replaying import Replay
    from optarb.trading.running import DayResult

    _Note = Callable[[DayResult | DayReport], None]

__all__ = ["HowToReplay", "run_replay"]

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToReplay:
    """Where and how fast."""

    in_process: bool
    """In this process, without a server."""
    address: str | None
    """Temporal server; None for the one that is found, else an embedded one."""
    pace: float
    """Market seconds in a real second; 0 for as fast as possible."""
    quiet: bool
    """Whether the course stays unprinted."""


def run_replay(planned: Replay, how: HowToReplay) -> list[ReplayedDay]:
    """Replays sessions one after another, and prints their course.

    Args:
        planned: Which, on what.
        how: Where and how fast.

    Raises:
        OptarbError: A session failed, or could not begin.
        KeyboardInterrupt: Interrupted; what ran on a server was ended.
    """
    store, book_id = planned.account.store.trading, planned.spec.book_id
    course = None if how.quiet else Course(store=store, book_id=book_id, out=sys.stdout)
    days: list[ReplayedDay] = []

    def note(ended: DayResult | DayReport) -> None:
        days.append(_noted(store, book_id, ended, days))

    # The course and the figures alone go to stdout: what components print while they run does not belong to them.
    with redirect_stdout(sys.stderr):
        if how.in_process:
            _in_process(planned, how.pace, course, note)
        else:
            asyncio.run(_on_temporal(planned, how, course, note))
    return days


def _noted(store: TradingStore, book_id: str, ended: DayResult | DayReport, days: list[ReplayedDay]) -> ReplayedDay:
    return replayed_day(
        store,
        book_id,
        ended.session,
        outcome=ended.outcome,
        open_positions=ended.open_positions,
        needs_human=tuple(ended.needs_human),
        before_usd=days[-1].equity_usd if days else None,
    )


def _in_process(planned: Replay, pace: float, course: Course | None, note: _Note) -> None:
    from optarb.trading.replaying import replay

    def after_step(context: DayContext, _: datetime) -> None:
        if course is not None:
            course.show(context.session)

    first, last = planned.sessions[0], planned.sessions[-1]
    for result in replay(planned.spec, planned.desk, first, through=last, pace=pace, after_step=after_step):
        note(result)


async def _on_temporal(planned: Replay, how: HowToReplay, course: Course | None, note: _Note) -> None:
    from optarb.cli._temporal import _server_for
    from optarb.temporal.trading_starting import start_day

    # A queue of its own: neither may a worker with a real broker take these tasks, nor this one's worker take real ones.
    queue = f"optarb-replay-{uuid.uuid4().hex[:12]}"
    async with _server_for(planned.desk, how.address, queue) as client:
        for session in planned.sessions:
            day = await start_day(client, planned.spec, task_queue=queue, replay_from=planned.begins_at(session), pace=how.pace)
            note(await _followed(client, day, session, course))


async def _followed(client: Client, day: DayHandle, session: date, course: Course | None) -> DayReport:
    """Waits for a day's end, printing its course meanwhile; a day that is given up leaves nothing running."""
    result = asyncio.ensure_future(day.result())
    try:
        while not result.done():
            await asyncio.wait([result], timeout=_POLL_SECONDS)
            if course is not None:
                course.show(session)
        return result.result()
    except BaseException:
        await _ended(client, day)
        raise
    finally:
        result.cancel()
        await asyncio.wait([result])


async def _ended(client: Client, day: DayHandle) -> None:
    from temporalio.service import RPCError

    from optarb.temporal.trading_starting import follow_guardian

    for workflow in (day.workflow, follow_guardian(client, day.book_id).workflow):
        with contextlib.suppress(RPCError):
            await workflow.terminate("the replay was given up")
