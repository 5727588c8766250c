"""``optarb guard``."""

from __future__ import annotations

import sys
import uuid
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import typer

from optarb.cli._live import LiveBookArgument, SessionOption, find_state, live_store, spec_of_book, todays_session
from optarb.cli.desks import DeskOption, load_shared_desk
from optarb.cli.options import TASK_QUEUE, AddressOption, InProcessOption, TaskQueueOption
from optarb.cli.output import JsonOption, print_json
from optarb.errors import AlreadyRunning, ConfigurationError, ServerUnavailable

if TYPE_CHECKING:
    from datetime import date, datetime

    from optarb.desk import Desk
    from optarb.trading.context import DayContext
    from optarb.trading.day_spec import DaySpec

__all__ = ["guard", "guard_here"]


def guard(
    book: LiveBookArgument,
    desk: DeskOption,
    *,
    session: SessionOption = None,
    in_process: InProcessOption = False,
    address: AddressOption = None,
    task_queue: TaskQueueOption = TASK_QUEUE,
    json: JsonOption = False,
) -> None:
    """Guard what a live book holds, without a day: watched, exited and closed, and nothing new is begun.

    On a server the command returns once the guardian is started. In this process it lasts until the session ends; Ctrl-C gives
    the book back.
    """
    with load_shared_desk(desk) as loaded:
        spec = spec_of_book(find_state(live_store(loaded), book), book)
        day = todays_session(loaded, session)
        if in_process:
            if session is not None and day != todays_session(loaded):
                raise ConfigurationError(f"in this process today's session is guarded, not {day}; leave --session out")
            open_positions, text = _guarded_here(loaded, spec)
        else:
            open_positions, text = None, _guarded_there(spec, day, task_queue, address)
    if json:
        print_json({"book_id": book, "session": day, "over": in_process, "open_positions": open_positions})
    else:
        typer.echo(text)


def _guarded_here(desk: Desk, spec: DaySpec) -> tuple[int, str]:
    left = guard_here(desk, spec)
    return left, f"the session of {spec.book_id} is over: {left} open positions"


def _guarded_there(spec: DaySpec, day: date, task_queue: str, address: str | None) -> str:
    from optarb.cli._live_asking import begin_guardian

    if begin_guardian(spec, day, task_queue, address) == "no worker":
        raise ServerUnavailable(
            f"no worker listens on task queue {task_queue!r}; start one with optarb worker start, or add --in-process"
        )
    return f"{spec.book_id} is guarded on {day}"


class _Flat(Exception):
    """Nothing is held, and no order is live."""


def guard_here(desk: Desk, spec: DaySpec, *, until_flat: bool = False) -> int:
    """Guards a book in this process to the end of today's session.

    Args:
        desk: With a broker and a feed.
        spec: What was traded.
        until_flat: Whether to stop, and give the book back, as soon as it holds nothing and no order is live.

    Returns:
        How many positions are left open.

    Raises:
        AlreadyRunning: Another owner guards the book.
        ConfigurationError: The desk has no broker or no feed.
        KeyboardInterrupt: Interrupted, after the book was given back.
    """
    from optarb.trading import clocks
    from optarb.trading.running import run_day

    if desk.broker is None or desk.feed is None:
        raise ConfigurationError("guarding needs Desk(broker=..., feed=...)")
    store, owner = live_store(desk), f"command-{uuid.uuid4().hex[:12]}"

    def after_step(context: DayContext, now: datetime) -> None:  # noqa: ARG001 - what a day calls
        state = find_state(store, spec.book_id)
        if until_flat and state.day.opened and not state.holdings() and not state.is_moving:
            raise _Flat

    common: dict[str, Any] = {"broker": desk.broker, "store": store, "feed": desk.feed, "clock": clocks.LiveClock()}
    try:
        with redirect_stdout(sys.stderr):
            result = run_day(spec, desk, **common, owner=owner, enters=False, after_step=after_step)
    except _Flat:
        return 0
    except KeyboardInterrupt:
        typer.echo(f"interrupted; {spec.book_id} is given back, and nobody guards it", err=True)
        raise
    finally:
        store.release(spec.book_id, owner)
    if result.outcome == "duplicate":
        raise AlreadyRunning(f"book {spec.book_id!r} is guarded by another owner; look with: optarb day show {spec.book_id}")
    return result.open_positions
