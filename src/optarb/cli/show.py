"""``optarb show``."""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from optarb.cli.desks import BookArgument, DeskOption, find_book, load_shared_desk
from optarb.cli.listing import is_stalled
from optarb.cli.options import AddressOption
from optarb.cli.output import JsonOption, colour, instant, print_json, print_table
from optarb.errors import BookNotFound, OptarbError, ServerUnavailable

if TYPE_CHECKING:
    from optarb.cli._asking import Workflow
    from optarb.desk import Desk
    from optarb.protocols import BookInfo

__all__ = ["show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phase:
    """How far a phase is."""

    name: str
    done: int
    total: int


def show(backtest_id: BookArgument, desk: DeskOption, address: AddressOption = None, json: JsonOption = False) -> None:
    """Show where a backtest stands.

    That is its status, how far each phase is, its figures once it is finished, and its error if it failed. The store is
    asked first; while a workflow runs the backtest, the workflow is asked too.
    """
    with load_shared_desk(desk) as loaded:
        try:
            book = find_book(loaded, backtest_id)
        except BookNotFound:
            if _show_unclaimed(backtest_id, address, json=json):
                return
            raise
        phases = _progress(loaded, book)
    workflow = _workflow(book, address)
    if workflow is not None and workflow.progress is not None:
        phases = [_refined(phase, workflow) for phase in phases]
    if json:
        print_json(_document(book, phases, workflow))
    else:
        _print(book, phases, workflow)


def _show_unclaimed(backtest_id: str, address: str | None, *, json: bool) -> bool:
    """Shows a backtest that waits on the server for a worker to claim its book; False if there is none."""
    try:
        workflow = _asked(backtest_id, address)
    except ServerUnavailable:
        return False
    if workflow is None or workflow.status != "running":
        return False
    if json:
        print_json(
            {
                "backtest_id": backtest_id,
                "status": "waiting",
                "workflow": {"status": "running", "task_queue": workflow.task_queue},
            }
        )
    else:
        typer.echo(f"{backtest_id}  {colour('waiting')}")
        typer.echo(f"no worker on task queue {workflow.task_queue!r} has taken it yet; see optarb worker start --help")
    return True


def _workflow(book: BookInfo, address: str | None) -> Workflow | None:
    """Asks the server about the workflow that runs a book, if one does."""
    if book.status != "running" or not book.owner.startswith("temporal:"):
        return None
    try:
        return _asked(book.book_id, address)
    except ServerUnavailable as error:
        typer.echo(f"the workflow could not be asked: {error}", err=True)
        return None


def _asked(backtest_id: str, address: str | None) -> Workflow | None:
    from optarb.cli._asking import find_workflow

    return find_workflow(backtest_id, address)


def _progress(desk: Desk, book: BookInfo) -> list[_Phase]:
    """Tells how far a book is; nothing of one that is finished."""
    if book.status == "finished":
        return []
    return _settings(desk, book) if "sweep" in book.documents else _phases(desk, book)


def _settings(desk: Desk, book: BookInfo) -> list[_Phase]:
    """Counts the settings of a sweep that are finished."""
    from optarb.reports.sweep_result import load_sweep

    statuses = load_sweep(desk, book.book_id).table()["status"]
    return [_Phase(name="settings", done=int((statuses == "finished").sum()), total=len(statuses))]


def _phases(desk: Desk, book: BookInfo) -> list[_Phase]:
    """Counts what is committed of each phase.

    Empty if the desk has changed since, so that it no longer knows what the book runs.
    """
    from optarb.backtesting.context import Plan, RunContext
    from optarb.backtesting.phases import PHASES, remaining_units
    from optarb.specs import BacktestSpec

    try:
        setup = desk.setup(BacktestSpec.model_validate_json(book.documents["spec"]))
    except OptarbError as error:
        typer.echo(f"how far it is cannot be told: {error}", err=True)
        return []
    plan = Plan.from_json(book.documents["plan"])
    context = RunContext(desk=desk, setup=setup, book_id=book.book_id, epoch=book.epoch, plan=plan, inputs={})
    counted = [(phase.name, *remaining_units(context, phase.name)[1:]) for phase in PHASES]
    return [_Phase(name=name, done=done, total=total) for name, done, total in counted]


def _refined(phase: _Phase, workflow: Workflow) -> _Phase:
    progress = workflow.progress
    if progress is None or progress.phase != phase.name:
        return phase
    return _Phase(name=phase.name, done=max(phase.done, progress.done), total=phase.total)


def _document(book: BookInfo, phases: list[_Phase], workflow: Workflow | None) -> dict[str, Any]:
    spec = json_text.loads(book.documents["spec"])
    summary = book.documents.get("summary")
    return {
        "backtest_id": book.book_id,
        "status": book.status,
        "stalled": is_stalled(book),
        "strategy": spec["strategy"],
        "start": spec["start"],
        "end": spec["end"],
        "began_at": book.created_at,
        "changed_at": book.updated_at,
        "phases": [{"name": phase.name, "done": phase.done, "total": phase.total} for phase in phases],
        "workflow": None if workflow is None else {"status": workflow.status, "task_queue": workflow.task_queue},
        "summary": json_text.loads(summary) if summary and book.status == "finished" else None,
        "error": book.error,
    }


def _print(book: BookInfo, phases: list[_Phase], workflow: Workflow | None) -> None:
    from optarb.specs import BacktestSpec

    spec = BacktestSpec.model_validate_json(book.documents["spec"])
    typer.echo(f"{book.book_id}  {colour('stalled' if is_stalled(book) else book.status)}")
    typer.echo(f"{spec.strategy}, {spec.start} to {spec.end}")
    typer.echo(f"began {instant(book.created_at)}, changed {instant(book.updated_at)} UTC")
    if workflow is not None:
        typer.echo(f"workflow {workflow.status} on task queue {workflow.task_queue!r}")
    if phases:
        typer.echo()
        print_table(("phase", "done", "of"), [(phase.name, str(phase.done), str(phase.total)) for phase in phases])
    typer.echo()
    typer.echo(_outcome(book))


def _outcome(book: BookInfo) -> str:
    """Says what came out of it, or what to do next."""
    from optarb.specs import BacktestSummary

    if "sweep" in book.documents:
        return f"its settings are backtests of their own: optarb show {book.book_id}/0"
    if book.status == "finished":
        summary = BacktestSummary.model_validate_json(book.documents["summary"])
        sharpe = "none" if summary.sharpe is None else f"{summary.sharpe:.2f}"
        return (
            f"{summary.trades} trades in {summary.sessions} sessions, result {summary.pnl_usd:,.2f} USD after "
            f"{summary.fees_usd:,.2f} USD of fees, largest drawdown {summary.max_drawdown:.1%}, Sharpe ratio {sharpe}\n"
            f"all figures: optarb report {book.book_id}"
        )
    if book.status == "running" and not is_stalled(book):
        return f"ask it to stop: optarb cancel {book.book_id}"
    error = f"{book.error}\n" if book.error else ""
    return f"{error}go on with: optarb resume {book.book_id}"
