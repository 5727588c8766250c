"""``optarb worker``."""

from __future__ import annotations

from typing import Annotated

import typer

from optarb.cli.desks import load_desk

__all__ = ["worker_app"]

worker_app = typer.Typer(no_args_is_help=True, help="Workers that run backtests on Temporal.")
"""The command ``optarb worker``."""


@worker_app.callback()
def _group() -> None:
    """Keeps ``run`` a command of its own: typer folds a group with one command into that command."""


@worker_app.command()
def run(
    desk: Annotated[
        str,
        typer.Argument(envvar="OPTARB_DESK", metavar="MODULE:ATTRIBUTE", help="Where the desk is, such as my_desk:desk."),
    ],
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Temporal server; by default what TEMPORAL_ADDRESS or temporal.toml names."),
    ] = None,
    task_queue: Annotated[str, typer.Option(help="Task queue to work on.")] = "optarb",
) -> None:
    """Work on a task queue until Ctrl-C."""
    from optarb.cli._temporal import run_worker

    with load_desk(desk) as loaded:
        run_worker(loaded, address, task_queue)
