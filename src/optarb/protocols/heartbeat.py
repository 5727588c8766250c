"""What optarb asks of a sign of life."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = ["Heartbeat"]


class Heartbeat(Protocol):
    """Tells somebody outside that a book is guarded. That somebody raises the alarm when the signs stop.

    It is called after a cycle of the guardian that succeeded, once a minute at the most, in real time alone: no replay beats.
    """

    def beat(self, book_id: str, at: datetime) -> None:
        """Gives one sign of life. What it raises is logged, and stops no trading.

        Args:
            book_id: The book that is guarded.
            at: When the cycle ended, aware UTC.

        Raises:
            TransientError: It could not be given now.
            ConfigurationError: It was refused.
        """
        ...
