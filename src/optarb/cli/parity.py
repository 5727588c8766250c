"""``optarb parity``."""

from __future__ import annotations

import json as json_text
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optarb.cli.desks import DeskOption, load_shared_desk
from optarb.cli.exit_codes import ExitCode
from optarb.cli.output import JsonOption, instant, print_json

if TYPE_CHECKING:
    from optarb.trading.parity import Parity, Rerun

__all__ = ["parity"]


def parity(
    book: Annotated[str, typer.Argument(metavar="BOOK", help="The live book: account and strategy, such as paper.spreads.")],
    session: Annotated[
        datetime, typer.Argument(metavar="SESSION", formats=["%Y-%m-%d"], help="The session, such as 2024-06-03.")
    ],
    desk: DeskOption,
    json: JsonOption = False,
) -> None:
    """Decide a live day again on what was recorded of it, and compare.

    The desk's present experts and policy are asked through the live path and through the engine of a backtest. Nothing is
    sent, nothing is written, and no outside call is made. Exit code 1 if anything comes out otherwise.
    """
    from optarb.trading.parity import check_parity

    with load_shared_desk(desk) as loaded:
        found = check_parity(loaded, book, session.date())
    if json:
        print_json(_document(found))
    else:
        _print(found)
    if not found.equal:
        raise typer.Exit(ExitCode.FAILED)


def _document(found: Parity) -> dict[str, Any]:
    return {
        "book_id": found.book_id,
        "session": found.session,
        "decided_at": found.decided_at,
        "equal": found.equal,
        "intents": [json_text.loads(intent) for intent in found.intents],
        "live": _rerun(found.live),
        "backtest": _rerun(found.backtest),
        "changed": list(found.changed),
    }


def _rerun(rerun: Rerun) -> dict[str, Any]:
    return {"intents": [json_text.loads(intent) for intent in rerun.intents], "differences": list(rerun.differences)}


def _print(found: Parity) -> None:
    typer.echo(f"{found.book_id}  {found.session}  {'equal' if found.equal else 'different'}")
    typer.echo(f"decided {instant(found.decided_at)} UTC, {_counted(found.intents)}")
    for name, rerun in (("live", found.live), ("backtest", found.backtest)):
        typer.echo(f"{name}: {'as recorded' if not rerun.differences else _counted(rerun.intents)}")
        for line in rerun.differences:
            typer.echo(f"  {line}")
    if found.changed:
        typer.echo("changed since: " + ", ".join(found.changed))


def _counted(intents: tuple[str, ...]) -> str:
    return f"{len(intents)} {'entry' if len(intents) == 1 else 'entries'}"
