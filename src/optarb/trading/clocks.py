"""Clocks: real time, time that moves when it is told to, and time that passes at a pace."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from optarb.domain.time import require_utc
from optarb.errors import ConfigurationError

__all__ = ["LiveClock", "PacedClock", "SimulatedClock"]


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


class PacedClock(SimulatedClock):
    """Moves like a simulated clock, and lets real time pass meanwhile. It stands still while work is done."""

    def __init__(self, start: datetime, pace: float) -> None:
        """Begins at an instant.

        Args:
            start: Aware.
            pace: Market seconds that pass in a real second, positive.

        Raises:
            ConfigurationError: The pace is not a positive number.
        """
        if not 0.0 < pace < float("inf"):
            raise ConfigurationError(f"pace must be a positive number of market seconds in a real one, got {pace!r}")
        super().__init__(start)
        self._pace = pace

    def wait_until(self, instant: datetime) -> None:
        """Sleeps for the time's share of real time, and moves to the instant."""
        time.sleep(max((instant - self.now()).total_seconds(), 0.0) / self._pace)
        super().wait_until(instant)
