"""Work on the outbox: each notice goes through each notifier once, and nothing that fails reaches the trading."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from optarb.errors import OptarbError

if TYPE_CHECKING:
    from optarb.protocols.trading import Notice, Notifier, TradingStore

__all__ = ["Delivery", "count_waiting", "deliver"]

_LOG: Final = logging.getLogger("optarb.notifiers")
_BATCH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came of one call of :func:`deliver`."""

    sent: Mapping[str, int]
    """How many notices went through each notifier, by its name."""
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Why something stayed in the outbox, by the name of the notifier: the first failure of each."""
    trouble: str | None = None
    """What was wrong with the store; None if nothing was."""


def deliver(
    store: TradingStore,
    notifiers: Mapping[str, Notifier],
    *,
    book_id: str | None = None,
    seconds_each: float = 30.0,
    retry_seconds: float = 60.0,
) -> Delivery:
    """Sends what is in the outbox, oldest first.

    Each notifier has a queue of its own: one that fails neither holds up nor repeats what goes through others. What fails stays
    in the outbox and is logged (``optarb.notifiers``); nothing is raised. A notifier that cannot be reached now
    (:class:`~optarb.errors.TransientError`) is left alone until the next call, one that refuses a notice goes on with the next.
    Several processes may call this at once. A notice is sent twice only if the process or the store fails between sending it
    and noting so.

    Args:
        store: Whose outbox.
        notifiers: Notifiers by name. What was delivered is remembered by these names, so keep them. One that is new is sent
            what has not gone through all others.
        book_id: The notices of this book alone; None for those of all books.
        seconds_each: After this time no further notice is begun through the same notifier; the rest waits for the next call.
        retry_seconds: How long a notice that failed is left alone; longer than a notifier may take for one notice.
    """
    sent: dict[str, int] = {}
    failed: dict[str, str] = {}
    trouble = None
    try:
        for name, notifier in notifiers.items():
            worker = _Worker(store, name, notifier, book_id, retry_seconds)
            try:
                worker.run(time.monotonic() + seconds_each)
            finally:
                sent[name] = worker.sent
                if worker.failures:
                    failed[name] = worker.failures[0]
                    _LOG.warning("notifier %r: %d notices stay in the outbox; %s", name, len(worker.failures), failed[name])
        if notifiers:
            _settle(store, notifiers, book_id)
    except OptarbError as error:
        trouble = _told(error)
        _LOG.warning("the outbox cannot be worked off; %s", trouble)
    return Delivery(sent=sent, failed=failed, trouble=trouble)


def count_waiting(store: TradingStore, book_id: str) -> int:
    """Counts the notices of a book that are in the outbox.

    Args:
        store: Whose outbox.
        book_id: The book.
    """
    return len(_waiting(store, book_id))


class _Worker:
    """Works off the queue of one notifier."""

    def __init__(self, store: TradingStore, name: str, notifier: Notifier, book_id: str | None, retry_seconds: float) -> None:
        self.sent = 0
        self.failures: list[str] = []
        self._store = store
        self._name = name
        self._notifier = notifier
        self._book_id = book_id
        self._retry_seconds = retry_seconds

    def run(self, deadline: float) -> None:
        for notice in self._queue():
            if time.monotonic() >= deadline:
                return
            if not self._store.lease_notice(notice.book_id, notice.key, self._name, self._retry_seconds):
                continue  # somebody else is at it, or it failed a moment ago
            try:
                self._notifier.notify(notice)
            except Exception as error:  # noqa: BLE001 - whatever a notifier raises must not reach the trading
                self.failures.append(_told(error))
                if isinstance(error, OptarbError) and error.retryable:
                    return
            else:
                self._store.delivered(notice.book_id, notice.key, notifier=self._name)
                self.sent += 1

    def _queue(self) -> Iterator[Notice]:
        """Yields each waiting notice once; those that stay do not hide the ones behind them."""
        seen: set[tuple[str, str]] = set()
        while True:
            waiting = self._store.outbox(_BATCH + len(seen), notifier=self._name)
            new = [notice for notice in waiting if (notice.book_id, notice.key) not in seen]
            if not new:
                return
            for notice in new:
                seen.add((notice.book_id, notice.key))
                if self._book_id in {None, notice.book_id}:
                    yield notice


def _told(error: Exception) -> str:
    """Describes a failure. The text of foreign errors is left out: libraries like to quote the whole address."""
    return f"{type(error).__name__}: {error}" if isinstance(error, OptarbError) else type(error).__name__


def _waiting(store: TradingStore, book_id: str | None, notifier: str | None = None) -> list[Notice]:
    """The oldest notices that wait; all of them for one book."""
    limit = _BATCH
    while True:
        found = store.outbox(limit, notifier=notifier)
        if book_id is None or len(found) < limit:
            return [notice for notice in found if book_id in {None, notice.book_id}]
        limit *= 2


def _settle(store: TradingStore, notifiers: Mapping[str, Notifier], book_id: str | None) -> None:
    """Takes out of the outbox what has gone through all notifiers."""
    # Read before the queues: a notice that comes in between then counts as waiting.
    kept = _waiting(store, book_id)
    waiting = {(one.book_id, one.key) for name in notifiers for one in _waiting(store, book_id, name)}
    for notice in kept:
        if (notice.book_id, notice.key) not in waiting:
            store.delivered(notice.book_id, notice.key)
