"""``optarb cancel``."""

from __future__ import annotations

import typer

from optarb.cli.desks import BookArgument, DeskOption, find_book, load_shared_desk
from optarb.cli.listing import is_stalled
from optarb.cli.options import AddressOption
from optarb.cli.output import JsonOption, print_json
from optarb.errors import BookNotFound, ServerUnavailable

__all__ = ["cancel"]


def cancel(backtest_id: BookArgument, desk: DeskOption, address: AddressOption = None, json: JsonOption = False) -> None:
    """Ask a backtest to stop at its next session. What is committed stays; optarb resume goes on from there."""
    workflow = _cancel_workflow(backtest_id, address)
    with load_shared_desk(desk) as loaded:
        try:
            book = find_book(loaded, backtest_id)
        except BookNotFound:
            if not workflow:
                raise
            status, asked = "waiting", False  # its workflow was started, and nobody has claimed the book yet
        else:
            status = "stalled" if is_stalled(book) else book.status
            # Runs in other processes learn it here, and workflows whose server cannot be reached.
            asked = book.status == "running"
            if asked:
                loaded.store.request_cancel(backtest_id)
    if json:
        print_json({"backtest_id": backtest_id, "status": status, "workflow_cancelled": workflow, "store_asked": asked})
    elif workflow or status == "running":
        typer.echo(f"{backtest_id} was asked to stop; go on later with: optarb resume {backtest_id}")
    elif status == "stalled":
        typer.echo(f"nobody has been heard of who runs {backtest_id}; if somebody does, the run stops")
    else:
        typer.echo(f"{backtest_id} is {status}: there is nothing to stop")


def _cancel_workflow(backtest_id: str, address: str | None) -> bool:
    """Asks the workflow to stop; a server that cannot be reached leaves it to the store."""
    from optarb.cli._asking import cancel_workflow

    try:
        return cancel_workflow(backtest_id, address)
    except ServerUnavailable as error:
        if address is not None:
            raise
        typer.echo(f"no workflow was asked: {error}", err=True)
        return False
