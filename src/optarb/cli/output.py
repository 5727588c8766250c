"""What commands write to stdout: tables for people, one JSON document for scripts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import typer

__all__ = ["JsonOption", "colour", "instant", "print_json", "print_table"]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
"""The option ``--json`` of a command."""

_COLOURS = {
    "cancelled": "yellow",
    "dead": "red",
    "failed": "red",
    "finished": "green",
    "ok": "green",
    "problem": "red",
    "running": "cyan",
    "stalled": "yellow",
    "starting": "yellow",
    "stopped": "yellow",
    "waiting": "yellow",
    "warning": "yellow",
    "working": "green",
}


def colour(text: str) -> str:
    """Colours a word of state on a terminal; in a pipe, with ``NO_COLOR`` set, and for every other text nothing changes.

    Args:
        text: The word, perhaps with blanks around it.
    """
    name = _COLOURS.get(text.strip())
    if name is None or os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return typer.style(text, fg=name)


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints aligned columns. Lines are never broken, so that an id can be copied whole; the last column may be long.

    Args:
        head: Names of the columns; an empty one has no heading, and if all are empty there is no such line.
        rows: Text by column.
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows) if any(head) else rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        cells[-1] = cells[-1].rstrip()
        typer.echo("  ".join(map(colour, cells)).rstrip())


def print_json(document: Mapping[str, Any]) -> None:
    """Prints one JSON document: instants as ISO 8601 in UTC, decimals as text.

    Args:
        document: What to print; its keys are public and documented.
    """
    typer.echo(json.dumps(document, indent=2, default=_plain))


def instant(at: datetime | None) -> str:
    """Writes an instant for people, in UTC to the second; nothing for None."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} has no place in a JSON document")
