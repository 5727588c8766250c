"""The commands under one name, and what errors and Ctrl-C end with."""

from __future__ import annotations

import gc
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from optarb.cli.backtest import backtest
from optarb.cli.cache import cache_app
from optarb.cli.cancel import cancel
from optarb.cli.check import check
from optarb.cli.controls import flatten, halt
from optarb.cli.day import day_app
from optarb.cli.demo import demo
from optarb.cli.doctor import doctor
from optarb.cli.exit_codes import ExitCode, exit_code_of
from optarb.cli.explain import explain
from optarb.cli.guarding import guard
from optarb.cli.listing import list_books
from optarb.cli.parity import parity
from optarb.cli.replay import replay
from optarb.cli.report import report
from optarb.cli.resume import resume
from optarb.cli.schedule import schedule_app
from optarb.cli.server import server
from optarb.cli.show import show
from optarb.cli.store import store_app
from optarb.cli.sweep import sweep
from optarb.cli.worker import worker_app
from optarb.errors import OptarbError

__all__ = ["app"]


class _Commands(TyperGroup):
    """Turns what optarb raises on purpose into one line and an exit code.

    Anything else is a bug, of optarb or of the user's own modules, and keeps its traceback.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except OptarbError as error:
            typer.echo(f"error: {type(error).__name__}: {error}", err=True)
            code = exit_code_of(error)
        except KeyboardInterrupt:
            code = ExitCode.INTERRUPTED
        finally:
            _let_go_of_temporal()
        _let_go_of_temporal()  # the error is gone now, and with it what its traceback held
        raise typer.Exit(code)


def _let_go_of_temporal() -> None:
    """Drops clients and workers while the interpreter is whole: the SDK crashes now and then if it ends with them."""
    if "temporalio" in sys.modules:
        gc.collect()


# A traceback with local variables could show secrets of the user's desk. Without markup, help is plain text, in a pipe too,
# and need not load rich.
app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
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


_DESK = "--desk my_desk:desk"
app.command(epilog="Example: optarb demo --in-process")(demo)
app.command(epilog=f"Example: optarb backtest spec.toml {_DESK} --id first-try")(backtest)
app.command(epilog=f"Example: optarb sweep spec.toml --grid grid.toml {_DESK} --id stops")(sweep)
app.command("list", epilog=f"Example: optarb list {_DESK}")(list_books)
app.command(epilog=f"Example: optarb show first-try {_DESK}")(show)
app.command(epilog=f"Example: optarb cancel first-try {_DESK}")(cancel)
app.command(epilog=f"Example: optarb resume first-try {_DESK} --in-process")(resume)
app.command(epilog=f"Example: optarb report first-try {_DESK} --csv tables")(report)
app.command(epilog=f"Example: optarb explain first-try 20140203.1 {_DESK}")(explain)
app.command(epilog=f"Example: optarb parity paper.spreads 2024-06-03 {_DESK}")(parity)
app.command(epilog=f"Example: optarb replay 2018-02-05 {_DESK} --through 2018-02-09")(replay)
app.command(epilog=f"Example: optarb guard paper.dips {_DESK} --task-queue live")(guard)
app.command(epilog=f'Example: optarb halt paper.dips --reason "no quotes of SPX" {_DESK}')(halt)
app.command(epilog=f'Example: optarb flatten paper.dips --reason "out" {_DESK} --task-queue live')(flatten)
app.command(epilog="Example: optarb server --port 7233 --database temporal.db")(server)
app.command(epilog="Example: optarb check my_experts:dip")(check)
app.command(epilog=f"Example: optarb doctor {_DESK}")(doctor)
app.add_typer(schedule_app, name="schedule")
app.add_typer(day_app, name="day")
app.add_typer(worker_app, name="worker")
app.add_typer(cache_app, name="cache")
app.add_typer(store_app, name="store")
