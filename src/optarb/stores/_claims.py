"""What a claim comes to, given what is stored."""

from __future__ import annotations

from typing import Final, Literal

from optarb.errors import AlreadyRunning, BookConflict
from optarb.protocols.stores import BookInfo

__all__ = ["LIVE", "Verdict", "judge_claim", "refuse_live_id"]

LIVE: Final = "live:"
"""Begins the id under which the ledger rows of a live book lie, so that it shares none with a backtest of its name."""

Verdict = Literal["mine", "resume", "finished", "replace"]
"""What to do with a book that exists."""


def judge_claim(book: BookInfo, *, owner: str, identity: str, replace: bool, running: bool) -> Verdict:
    """Decides what becomes of a claim on a book that exists.

    Args:
        book: The book as stored.
        owner: Who claims it.
        identity: Digest of what the claimant is about to compute.
        replace: Whether the claimant wants it cleared.
        running: Whether another owner of it has to be taken for alive.

    Raises:
        AlreadyRunning: Another owner is alive.
        BookConflict: The identities differ, and ``replace`` is False.
    """
    same = book.identity == identity
    if book.status == "running" and book.owner == owner and same:
        return "mine"
    if not (same or replace):
        raise BookConflict(
            f"book {book.book_id!r} ({book.status}) belongs to a run of another spec, other data or other code "
            f"(stored {book.identity[:12]!r}, asked for {identity[:12]!r}); choose another id, or replace the book"
        )
    if book.status == "running" and book.owner != owner and running:
        raise AlreadyRunning(
            f"book {book.book_id!r} is being run by {book.owner!r} (lease until {book.lease_until}); "
            "wait for it, cancel it, or choose another id"
        )
    # A claim of the run that finished the book comes from a copy that was held up: there is nothing left to clear.
    if replace and not (same and book.status == "finished" and book.owner == owner):
        return "replace"
    return "finished" if book.status == "finished" else "resume"


def refuse_live_id(book_id: str) -> None:
    """Keeps backtests off the rows of live books.

    Raises:
        BookConflict: The rows of a live book lie under this id, or may one day.
    """
    if book_id.startswith(LIVE):
        raise BookConflict(f"book {book_id!r}: ids that begin with {LIVE!r} are those of live books; choose another id")
