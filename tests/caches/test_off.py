"""No cache."""

from __future__ import annotations

from optarb.caches import NoCache


def test_get_when_put_before_then_none():
    cache = NoCache()
    cache.put("key", b"value")
    assert cache.get("key") is None
    cache.delete("key")
    cache.clear("k")
