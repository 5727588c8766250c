"""What optarb asks of a cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

__all__ = ["Cache", "CacheUsage", "SupportsUsage"]


class Cache(Protocol):
    """Bytes by key. Safe for several threads and processes; the first valid writer of a key wins."""

    def get(self, key: str) -> bytes | memoryview | None:
        """Returns the value, or None if it is absent, expired or damaged (a damaged entry is deleted)."""
        ...

    def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Stores a value under a key that has none.

        Args:
            key: Up to 512 characters.
            value: The bytes.
            ttl: Seconds to live; None for no end.
        """
        ...

    def delete(self, key: str) -> None:
        """Removes a key; nothing happens if it is absent."""
        ...

    def clear(self, prefix: str = "") -> None:
        """Removes every key that starts with the prefix."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUsage:
    """How much a cache holds."""

    entries: int
    """Number of values."""
    size_bytes: int
    """Bytes that they take where they are kept, with what is stored beside them."""


@runtime_checkable
class SupportsUsage(Protocol):
    """A cache that can tell how much it holds."""

    def usage(self, prefix: str = "") -> CacheUsage:
        """Counts the values whose keys start with the prefix; expired ones that were not removed yet may be among them.

        Reads the whole cache's list of keys, so it is nothing to be called often.
        """
        ...
