"""New York time, made here once: a workflow sandbox must not build time zones itself."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

__all__ = ["NEW_YORK", "require_utc"]

NEW_YORK = ZoneInfo("America/New_York")
"""Time zone of the exchanges."""


def require_utc(instant: datetime, what: str) -> datetime:
    """Returns an aware instant in UTC.

    Args:
        instant: The instant.
        what: What it is, for the message.

    Raises:
        ValueError: The instant is naive.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{what} must be aware, got the naive {instant!r}; add tzinfo")
    return instant.astimezone(UTC)
