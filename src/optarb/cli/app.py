"""The commands under one name, and what errors and Ctrl-C end with."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from optarb.cli.backtest import backtest
from optarb.cli.books import books
from optarb.cli.demo import demo
from optarb.cli.report import report
from optarb.cli.server import server
from optarb.cli.worker import worker_app
from optarb.errors import OptarbError

__all__ = ["app"]

_INTERRUPTED = 130
"""What a shell reports for a program that SIGINT ended: 128 + 2."""


class _Commands(TyperGroup):
    """Turns what optarb raises on purpose into one line and an exit code.

    Anything else is a bug, of optarb or of the user's own modules, and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OptarbError as error:
            typer.echo(f"error: {type(error).__name__}: {error}", err=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(_INTERRUPTED) from None


# A traceback with local variables could show secrets of the user's desk.
app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Backtests of options strategies, in this process or durably on Temporal.",
)
"""The command ``optarb`` as a typer application."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"optarb {version('optarb')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command()(demo)
app.command()(backtest)
app.command()(report)
app.command()(books)
app.command()(server)
app.add_typer(worker_app, name="worker")
