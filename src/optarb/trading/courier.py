"""What goes out beside the guarding of a book: its notices, and signs of life."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Final

from optarb.errors import OptarbError
from optarb.notifiers.delivery import count_waiting, deliver

if TYPE_CHECKING:
    from datetime import datetime

    from optarb.desk.desk import Desk
    from optarb.protocols.trading import TradingStore

__all__ = ["BEAT_SECONDS", "Courier"]

_LOG: Final = logging.getLogger("optarb.trading")

BEAT_SECONDS: Final = 60.0
"""Least time between two signs of life: services refuse those that come too often."""


class Courier:
    """Brings a book's notices to people through the desk's notifiers, and gives signs of life. Nothing here raises."""

    def __init__(self, desk: Desk, store: TradingStore, book_id: str) -> None:
        """Begins at rest.

        Args:
            desk: Whose notifiers and heartbeat.
            store: Where the book's outbox is.
            book_id: The book.
        """
        self._desk = desk
        self._store = store
        self._book_id = book_id
        self._at_work: threading.Thread | None = None
        self._beaten: float | None = None

    def waiting(self) -> int:
        """Counts the notices that wait for the desk's notifiers; 0 where it has none, or the outbox cannot be read."""
        if not self._desk.notifiers:
            return 0
        try:
            return count_waiting(self._store, self._book_id)
        except Exception:  # noqa: BLE001 - whatever is wrong with notices stops no trading
            _LOG.warning("the outbox of book %r cannot be read", self._book_id, exc_info=True)
            return 0

    def carry(self, beat_at: datetime | None) -> int:
        """Gives a sign of life if one is due, works off the outbox, and returns how many notices still wait.

        Args:
            beat_at: End of the cycle that a sign of life tells of; None for no sign.
        """
        if beat_at is not None and self._desk.heartbeat is not None:
            try:
                self._desk.heartbeat.beat(self._book_id, beat_at)
            except Exception as error:  # noqa: BLE001 - as above; libraries like to quote addresses, so no traceback
                _LOG.warning("no sign of life of book %r was given: %s", self._book_id, _told(error))
        if self._desk.notifiers:
            deliver(self._store, self._desk.notifiers, book_id=self._book_id)
        return self.waiting()

    def begin(self, beat_at: datetime | None) -> None:
        """Carries what there is in a thread, beside the caller; nothing happens while an earlier one is at work.

        Args:
            beat_at: End of a cycle that succeeded; None where no sign of life is wanted.
        """
        if self._at_work is not None and self._at_work.is_alive():
            return
        due = self._beaten is None or time.monotonic() - self._beaten >= BEAT_SECONDS
        beats = beat_at if due and self._desk.heartbeat is not None else None
        if beats is None and not self.waiting():
            return
        if beats is not None:
            self._beaten = time.monotonic()
        self._at_work = threading.Thread(target=self.carry, args=(beats,), name="optarb-courier", daemon=True)
        self._at_work.start()

    def finish(self, seconds: float) -> int:
        """Waits for what is under way, tries once more what waits, and returns how many notices stay in the outbox.

        Args:
            seconds: How long each of the two may take.
        """
        self._join(seconds)
        self.begin(None)
        self._join(seconds)
        return self.waiting()

    def _join(self, seconds: float) -> None:
        if self._at_work is not None:
            self._at_work.join(seconds)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if isinstance(error, OptarbError) else type(error).__name__
