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

__all__ = ["Delivery", "deliver"]

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
    store: TradingStore, notifiers: Mapping[str, Notifier], *, seconds_each: float = 30.0, retry_seconds: float = 60.0
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
        seconds_each: After this time no further notice is begun through the same notifier; the rest waits for the next call.
        retry_seconds: How long a notice that failed is left alone; longer than a notifier may take for one notice.
    """
    sent: dict[str, int] = {}
    failed: dict[str, str] = {}
    trouble = None
    try:
        for name, notifier in notifiers.items():
            worker = _Worker(store, name, notifier, retry_seconds)
            try:
                worker.run(time.monotonic() + seconds_each)
            finally:
                sent[name] = worker.sent
                if worker.failures:
                    failed[name] = worker.failures[0]
                    _LOG.warning("notifier %r: %d notices stay in the outbox; %s", name, len(worker.failures), failed[name])
        if notifiers:
            _settle(store, notifiers)
    except OptarbError as error:
        trouble = _told(error)
        _LOG.warning("the outbox cannot be worked off; %s", trouble)
    return Delivery(sent=sent, failed=failed, trouble=trouble)


class _Worker:
    """Works off the queue of one notifier."""

    def __init__(self, store: TradingStore, name: str, notifier: Notifier, retry_seconds: float) -> None:
        self.sent = 0
        self.failures: list[str] = []
        self._store = store
        self._name = name
        self._notifier = notifier
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
                yield notice


def _told(error: Exception) -> str:
    """Describes a failure. The text of foreign errors is left out: libraries like to quote the whole address."""
    return f"{type(error).__name__}: {error}" if isinstance(error, OptarbError) else type(error).__name__


def _settle(store: TradingStore, notifiers: Mapping[str, Notifier]) -> None:
    """Takes out of the outbox what has gone through all notifiers."""
    # Read before the queues: a notice that comes in between then counts as waiting.
    kept = store.outbox(_BATCH)
    waiting = {(one.book_id, one.key) for name in notifiers for one in store.outbox(_BATCH, notifier=name)}
    for notice in kept:
        if (notice.book_id, notice.key) not in waiting:
            store.delivered(notice.book_id, notice.key)
