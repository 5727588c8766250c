"""No cache."""

from __future__ import annotations

from optarb.caches import NoCache
from optarb.protocols.caches import CacheUsage


def test_get_when_put_before_then_none():
    cache = NoCache()
    cache.put("key", b"value")
    assert cache.get("key") is None
    cache.delete("key")
    cache.clear("k")


def test_usage_when_put_before_then_nothing():
    cache = NoCache()
    cache.put("key", b"value")
    assert cache.usage() == CacheUsage(entries=0, size_bytes=0)
