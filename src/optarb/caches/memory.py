"""A cache in the memory of the process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from optarb import _connections
from optarb.caches._limits import check_key, expiry
from optarb.errors import ConfigurationError
from optarb.protocols.caches import CacheUsage

__all__ = ["MemoryCache"]


@dataclass(frozen=True, kw_only=True)
class MemoryCache:
    """Keeps values in the memory of this process, up to a bound; what was not used for longest goes first."""

    max_bytes: int = 256 * 1024 * 1024
    """Bound on keys and values together, > 0. A value greater than the bound is not kept."""
    name: str = ""
    """Tells caches apart; equal names (and bounds) share their values within a process."""

    def __post_init__(self) -> None:
        """Checks the bound."""
        if not self.max_bytes > 0:
            raise ConfigurationError(f"max_bytes must be > 0, got {self.max_bytes!r}; NoCache() turns caching off")

    def get(self, key: str) -> bytes | memoryview | None:
        """Returns the value, or None if it is absent or expired."""
        return self._entries().get(key)

    def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Stores a value under a key that has none.

        Raises:
            StoreError: The key is too long, or ``ttl`` is negative.
        """
        check_key(key)
        self._entries().put(key, bytes(value), expiry(ttl))

    def delete(self, key: str) -> None:
        """Removes a key; nothing happens if it is absent."""
        self._entries().delete(key)

    def clear(self, prefix: str = "") -> None:
        """Removes every key that starts with the prefix."""
        self._entries().clear(prefix)

    def usage(self, prefix: str = "") -> CacheUsage:
        """Counts the values whose keys start with the prefix, and the bytes of both."""
        return self._entries().usage(prefix)

    def _entries(self) -> _Entries:
        return _connections.opened((MemoryCache, self.name, self.max_bytes), lambda: _Entries(self.max_bytes))


class _Entries:
    """Values in the order of their last use."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._lock = threading.Lock()
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        with self._lock:
            return self._live(key)

    def put(self, key: str, value: bytes, expires_at: float) -> None:
        with self._lock:
            size = len(key) + len(value)
            if size > self._max_bytes or self._live(key) is not None:
                return
            self._values[key] = (value, expires_at)
            self._size += size
            while self._size > self._max_bytes:
                self._remove(next(iter(self._values)))

    def delete(self, key: str) -> None:
        with self._lock:
            if key in self._values:
                self._remove(key)

    def clear(self, prefix: str) -> None:
        with self._lock:
            for key in [key for key in self._values if key.startswith(prefix)]:
                self._remove(key)

    def usage(self, prefix: str) -> CacheUsage:
        with self._lock:
            sizes = [len(key) + len(value) for key, (value, _) in self._values.items() if key.startswith(prefix)]
        return CacheUsage(entries=len(sizes), size_bytes=sum(sizes))

    def close(self) -> None:
        self.clear("")

    def _live(self, key: str) -> bytes | None:
        entry = self._values.get(key)
        if entry is None:
            return None
        value, expires_at = entry
        if time.time() >= expires_at:
            self._remove(key)
            return None
        self._values.move_to_end(key)
        return value

    def _remove(self, key: str) -> None:
        self._size -= len(key) + len(self._values.pop(key)[0])
