"""``optarb store``."""

from __future__ import annotations

import typer

from optarb.cli.desks import DeskOption, load_shared_desk
from optarb.cli.output import JsonOption, print_json
from optarb.errors import ConfigurationError

__all__ = ["store_app"]

store_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The database of a desk's store.")
"""The command ``optarb store``."""


@store_app.callback()
def _group() -> None:
    """Keeps ``upgrade`` a command of its own: typer folds a group with one command into that command."""


@store_app.command(epilog="Example: optarb store upgrade --desk my_desk:desk")
def upgrade(desk: DeskOption, json: JsonOption = False) -> None:
    """Bring a store's tables to this version of optarb.

    Its books stay. Make a copy first: there is no way back.
    """
    from optarb.stores import SqlStore

    with load_shared_desk(desk) as loaded:
        if not isinstance(loaded.store, SqlStore):
            raise ConfigurationError(f"{loaded.store!r} cannot be upgraded from here; only an SqlStore can")
        change = loaded.store.upgrade()
        shown = repr(loaded.store)
    if json:
        print_json({"before": change.before, "after": change.after})
    elif change.before == change.after:
        typer.echo(f"{shown} has schema version {change.after}: nothing to do")
    else:
        typer.echo(f"{shown} was upgraded from schema version {change.before} to {change.after}")
