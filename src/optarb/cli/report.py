"""``optarb report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optarb.cli.desks import DeskOption, load_shared_desk

__all__ = ["report"]


def report(
    backtest_id: Annotated[str, typer.Argument(metavar="BACKTEST_ID", help="A finished book; see optarb books.")],
    desk: DeskOption,
    csv: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write one CSV file a table into this folder.")
    ] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="TRADE_ID", help="Tell the story of one trade instead of the figures.")
    ] = None,
) -> None:
    """Print the result of a finished backtest."""
    from optarb.reports import load_result

    with load_shared_desk(desk) as loaded:
        result = load_result(loaded, backtest_id)
        typer.echo(str(result if explain is None else result.explain(explain)))
        if csv is not None:
            files = result.to_csv(csv)
            typer.echo(f"wrote {len(files)} files to {csv}", err=True)
