"""The right to move a book, taken together with the book itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from optarb.errors import Superseded
from optarb.protocols.trading import Lease
from optarb.trading.live_book import LiveBook

if TYPE_CHECKING:
    from optarb.trading.context import DayContext

__all__ = ["open_book"]

_LEASE_BEYOND = timedelta(seconds=60)


def open_book(context: DayContext, now: datetime, *, until: datetime, take_over: bool = False) -> LiveBook:
    """Takes the lease of a book, or prolongs it, and loads the book.

    Args:
        context: The day.
        now: The instant.
        until: When the owner next means to look; the lease lasts 60 seconds longer.
        take_over: Whether to take the lease from a holder that is known to be gone.

    Raises:
        Superseded: Another owner holds the lease.
    """
    lease = Lease(owner=context.owner, session=context.session, until=until + _LEASE_BEYOND)
    if not context.store.acquire(context.book_id, lease, now=now, take_over=take_over):
        raise Superseded(f"book {context.book_id!r} is moved by another owner than {context.owner!r}")
    return LiveBook.open(
        context.store,
        context.book_id,
        context.owner,
        account=context.spec.account,
        capital_usd=context.spec.capital,
    )
