"""Brings notices from the outbox to people, apart from trading."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optarb.protocols.trading import Notifier, TradingStore

__all__ = ["deliver"]

_LOG = logging.getLogger("optarb")


def deliver(store: TradingStore, notifier: Notifier, *, limit: int = 100) -> int:
    """Sends what was not delivered yet, oldest first. What cannot be sent stays for the next call and holds nothing else up.

    A notice that was sent and could not be noted as delivered is sent again: at least once, not exactly once.

    Args:
        store: Whose outbox is emptied.
        notifier: Where notices go. Whatever it raises is logged and changes nothing else.
        limit: Most notices of one call.

    Returns:
        How many were delivered.

    Raises:
        StoreUnavailable: The same call may work later.
    """
    sent = 0
    for notice in store.outbox(limit):
        try:
            notifier.notify(notice)
        except Exception:  # noqa: BLE001 - a notifier is the user's own, and none of its failures may stop the others
            _LOG.exception("notice %r of book %r was not delivered", notice.key, notice.book_id)
            continue
        store.delivered(notice.book_id, notice.key)
        sent += 1
    return sent
