"""What every cache accepts."""

from __future__ import annotations

import math
import time
from typing import Final

from optarb.errors import StoreError

__all__ = ["check_key", "expiry"]

_MAX_KEY: Final = 512


def check_key(key: str) -> None:
    """Refuses keys no cache takes.

    Raises:
        StoreError: The key is longer than 512 characters.
    """
    if len(key) > _MAX_KEY:
        raise StoreError(f"a cache key has up to {_MAX_KEY} characters, got {len(key)}: {key[:60]!r}...; hash what is long")


def expiry(ttl: float | None) -> float:
    """Turns a time to live into seconds since 1970 at which it ends; infinity for None.

    Raises:
        StoreError: The time is negative or not a number.
    """
    if ttl is None:
        return math.inf
    if not ttl >= 0:
        raise StoreError(f"ttl must be >= 0 seconds, or None for no end, got {ttl!r}")
    return time.time() + ttl
