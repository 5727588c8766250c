"""The cache that keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass

from optarb.protocols.caches import CacheUsage

__all__ = ["NoCache"]


@dataclass(frozen=True, kw_only=True)
class NoCache:
    """Turns caching off: everything is computed anew."""

    def get(self, key: str) -> bytes | memoryview | None:  # noqa: ARG002
        """Returns None."""
        return None

    def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Does nothing."""

    def delete(self, key: str) -> None:
        """Does nothing."""

    def clear(self, prefix: str = "") -> None:
        """Does nothing."""

    def usage(self, prefix: str = "") -> CacheUsage:  # noqa: ARG002
        """Counts nothing."""
        return CacheUsage(entries=0, size_bytes=0)
