"""``optarb day``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optarb.cli._live import LiveBookArgument, find_state, live_store, spec_named
from optarb.cli.desks import DeskOption, load_shared_desk
from optarb.cli.options import TASK_QUEUE, AddressOption, TaskQueueOption
from optarb.cli.output import JsonOption, instant, print_json, print_table
from optarb.cli.schedule import WorkflowOption
from optarb.errors import BookNotFound

if TYPE_CHECKING:
    from optarb.protocols.trading import TradingStore
    from optarb.trading.day_report import DayMark, HeldContract, OrderCourse, SessionReport

__all__ = ["day_app"]

day_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Live days: start one by hand, look at what happened.")
"""The command ``optarb day``."""

_BOOK_COLUMNS = ("book_id", "session", "over", "open_positions", "halted", "flatten")
_DAY_COLUMNS = ("session", "outcome", "equity_usd", "realised_usd", "fees_usd", "alarms")


@day_app.command(epilog="Example: optarb day run day.toml --desk my_desk:desk --task-queue live")
def run(
    spec: Annotated[
        str, typer.Argument(metavar="DAY.toml|BOOK", help="What to trade; or a book, for the spec it was last opened with.")
    ],
    desk: DeskOption,
    *,
    task_queue: TaskQueueOption = TASK_QUEUE,
    address: AddressOption = None,
    workflow: WorkflowOption = "optarb.DailyTrading",
    json: JsonOption = False,
) -> None:
    """Start today's day of a book on a server. A second one in a session trades nothing."""
    from optarb.cli._live_asking import begin_day

    with load_shared_desk(desk) as loaded:
        chosen = spec_named(loaded, spec)
    begin_day(chosen, task_queue, workflow, address)
    if json:
        print_json({"book_id": chosen.book_id, "task_queue": task_queue})
    else:
        typer.echo(f"the day of {chosen.book_id} is started; look with: optarb day show {chosen.book_id}")


@day_app.command("list", epilog="Example: optarb day list --desk my_desk:desk")
def list_days(
    desk: DeskOption,
    book: Annotated[
        str | None, typer.Argument(metavar="[BOOK]", help="Its sessions, newest first; without one the books.")
    ] = None,
    *,
    json: JsonOption = False,
) -> None:
    """List the live books of a desk's store, or the sessions of one."""
    with load_shared_desk(desk) as loaded:
        store = live_store(loaded)
        if book is None:
            name, columns, rows = "books", _BOOK_COLUMNS, list(_books(store))
        else:
            find_state(store, book)
            name, columns, rows = "days", _DAY_COLUMNS, list(_days(store, book))
    _print_rows(name, rows, columns, json=json)


