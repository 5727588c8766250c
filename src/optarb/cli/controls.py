"""``optarb halt`` and ``optarb flatten``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from optarb.cli._live import LiveBookArgument, find_state, live_store, spec_of_book, todays_session
from optarb.cli.desks import DeskOption, load_shared_desk
from optarb.cli.options import TASK_QUEUE, AddressOption, InProcessOption, TaskQueueOption
from optarb.cli.output import JsonOption, print_json
from optarb.errors import AlreadyRunning, ConfigurationError, ServerUnavailable

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.protocols.trading import Controls
    from optarb.trading.day_spec import DaySpec

__all__ = ["flatten", "halt"]

_ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in words, for the record.")]


def halt(
    book: LiveBookArgument,
    desk: DeskOption,
    *,
    reason: _ReasonOption = "",
    lift: Annotated[bool, typer.Option("--lift", help="Take halt and flatten back instead.")] = False,
    address: AddressOption = None,
    json: JsonOption = False,
) -> None:
    """Begin no new positions in a live book: working entries are cancelled, half-built positions unwound, exits go on.

    The flag is set in the store, which is the truth, and stays until it is lifted. A guardian that runs is woken.
    """
    from optarb.temporal.trading_controls import halt_book, resume_book

    with load_shared_desk(desk) as loaded:
        store = live_store(loaded)
        find_state(store, book)
        controls = (resume_book if lift else halt_book)(store, book, reason)
    guardian, note = _woken(book, "resume" if lift else "halt", reason, address)
    _print(book, controls, guardian, note, json=json)


def flatten(
    book: LiveBookArgument,
    desk: DeskOption,
    *,
    reason: _ReasonOption = "",
    in_process: InProcessOption = False,
    address: AddressOption = None,
    task_queue: TaskQueueOption = TASK_QUEUE,
    json: JsonOption = False,
) -> None:
    """Close everything a live book holds, and begin nothing new.

    The flag is set in the store. A guardian that runs is woken; where none runs, one is started if workers listen, or with
    --in-process this process closes everything.
    """
    from optarb.temporal.trading_controls import flatten_book

    with load_shared_desk(desk) as loaded:
        store = live_store(loaded)
        state = find_state(store, book)
        controls = flatten_book(store, book, reason)
        guardian, note = ("none", "") if in_process else _woken(book, "flatten", reason, address)
        if guardian in {"none", "unknown"}:
            if not state.holdings() and not state.is_moving:
                note = "the book holds nothing"
            else:
                spec = spec_of_book(state, book)
                begun = _closed_here(loaded, spec) if in_process else _begun(loaded, spec, task_queue, address)
                guardian, note = begun
    _print(book, controls, guardian, note, json=json)


def _woken(book: str, action: Literal["halt", "resume", "flatten"], reason: str, address: str | None) -> tuple[str, str]:
    """Wakes the guardian; a server that cannot be reached leaves it to the flag."""
    from optarb.cli._live_asking import tell_guardian

    try:
        return tell_guardian(book, action, reason, address)
    except ServerUnavailable as error:
        return "unknown", str(error)


def _begun(desk: Desk, spec: DaySpec, task_queue: str, address: str | None) -> tuple[str, str]:
    """Starts a guardian, which obeys the flag; or says how the book is closed."""
    from optarb.cli._live_asking import begin_guardian

    how = f"close it here with: optarb flatten {spec.book_id} --in-process; else the next day's guardian does"
    try:
        begun = begin_guardian(spec, todays_session(desk), task_queue, address)
    except (ServerUnavailable, ConfigurationError) as error:
        return "unknown" if isinstance(error, ServerUnavailable) else "none", f"{error}; {how}"
    except AlreadyRunning:
        return "told", "a guardian was started meanwhile; it reads the flag"
    if begun == "no worker":
        return "none", f"no worker listens on task queue {task_queue!r}; {how}"
    return begun, ""


def _closed_here(desk: Desk, spec: DaySpec) -> tuple[str, str]:
    from optarb.cli.guarding import guard_here

    todays_session(desk)
    left = guard_here(desk, spec, until_flat=True)
    return "here", f"{left} open positions are left"


def _print(book: str, controls: Controls, guardian: str, note: str, *, json: bool) -> None:
    if json:
        print_json(
            {
                "book_id": book,
                "halted": controls.halted,
                "flatten": controls.flatten,
                "reason": controls.reason,
                "guardian": guardian,
                "note": note,
            }
        )
        return
    asked = "to be flattened" if controls.flatten else "halted" if controls.halted else "free to trade"
    told = {"told": "its guardian was woken", "started": "a guardian was started", "here": "it was guarded here"}
    typer.echo(f"{book} is {asked}; {told.get(guardian, 'the flag stands in the store')}")
    if note:
        typer.echo(note, err=True)
