"""New York time, made here once: a workflow sandbox must not build time zones itself."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

__all__ = ["NEW_YORK", "new_york_offset_minutes", "require_utc"]

NEW_YORK = ZoneInfo("America/New_York")
"""Time zone of the exchanges."""


@lru_cache(maxsize=8192)
def new_york_offset_minutes(day: int) -> int:
    """Returns New York's offset from UTC at 17:00 UTC of a day, in minutes (-240 or -300).

    Clocks change on Sundays at night, so one offset serves for a whole trading day.

    Args:
        day: Days since 1970-01-01.
    """
    offset = datetime.fromtimestamp(day * 86_400 + 17 * 3_600, UTC).astimezone(NEW_YORK).utcoffset()
    assert offset is not None  # noqa: S101 - an aware instant has an offset
    return round(offset.total_seconds() / 60)


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
