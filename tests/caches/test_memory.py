"""The cache in memory."""

from __future__ import annotations

import pytest

from optarb.caches import MemoryCache
from optarb.errors import ConfigurationError, StoreError
from optarb.testing import CacheConformance


@pytest.fixture
def name(request):
    return request.node.nodeid


class TestMemoryCache(CacheConformance):
    @pytest.fixture
    def cache(self, name):
        cache = MemoryCache(name=name)
        yield cache
        cache.clear()


def test_put_when_bound_is_reached_then_least_recently_used_goes(name):
    cache = MemoryCache(max_bytes=30, name=name)
    for key in "abc":
        cache.put(key, bytes(9))  # 10 with its key
    assert cache.get("a") is not None  # so "b" was not used for longest
    cache.put("d", bytes(9))
    assert [key for key in "abcd" if cache.get(key) is not None] == ["a", "c", "d"]


def test_put_when_value_exceeds_the_bound_then_not_kept_and_nothing_goes(name):
    cache = MemoryCache(max_bytes=30, name=name)
    cache.put("a", bytes(9))
    cache.put("b", bytes(30))
    assert cache.get("b") is None
    assert cache.get("a") == bytes(9)


def test_put_when_entries_were_removed_then_their_room_is_free(name):
    cache = MemoryCache(max_bytes=30, name=name)
    for key in "abc":
        cache.put(key, bytes(9))
    cache.delete("a")
    cache.clear("b")
    cache.put("d", bytes(19))
    assert [key for key in "abcd" if cache.get(key) is not None] == ["c", "d"]


def test_get_when_names_differ_then_apart(name):
    MemoryCache(name=name).put("key", b"value")
    assert MemoryCache(name=name).get("key") == b"value"
    assert MemoryCache(name=f"{name} other").get("key") is None
    MemoryCache(name=name).clear()


def test_get_when_ttl_ends_then_absent(name, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("time.time", lambda: now)
    cache = MemoryCache(name=name)
    cache.put("key", b"value", ttl=10)
    now = 1009.9
    assert cache.get("key") == b"value"
    now = 1010.0
    assert cache.get("key") is None


@pytest.mark.parametrize("bound", [0, -1])
def test_build_when_bound_is_not_positive_then_error(bound):
    with pytest.raises(ConfigurationError, match="NoCache"):
        MemoryCache(max_bytes=bound)


@pytest.mark.parametrize(("key", "ttl"), [("k" * 513, None), ("key", -1), ("key", float("nan"))])
def test_put_when_key_or_ttl_is_out_of_range_then_error(name, key, ttl):
    with pytest.raises(StoreError, match=r"512|>= 0"):
        MemoryCache(name=name).put(key, b"", ttl)
