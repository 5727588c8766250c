"""Halt, resume and flatten: the flags in the store, which are the truth whether or not anything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from optarb.errors import ConfigurationError
from optarb.protocols.trading import Controls

if TYPE_CHECKING:
    from optarb.protocols.trading import TradingStore

__all__ = ["flatten_book", "halt_book", "resume_book"]


def halt_book(store: TradingStore, book_id: str, reason: str, *, now: datetime | None = None) -> Controls:
    """Asks for no new positions: working entries are cancelled, half-built positions unwound, exits go on.

    Whoever guards the book reads it before every send. A flatten that was asked for before stays.

    Args:
        store: Where the book is, such as ``desk.store.trading``.
        book_id: The book; it need not exist yet.
        reason: Why, in words, for the record.
        now: The instant, aware; None for the present one.

    Returns:
        What is asked of the book now.

    Raises:
        ConfigurationError: There is no reason.
    """
    return _set(store, book_id, Controls(halted=True, flatten=store.controls(book_id).flatten, reason=_said(reason)), now)


def flatten_book(store: TradingStore, book_id: str, reason: str, *, now: datetime | None = None) -> Controls:
    """Asks for everything to be closed, and for no new positions.

    Nothing is closed before somebody guards the book: a day, or a guardian started with
    :func:`optarb.temporal.trading_starting.start_guardian`.

    Args:
        store: Where the book is.
        book_id: The book.
        reason: Why, in words, for the record.
        now: The instant, aware; None for the present one.

    Returns:
        What is asked of the book now.

    Raises:
        ConfigurationError: There is no reason.
    """
    return _set(store, book_id, Controls(halted=True, flatten=True, reason=_said(reason)), now)


def resume_book(store: TradingStore, book_id: str, reason: str = "", *, now: datetime | None = None) -> Controls:
    """Takes halt and flatten back. What was decided before is not revived.

    Args:
        store: Where the book is.
        book_id: The book.
        reason: Why, in words, for the record.
        now: The instant, aware; None for the present one.

    Returns:
        What is asked of the book now.
    """
    return _set(store, book_id, Controls(reason=reason), now)


def _said(reason: str) -> str:
    if not reason.strip():
        raise ConfigurationError("halt and flatten need a reason in words, for the record")
    return reason


def _set(store: TradingStore, book_id: str, wish: Controls, now: datetime | None) -> Controls:
    at = datetime.now(UTC) if now is None else now
    asked = Controls(halted=wish.halted, flatten=wish.flatten, reason=wish.reason, changed_at=at)
    store.set_controls(book_id, asked)
    return asked
