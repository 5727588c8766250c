"""Runs a backtest for a command, and says how to go on if it is interrupted."""

from __future__ import annotations

import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from optarb.cli.options import TASK_QUEUE
from optarb.cli.output import print_json
from optarb.errors import BookNotFound

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.reports import Result
    from optarb.specs import BacktestSpec

__all__ = ["Place", "print_result", "run_to_the_end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a command runs a backtest."""

    desk_name: str
    """The desk, ``module:attribute``."""
    in_process: bool
    """In this process, without a server."""
    address: str | None
    """Temporal server; None for the one that is found, else an embedded one."""
    task_queue: str
    """Where workers listen."""

    def __post_init__(self) -> None:
        """Refuses a server for a run that uses none."""
        if self.in_process and self.address is not None:
            raise typer.BadParameter("--in-process uses no server; leave --address or --in-process out")

    @property
    def options(self) -> list[str]:
        """The options that name this place again."""
        words = ["--desk", self.desk_name]
        if self.in_process:
            return [*words, "--in-process"]
        words += ["--address", self.address] if self.address else []
        return words + (["--task-queue", self.task_queue] if self.task_queue != TASK_QUEUE else [])


def run_to_the_end(spec: BacktestSpec, desk: Desk, place: Place) -> Result:
    """Runs a backtest.

    Args:
        spec: What to run; its ``backtest_id`` is set.
        desk: On what.
        place: Where.

    Raises:
        OptarbError: The run failed, was cancelled, or could not begin.
        KeyboardInterrupt: Interrupted, after the command that goes on was printed.
    """
    try:
        # Results alone go to stdout: what components print while they run does not belong to them.
        with redirect_stdout(sys.stderr):
            return _run(spec, desk, place)
    except KeyboardInterrupt:
        typer.echo(_how_to_go_on(spec.backtest_id or "", desk, place), err=True)
        raise


def print_result(result: Result, *, json: bool) -> None:
    """Prints the figures of a finished backtest.

    Args:
        result: The result.
        json: Whether as a JSON document.
    """
    if json:
        print_json({"summary": result.summary.model_dump(mode="json")})
    else:
        typer.echo(str(result))


def _run(spec: BacktestSpec, desk: Desk, place: Place) -> Result:
    if place.in_process:
        from optarb.backtesting.runner import backtest

        return backtest(spec, desk)
    from optarb.cli._temporal import run_on_temporal

    return run_on_temporal(spec, desk, place.address, task_queue=place.task_queue)


def _how_to_go_on(backtest_id: str, desk: Desk, place: Place) -> str:
    if not desk.store.is_shared:
        return "interrupted; the desk's books end with this process, so there is nothing to resume"
    try:
        desk.store.book(backtest_id)
    except BookNotFound:
        return "interrupted before anything was committed; run the same command again"
    return f"interrupted; go on with: {shlex.join(['optarb', 'resume', backtest_id, *place.options])}"
