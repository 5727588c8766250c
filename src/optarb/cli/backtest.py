"""``optarb backtest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optarb.cli._running import Place, print_result, run_to_the_end
from optarb.cli.desks import DeskOption, load_desk
from optarb.cli.options import TASK_QUEUE, InProcessOption, RunAddressOption, TaskQueueOption
from optarb.cli.output import JsonOption

if TYPE_CHECKING:
    from optarb.specs import BacktestSpec

__all__ = ["backtest"]


def backtest(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="What to run.")],
    desk: DeskOption,
    *,
    in_process: InProcessOption = False,
    address: RunAddressOption = None,
    task_queue: TaskQueueOption = TASK_QUEUE,
    backtest_id: Annotated[
        str | None,
        typer.Option("--id", metavar="BACKTEST_ID", help="Id of the book, in place of the spec's; resumes it if it exists."),
    ] = None,
    replace: Annotated[
        bool | None,
        typer.Option("--replace/--resume", help="What to do with a book of that id, in place of the spec's."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Run a backtest and print its result.

    A book of that id that is unfinished is gone on with; the result of a finished one is printed.
    """
    place = Place(desk_name=desk, in_process=in_process, address=address, task_queue=task_queue)
    with load_desk(desk) as loaded:
        chosen = _chosen_spec(spec, backtest_id, replace=replace)
        print_result(run_to_the_end(chosen, loaded, place), json=json)


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
