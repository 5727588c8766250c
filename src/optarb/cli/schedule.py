"""``optarb schedule``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optarb.cli._live import LiveBookArgument, UnguardedOption, live_store
from optarb.cli.desks import DeskOption, load_desk, load_shared_desk
from optarb.cli.options import TASK_QUEUE, AddressOption, TaskQueueOption
from optarb.cli.output import JsonOption, instant, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from optarb.cli._live_asking import Scheduled
    from optarb.protocols.trading import TradingStore
    from optarb.temporal.schedules import DailySchedule

__all__ = ["schedule_app"]

schedule_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Schedules that start live days on Temporal.")
"""The command ``optarb schedule``."""

WorkflowOption = Annotated[str, typer.Option("--workflow", metavar="NAME", help="The day's workflow, if it is your own.")]
"""The option ``--workflow`` of commands that start days."""


@schedule_app.command(epilog="Example: optarb schedule create day.toml --desk my_desk:desk --task-queue live")
def create(
    spec: Annotated[Path, typer.Argument(metavar="DAY.toml", help="What to trade every day.")],
    desk: DeskOption,
    *,
    task_queue: TaskQueueOption = TASK_QUEUE,
    address: AddressOption = None,
    workflow: WorkflowOption = "optarb.DailyTrading",
    json: JsonOption = False,
) -> None:
    """Have a book's days started Monday to Friday, at the spec's entry_at in New York.

    Spec and times of a schedule that is there are replaced; one that is paused stays so.
    """
    from optarb.cli._live_asking import create_schedule
    from optarb.trading.context import setup_of
    from optarb.trading.day_spec import DaySpec

    with load_desk(desk) as loaded:
        chosen = DaySpec.from_toml(spec)
        setup_of(chosen, loaded)
    _print(create_schedule(chosen, task_queue, workflow, address), json=json)


@schedule_app.command("list", epilog="Example: optarb schedule list")
def list_schedules(*, address: AddressOption = None, json: JsonOption = False) -> None:
    """List the schedules of live books on a server. Instants are in UTC."""
    from optarb.cli._live_asking import schedules

    found = schedules(address)
    if json:
        print_json({"schedules": [_document(one) for one in found]})
        return
    rows = [(one.book_id, "paused" if one.paused else "running", _next(one), one.note) for one in found]
    print_table(("book", "state", "next", ""), rows)


@schedule_app.command(epilog="Example: optarb schedule show paper.dips")
def show(book: LiveBookArgument, *, address: AddressOption = None, json: JsonOption = False) -> None:
    """Show the schedule of a book and its next starts."""
    _change(book, address, json=json)


@schedule_app.command(epilog="Example: optarb schedule pause paper.dips --note holidays --desk my_desk:desk")
def pause(
    book: LiveBookArgument,
    desk: DeskOption,
    *,
    note: Annotated[str, typer.Option("--note", help="Why; shown beside the schedule.")],
    unguarded: UnguardedOption = False,
    address: AddressOption = None,
    json: JsonOption = False,
) -> None:
    """Start no further days. A day and a guardian that run go on.

    Refused while the book holds something, since nobody would guard it in the sessions to come.
    """
    with load_shared_desk(desk) as loaded:
        store = live_store(loaded)
        _change(book, address, lambda schedule: schedule.pause(store, note=note, unguarded=unguarded), json=json)


@schedule_app.command(epilog="Example: optarb schedule resume paper.dips")
def resume(book: LiveBookArgument, *, address: AddressOption = None, json: JsonOption = False) -> None:
    """Start days again, from the next one on."""
    _change(book, address, lambda schedule: schedule.unpause(), json=json)


@schedule_app.command(epilog="Example: optarb schedule trigger paper.dips")
def trigger(book: LiveBookArgument, *, address: AddressOption = None, json: JsonOption = False) -> None:
    """Start today's day now. Where one has run in this session, the second trades nothing."""
    _change(book, address, lambda schedule: schedule.trigger(), json=json)


@schedule_app.command(epilog="Example: optarb schedule delete paper.dips --desk my_desk:desk")
def delete(
    book: LiveBookArgument,
    desk: DeskOption,
    *,
    unguarded: UnguardedOption = False,
    address: AddressOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a schedule. A day and a guardian that run go on, and the book stays."""
    from optarb.cli._live_asking import change_schedule

    with load_shared_desk(desk) as loaded:
        change_schedule(book, address, partial(_deleted, live_store(loaded), unguarded=unguarded), gone=True)
    if json:
        print_json({"book_id": book, "deleted": True})
    else:
        typer.echo(f"the schedule of {book} is gone; the book stays")


async def _deleted(store: TradingStore, schedule: DailySchedule, *, unguarded: bool) -> None:
    await schedule.delete(store, unguarded=unguarded)


def _change(
    book: str, address: str | None, change: Callable[[DailySchedule], Awaitable[None]] | None = None, *, json: bool
) -> None:
    from optarb.cli._live_asking import change_schedule

    found = change_schedule(book, address, change)
    if found is not None:
        _print(found, json=json)


def _document(one: Scheduled) -> dict[str, object]:
    return {
        "book_id": one.book_id,
        "paused": one.paused,
        "note": one.note,
        "task_queue": one.task_queue,
        "next_at": list(one.next_at),
    }


def _next(one: Scheduled) -> str:
    return "" if one.paused or not one.next_at else instant(one.next_at[0])


def _print(one: Scheduled, *, json: bool) -> None:
    if json:
        print_json(_document(one))
        return
    typer.echo(f"{one.book_id}  {'paused' if one.paused else 'running'}  {one.note}".rstrip())
    typer.echo(f"task queue {one.task_queue!r}")
    for at in () if one.paused else one.next_at[:3]:
        typer.echo(f"next {instant(at)} UTC")