@day_app.command(epilog="Example: optarb day show paper.dips 2026-11-23 --desk my_desk:desk --csv tables")
def show(
    book: LiveBookArgument,
    desk: DeskOption,
    session: Annotated[
        datetime | None, typer.Argument(metavar="[SESSION]", formats=["%Y-%m-%d"], help="The session; by default the newest.")
    ] = None,
    *,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FOLDER", help="Also write one CSV file a table into this folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what happened in one session of a live book. Every figure is read from the store."""
    from optarb.trading.day_report import day_report

    with load_shared_desk(desk) as loaded:
        store = live_store(loaded)
        find_state(store, book)
        chosen = session.date() if session is not None else max(_sessions(store, book))
        report = day_report(store, book, chosen)
    files = [] if csv is None else [str(path) for path in report.write_csv(csv)]
    if files:
        typer.echo(f"wrote {len(files)} files to {csv}", err=True)
    if json:
        print_json({**_document(report), "files": files})
    else:
        _print(report)


# -- what there is -----------------------------------------------------------------------------------------------------------


def _books(store: TradingStore) -> Iterator[dict[str, Any]]:
    from optarb.ledger.rows import session_date

    for book_id in store.live_books():
        controls = store.controls(book_id)
        try:
            state = find_state(store, book_id)
        except BookNotFound:  # a flag was set before any day opened it
            state = None
        yield {
            "book_id": book_id,
            "session": None if state is None else session_date(state.day.session),
            "over": None if state is None else state.day.ended,
            "open_positions": 0 if state is None else len(state.book.positions),
            "halted": controls.halted,
            "flatten": controls.flatten,
        }


def _sessions(store: TradingStore, book: str) -> list[date]:
    """The sessions that the book has rows of, and the one it was last opened for; newest first."""
    from optarb.ledger.rows import TABLES, session_date

    numbers = {row[0] for table in TABLES for row in store.rows(book, table)}
    numbers.add(find_state(store, book).day.session)
    return sorted((session_date(int(number or 0)) for number in numbers), reverse=True)


def _days(store: TradingStore, book: str) -> Iterator[dict[str, Any]]:
    from optarb.trading.day_report import day_report

    for session in _sessions(store, book):
        report = day_report(store, book, session)
        yield {
            "session": session,
            "outcome": report.outcome,
            "equity_usd": None if report.end is None else report.end.equity_usd,
            "realised_usd": report.realised_usd,
            "fees_usd": report.fees_usd,
            "alarms": sum(one.severity == "alarm" for one in report.alarms),
        }


def _print_rows(name: str, rows: list[dict[str, Any]], columns: tuple[str, ...], *, json: bool) -> None:
    if json:
        print_json({name: rows})
        return
    head = [column.removesuffix("_id").replace("_usd", " in USD").replace("_", " ") for column in columns]
    print_table(head, [[_cell(row[column]) for column in columns] for row in rows])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


# -- one session -------------------------------------------------------------------------------------------------------------


def _document(report: SessionReport) -> dict[str, Any]:
    return {
        "book_id": report.book_id,
        "session": report.session,
        "outcome": report.outcome,
        "over": report.over,
        "needs_human": list(report.needs_human),
        "begin": _worth(report.begin),
        "end": _worth(report.end),
        "realised_usd": report.realised_usd,
        "fees_usd": report.fees_usd,
        "open_positions": [_fields(one) for one in report.open_positions],
        "orders": [
            {
                "order_id": one.order_id,
                "decided_at": one.decided_at,
                "state": one.state,
                "content": dict(one.content),
                "steps": [{"at": step.at, "kind": step.kind, "detail": dict(step.detail)} for step in one.steps],
            }
            for one in report.orders
        ],
        "alarms": [_fields(one) for one in report.alarms],
        "controls": [_fields(one) for one in report.controls],
        "rows": {table: [dict(row) for row in rows] for table, rows in report.rows.items()},
    }


def _worth(mark: DayMark | None) -> Mapping[str, Any] | None:
    return None if mark is None else {"at": mark.at, "cash_usd": mark.cash_usd, "equity_usd": mark.equity_usd}


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in type(one).__slots__}


def _print(report: SessionReport) -> None:
    typer.echo(f"{report.book_id}  {report.session}  {report.outcome or 'under way'}")
    for name, mark in (("begin", report.begin), ("end", report.end)):
        if mark is not None:
            typer.echo(f"{name}: cash {mark.cash_usd:,.2f} USD, equity {mark.equity_usd:,.2f} USD at {instant(mark.at)} UTC")
    if report.realised_usd is not None:
        typer.echo(f"realised {report.realised_usd:,.2f} USD, fees {report.fees_usd:,.2f} USD")
    for why in report.needs_human:
        typer.echo(f"needs a person: {why}")
    for signal in report.rows["signals"]:
        typer.echo(f"signal: {signal['expert']} on {signal['underlying']}: {signal['direction']} {signal['confidence']:.2f}")
    for verdict in report.rows["verdicts"]:
        typer.echo(
            f"verdict: {verdict['expert']} on {verdict['underlying']}: {verdict['verdict']} {verdict['reason']}".rstrip()
        )
    _table("orders", ("order", "state", "limit", "decided"), [_order(one) for one in report.orders])
    fills = [
        (row["contract"], f"{row['quantity']:+d}", f"{row['price'] / 10_000:.4f}", "modelled" if row["modelled"] else "quoted")
        for row in report.rows["fills"]
    ]
    _table("fills", ("contract", "quantity", "price", "quote"), fills)
    _table(
        "open positions", ("position", "contract", "quantity", "mark", "price"), [_held(one) for one in report.open_positions]
    )
    _table("notices", ("at", "severity", "title"), [(instant(one.at), one.severity, one.title) for one in report.alarms])
    asked = [
        (instant(one.at), "flatten" if one.flatten else "halt" if one.halted else "lifted", one.reason)
        for one in report.controls
    ]
    _table("people asked", ("at", "what", "why"), asked)


def _order(one: OrderCourse) -> tuple[str, str, str, str]:
    return one.order_id, one.state, str(one.content.get("limit") or "market"), instant(one.decided_at)


def _held(one: HeldContract) -> tuple[str, str, str, str, str]:
    return one.position_id, one.contract, f"{one.quantity:+d}", str(one.mark_usd), one.price


def _table(title: str, head: tuple[str, ...], rows: list[Any]) -> None:
    if rows:
        typer.echo(f"\n{title}")
        print_table(head, rows)
