"""``optarb books``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from optarb.cli.desks import DeskOption, load_shared_desk

if TYPE_CHECKING:
    from optarb.protocols import BookInfo

__all__ = ["books"]


def books(desk: DeskOption) -> None:
    """List the books of a desk's store, newest first: id, status, when it began and when it last changed (UTC)."""
    with load_shared_desk(desk) as loaded:
        found = loaded.store.books()
    now = datetime.now(UTC)
    rows = [("book", "status", "began", "changed", ""), *(_row(book, now) for book in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(book: BookInfo, now: datetime) -> tuple[str, str, str, str, str]:
    note = (book.error or "").partition("\n")[0]
    if book.status == "running" and (book.lease_until is None or book.lease_until <= now):
        note = "its process has not been heard of; run it again with the same id to go on"
    began, changed = (f"{instant:%Y-%m-%d %H:%M}" for instant in (book.created_at, book.updated_at))
    return book.book_id, book.status, began, changed, note
