"""Clocks: real time, and time that moves when it is told to."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from optarb.domain.time import require_utc

__all__ = ["LiveClock", "SimulatedClock"]


class LiveClock:
    """The wall clock at its start, and monotonic time from there: it never goes back."""

    def __init__(self) -> None:
        """Starts now."""
        self._started_at = datetime.now(UTC)
        self._start = time.monotonic()

    def now(self) -> datetime:
        """Returns the present instant, aware UTC."""
        return self._started_at + timedelta(seconds=time.monotonic() - self._start)

    def wait_until(self, instant: datetime) -> None:
        """Sleeps until an instant, or not at all if it is past."""
        time.sleep(max((instant - self.now()).total_seconds(), 0.0))


class SimulatedClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        """Begins at an instant.

        Args:
            start: Aware.
        """
        self._now = require_utc(start, "the start of a clock")

    def now(self) -> datetime:
        """Returns the present instant, aware UTC."""
        return self._now

    def wait_until(self, instant: datetime) -> None:
        """Moves to an instant; to an earlier one it does not move."""
        self._now = max(self._now, require_utc(instant, "an instant to wait for"))
