"""What optarb asks of a cache."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Cache"]


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
