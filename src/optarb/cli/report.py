"""``optarb report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from optarb.cli.desks import BookArgument, DeskOption, find_backtest, load_shared_desk
from optarb.cli.output import JsonOption, print_json

__all__ = ["report"]


def report(
    backtest_id: BookArgument,
    desk: DeskOption,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as a web page.")] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write one CSV file a table into this folder.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print the figures of a finished backtest."""
    from optarb.reports import load_result

    written: list[str] = []
    with load_shared_desk(desk) as loaded:
        find_backtest(loaded, backtest_id)
        result = load_result(loaded, backtest_id)
        if csv is not None:
            written += map(str, result.to_csv(csv))
            typer.echo(f"wrote {len(written)} files to {csv}", err=True)
        if html is not None:
            result.to_html(html)
            written.append(str(html))
            typer.echo(f"wrote {html}", err=True)
        if json:
            print_json({"summary": result.summary.model_dump(mode="json"), "files": written})
        else:
            typer.echo(str(result))
