"""``optarb cache``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from optarb.cli.desks import DeskOption, load_desk
from optarb.cli.output import JsonOption, print_json

if TYPE_CHECKING:
    from optarb.protocols import Cache

__all__ = ["cache_app", "usage_text"]

cache_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="What a desk's cache holds.")
"""The command ``optarb cache``."""

_PrefixOption = Annotated[str, typer.Option(metavar="TEXT", help="Only entries whose key begins so.")]


@cache_app.command(epilog="Example: optarb cache info --desk my_desk:desk")
def info(desk: DeskOption, prefix: _PrefixOption = "", json: JsonOption = False) -> None:
    """Show how many entries a desk's cache has, and how large they are."""
    with load_desk(desk) as loaded:
        entries, size = _usage(loaded.cache, prefix)
        if json:
            print_json({"cache": repr(loaded.cache), "prefix": prefix, "entries": entries, "size_bytes": size})
        else:
            typer.echo(repr(loaded.cache))
            typer.echo(usage_text(loaded.cache, prefix))


@cache_app.command(epilog="Example: optarb cache clear --desk my_desk:desk --yes")
def clear(
    desk: DeskOption,
    prefix: _PrefixOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove entries from a desk's cache.

    Runs compute again what they need; books and results stay.
    """
    with load_desk(desk) as loaded:
        what = f"the entries of {loaded.cache!r} that begin with {prefix!r}" if prefix else f"everything in {loaded.cache!r}"
        if not yes:
            if not sys.stdin.isatty():
                raise typer.BadParameter(f"this removes {what}; add --yes where nobody can be asked")
            typer.confirm(f"Remove {what}?", abort=True)
        loaded.cache.clear(prefix)
    typer.echo(f"removed {what}")


def usage_text(cache: Cache, prefix: str = "") -> str:
    """Tells how full a cache is.

    Args:
        cache: The cache.
        prefix: Beginning of the keys to count.
    """
    entries, size = _usage(cache, prefix)
    if entries is None or size is None:
        return "how full it is, is not known"
    return f"{entries:,} entries, {size / 1e6:,.1f} MB"


def _usage(cache: Cache, prefix: str) -> tuple[int | None, int | None]:
    from optarb.protocols.caches import SupportsUsage

    if not isinstance(cache, SupportsUsage):
        return None, None
    found = cache.usage(prefix)
    return found.entries, found.size_bytes
