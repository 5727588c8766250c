"""``optarb list``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from optarb.cli.desks import DeskOption, load_shared_desk
from optarb.cli.output import JsonOption, instant, print_json, print_table

if TYPE_CHECKING:
    from optarb.protocols import BookInfo

__all__ = ["is_stalled", "list_books"]


def list_books(desk: DeskOption, json: JsonOption = False) -> None:
    """List the backtests of a desk's store, newest first. Instants are in UTC."""
    with load_shared_desk(desk) as loaded:
        found = loaded.store.books()
    if json:
        print_json({"backtests": [_document(book) for book in found]})
        return
    print_table(("backtest", "status", "began", "changed", ""), [_row(book) for book in found])


def is_stalled(book: BookInfo) -> bool:
    """Tells whether a book says that it runs, while its owner has not been heard of for a whole lease.

    Args:
        book: The book.
    """
    return book.status == "running" and (book.lease_until is None or book.lease_until <= datetime.now(UTC))


def _document(book: BookInfo) -> dict[str, object]:
    return {
        "backtest_id": book.book_id,
        "status": book.status,
        "stalled": is_stalled(book),
        "began_at": book.created_at,
        "changed_at": book.updated_at,
        "error": book.error,
    }


def _row(book: BookInfo) -> tuple[str, str, str, str, str]:
    note = (book.error or "").partition("\n")[0]
    stalled = is_stalled(book)
    if stalled:
        note = f"nobody has been heard of; go on with: optarb resume {book.book_id}"
    return book.book_id, "stalled" if stalled else book.status, instant(book.created_at), instant(book.updated_at), note
