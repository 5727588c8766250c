"""What every cache must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from optarb.protocols.caches import Cache, CacheUsage, SupportsUsage
from optarb.testing.conformance import Conformance

__all__ = ["CacheConformance"]

_LARGE = bytes(range(256)) * 1024


class CacheConformance(Conformance):
    """Subclass it in a test module and define the fixture ``cache``, which gives an empty cache."""

    @pytest.fixture
    def cache(self) -> Cache:
        """Gives the cache to test, empty."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'cache'")

    def test_get_when_absent_then_none(self, cache: Cache) -> None:
        """An absent key is None, not an error."""
        assert cache.get("absent") is None

    @pytest.mark.parametrize("value", [b"", b"\0", b"text", _LARGE], ids=["empty", "zero", "short", "large"])
    def test_put_when_new_then_get_returns_the_bytes(self, cache: Cache, value: bytes) -> None:
        """Values of any length come back as they were, again and again."""
        cache.put("key", value)
        assert _read(cache, "key") == value
        assert _read(cache, "key") == value

    @pytest.mark.parametrize("key", ["a/b:c\\d", "..", "../up", "kéy ☃", "k" * 512, " "])
    def test_put_when_key_is_odd_then_kept_apart(self, cache: Cache, key: str) -> None:
        """Any text of up to 512 characters is a key."""
        cache.put(key, b"odd")
        cache.put("plain", b"plain")
        assert _read(cache, key) == b"odd"
        assert _read(cache, "plain") == b"plain"

    def test_put_when_present_then_the_first_value_stays(self, cache: Cache) -> None:
        """The first writer of a key wins."""
        cache.put("key", b"first")
        cache.put("key", b"second")
        assert _read(cache, "key") == b"first"

    def test_put_when_ttl_is_over_then_absent_and_writable(self, cache: Cache) -> None:
        """An expired value is absent, and the key is free again."""
        cache.put("key", b"old", ttl=0)
        assert cache.get("key") is None
        cache.put("key", b"new", ttl=3600)
        assert _read(cache, "key") == b"new"

    def test_delete_when_present_then_absent_and_writable(self, cache: Cache) -> None:
        """A deleted key can be written anew."""
        cache.put("key", b"old")
        cache.delete("key")
        assert cache.get("key") is None
        cache.put("key", b"new")
        assert _read(cache, "key") == b"new"

    def test_delete_when_absent_then_nothing_happens(self, cache: Cache) -> None:
        """Deleting twice is no error."""
        cache.delete("absent")

    def test_delete_when_value_is_in_use_then_it_stays_readable(self, cache: Cache) -> None:
        """What was handed out does not change any more."""
        cache.put("key", _LARGE)
        value = cache.get("key")
        cache.delete("key")
        cache.put("key", b"\xff" * len(_LARGE))
        assert value is not None
        assert bytes(value) == _LARGE

    def test_clear_when_prefix_then_only_its_keys_go(self, cache: Cache) -> None:
        """A prefix is compared with the key itself."""
        for key in ("bars/SPX", "bars/SPY", "features/SPX"):
            cache.put(key, key.encode())
        cache.clear("bars/")
        assert cache.get("bars/SPX") is None
        assert cache.get("bars/SPY") is None
        assert _read(cache, "features/SPX") == b"features/SPX"

    def test_clear_when_no_prefix_then_empty(self, cache: Cache) -> None:
        """Clearing without a prefix removes all."""
        cache.put("one", b"1")
        cache.put("two", _LARGE)
        cache.clear()
        assert cache.get("one") is None
        assert cache.get("two") is None

    def test_usage_when_asked_then_entries_and_bytes_of_the_prefix(self, cache: Cache) -> None:
        """A cache that can tell how much it holds tells it, for every prefix."""
        if not isinstance(cache, SupportsUsage):
            pytest.skip("the cache does not tell its usage")
        assert cache.usage() == CacheUsage(entries=0, size_bytes=0)
        for key, value in (("bars/SPX", _LARGE), ("bars/SPY", b""), ("features/SPX", b"short")):
            cache.put(key, value)
        whole, bars, none = cache.usage(), cache.usage("bars/"), cache.usage("models/")
        assert (whole.entries, bars.entries, none.entries) == (3, 2, 0)
        assert bars.size_bytes >= len(_LARGE)
        assert whole.size_bytes >= bars.size_bytes + len(b"short")
        assert none.size_bytes == 0
        cache.clear("bars/")
        assert cache.usage().entries == 1

    def test_put_when_threads_race_then_all_read_one_value(self, cache: Cache) -> None:
        """Writers of one key at the same moment: one wins, for everybody."""
        writers = 8
        barrier = threading.Barrier(writers)

        def write(number: int) -> bytes:
            barrier.wait()
            cache.put("key", bytes([number]) * 100_000)
            return _read(cache, "key")

        with ThreadPoolExecutor(writers) as pool:
            seen = set(pool.map(write, range(writers)))
        assert len(seen) == 1
        assert seen <= {bytes([number]) * 100_000 for number in range(writers)}

    def test_pickle_when_copied_then_equal_and_the_same_values(self, cache: Cache) -> None:
        """A cache travels by its parameters."""
        cache.put("key", b"value")
        copy = pickle.loads(pickle.dumps(cache))  # noqa: S301 - written a moment ago
        assert copy == cache
        assert _read(copy, "key") == b"value"


def _read(cache: Cache, key: str) -> bytes:
    value = cache.get(key)
    assert value is not None, f"{key!r} is absent"
    return bytes(value)
