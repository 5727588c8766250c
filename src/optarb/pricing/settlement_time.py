"""When sessions close and contracts settle, and how far away that is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from optarb.domain.contracts import Settlement

__all__ = ["session_close", "session_open", "settles_at", "year_fraction"]

_OPEN = time(9, 30)
_CLOSE = time(16, 0)
_YEAR_SECS = 365 * 86_400


@lru_cache(maxsize=16_384)
def session_open(session: date) -> datetime:
    """Returns 09:30 in New York on a date, aware UTC."""
    return _new_york(session, _OPEN)


@lru_cache(maxsize=16_384)
def session_close(session: date) -> datetime:
    """Returns 16:00 in New York on a date, aware UTC. Half days are not known here; a calendar knows them."""
    return _new_york(session, _CLOSE)


def settles_at(settlement: Settlement, expiry: date) -> datetime:
    """Returns when a contract settles: 09:30 in New York for AM settlement, else 16:00, aware UTC.

    Args:
        settlement: How the contract settles.
        expiry: Listed expiry. A date on a weekend (standards before February 2015 are listed for Saturday) settles as
            of the Friday before.
    """
    day = expiry - timedelta(days=max(0, expiry.weekday() - 4))
    return session_open(day) if settlement is Settlement.AM else session_close(day)


def year_fraction(settlement: Settlement, expiry: date, at: datetime) -> float:
    """Returns the calendar seconds from an instant to a contract's settlement over those of 365 days; never negative.

    Args:
        settlement: How the contract settles.
        expiry: Listed expiry.
        at: The instant, aware.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    if at.tzinfo is None:
        msg = f"at must be an aware datetime, got {at!r}"
        raise ValueError(msg)
    return max(0.0, (settles_at(settlement, expiry) - at).total_seconds() / _YEAR_SECS)


def _new_york(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, ZoneInfo("America/New_York")).astimezone(UTC)
