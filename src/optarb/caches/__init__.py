"""Caches: where what was computed once is kept."""

from __future__ import annotations

from optarb.caches.file import FileCache
from optarb.caches.memory import MemoryCache
from optarb.caches.off import NoCache
from optarb.caches.redis import RedisCache

__all__ = ["FileCache", "MemoryCache", "NoCache", "RedisCache"]
