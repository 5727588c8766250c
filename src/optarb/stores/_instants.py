"""Instants as databases keep them: whole microseconds since 1970 UTC."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from optarb.domain.time import require_utc
from optarb.errors import StoreError

__all__ = ["instant", "micros", "now_micros", "span_micros"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def now_micros() -> int:
    """Returns the present instant by the machine's clock."""
    return time.time_ns() // 1000


def instant(since_epoch: int) -> datetime:
    """Reads an instant, aware UTC."""
    return _EPOCH + timedelta(microseconds=since_epoch)


def micros(at: datetime) -> int:
    """Writes an instant.

    Raises:
        ValueError: It is naive.
    """
    return (require_utc(at, "an instant in a store") - _EPOCH) // timedelta(microseconds=1)


def span_micros(lease_seconds: float) -> int:
    """Writes the length of a lease.

    Raises:
        StoreError: It is negative, infinite or NaN.
    """
    if not (math.isfinite(lease_seconds) and lease_seconds >= 0):
        raise StoreError(f"lease_seconds must be finite and >= 0, got {lease_seconds!r}")
    return round(lease_seconds * 1_000_000)
