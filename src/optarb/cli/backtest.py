"""``optarb backtest``."""

from __future__ import annotations

import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optarb.cli.desks import DeskOption, load_desk

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.reports import Result
    from optarb.specs import BacktestSpec

__all__ = ["backtest"]


def backtest(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="What to run.")],
    desk: DeskOption,
    *,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Run it in this process instead of on a Temporal server.")
    ] = False,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Temporal server to run it on; by default the one found, else an embedded one."),
    ] = None,
    backtest_id: Annotated[
        str | None, typer.Option("--id", help="Id of the book, in place of the spec's; resumes it if it exists.")
    ] = None,
    replace: Annotated[
        bool | None,
        typer.Option("--replace/--resume", help="What to do with a book of that id, in place of the spec's."),
    ] = None,
) -> None:
    """Run a backtest, or go on with one that was interrupted, and print its result."""
    if in_process and address is not None:
        raise typer.BadParameter("--in-process uses no server; leave --address or --in-process out")
    with load_desk(desk) as loaded:
        chosen = _chosen_spec(spec, backtest_id, replace=replace)
        try:
            # Results alone go to stdout: what components print while they run does not belong to them.
            with redirect_stdout(sys.stderr):
                result = _run(chosen, loaded, address, in_process=in_process)
        except KeyboardInterrupt:
            words = ["optarb", "backtest", str(spec), "--desk", desk]
            words += ["--address", address] if address else ["--in-process"] * in_process
            typer.echo(_how_to_resume(words, chosen, loaded), err=True)
            raise
        typer.echo(str(result))


def _chosen_spec(path: Path, backtest_id: str | None, *, replace: bool | None) -> BacktestSpec:
    """Reads the spec and fixes the book's id, so that an interruption can name it."""
    from optarb.backtesting.claim import new_backtest_id
    from optarb.specs import BacktestSpec

    spec = BacktestSpec.from_toml(path)
    fields = {name: getattr(spec, name) for name in BacktestSpec.model_fields}
    fields["backtest_id"] = backtest_id or spec.backtest_id or new_backtest_id(spec)
    if replace is not None:
        fields["on_existing"] = "replace" if replace else "resume"
    return BacktestSpec(**fields)


def _run(spec: BacktestSpec, desk: Desk, address: str | None, *, in_process: bool) -> Result:
    if not in_process:
        from optarb.cli._temporal import run_on_temporal

        return run_on_temporal(spec, desk, address)
    from optarb.backtesting.runner import backtest as run_in_process

    return run_in_process(spec, desk)


def _how_to_resume(words: list[str], spec: BacktestSpec, desk: Desk) -> str:
    if not desk.store.is_shared:
        return "interrupted; the desk's books end with this process, so there is nothing to resume"
    again = [*words, "--id", spec.backtest_id or "", *(["--resume"] if spec.on_existing == "replace" else [])]
    return f"interrupted; go on with: {shlex.join(again)}"
