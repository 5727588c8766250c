"""The bound of the cache in files."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from optarb.caches import FileCache
from optarb.caches._eviction import evict, mark_as_used
from optarb.errors import ConfigurationError

VALUE = bytes(1000 - 64)  # 1000 bytes with its frame, for keys of up to 20 characters
MAPPED = bytes(100_000)


@pytest.fixture
def cache(tmp_path):
    cache = FileCache(path=str(tmp_path / "cache"), max_bytes=10_000)
    yield cache
    cache.close()


def age(cache, key, seconds):
    """Makes an entry look unused for so long."""
    file = cache._file(key)
    status = Path(file).stat()
    os.utime(file, ns=(status.st_atime_ns - round(seconds * 1e9), status.st_mtime_ns))


def filled(cache, count, value=VALUE):
    """Puts values of which the first was not used for longest."""
    for number in range(count):
        cache.put(str(number), value)
        age(cache, str(number), 1000 * (count - number))


def held(cache, count):
    return [number for number in range(count) if Path(cache._file(str(number))).exists()]


def test_put_when_bound_is_reached_then_least_recently_used_go_down_to_nine_tenths(cache):
    filled(cache, 10)
    assert held(cache, 10) == list(range(10))
    cache.put("10", VALUE)
    assert held(cache, 11) == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert cache.usage().size_bytes == 9000


def test_get_when_used_then_it_stays(cache):
    filled(cache, 10)
    assert cache.get("0") == VALUE
    cache.put("10", VALUE)
    assert held(cache, 11) == [0, 3, 4, 5, 6, 7, 8, 9, 10]


def test_get_when_found_then_its_use_is_marked_whatever_the_file_system_does(cache, monkeypatch):
    cache.put("key", VALUE)
    marked = []
    monkeypatch.setattr("optarb.caches.file.mark_as_used", lambda file, status: marked.append(file))
    cache.get("key")
    cache.get("absent")
    assert marked == [cache._file("key")]


def test_get_when_used_a_moment_ago_then_the_file_is_not_touched(cache):
    cache.put("key", VALUE)
    age(cache, "key", 30)
    before = Path(cache._file("key")).stat()
    mark_as_used(cache._file("key"), before)
    assert Path(cache._file("key")).stat().st_atime_ns == before.st_atime_ns
    age(cache, "key", 60)
    before = Path(cache._file("key")).stat()
    mark_as_used(cache._file("key"), before)
    after = Path(cache._file("key")).stat()
    assert after.st_atime_ns > before.st_atime_ns
    assert after.st_mtime_ns == before.st_mtime_ns  # else it would have to be verified again


def test_put_when_value_exceeds_the_bound_then_not_kept_and_nothing_goes(cache):
    filled(cache, 5)
    cache.put("large", bytes(10_000))
    assert cache.get("large") is None
    assert held(cache, 5) == list(range(5))


def test_put_when_there_is_no_bound_then_nothing_goes(tmp_path):
    cache = FileCache(path=str(tmp_path / "cache"), max_bytes=None)
    filled(cache, 30)
    assert held(cache, 30) == list(range(30))
    cache.close()


def test_put_when_written_by_short_processes_then_bounded_too(cache):
    for number in range(30):
        cache.put(str(number), VALUE)
        cache.close()  # as a process does at its end; the next knows nothing of this one's writing
    assert cache.usage().size_bytes <= 10_000


def test_put_when_evicted_value_is_in_use_then_it_stays_readable(tmp_path):
    cache = FileCache(path=str(tmp_path / "cache"), max_bytes=250_000)
    cache.put("0", b"\x07" * 100_000)
    age(cache, "0", 5000)
    value = cache.get("0")
    age(cache, "0", 5000)
    for number in (1, 2):
        cache.put(str(number), MAPPED)
    assert held(cache, 3) == [1, 2]
    assert bytes(value) == b"\x07" * 100_000
    cache.put("0", b"\x07" * 100_000)  # made anew, under a name that is mapped still
    assert bytes(cache.get("0")) == bytes(value)
    cache.close()


def test_evict_when_a_file_is_being_written_then_it_is_spared_until_it_is_abandoned(tmp_path):
    fresh, dead, entry = tmp_path / "fresh.tmp", tmp_path / "dead.tmp", tmp_path / "entry"
    for file in (fresh, dead, entry):
        file.write_bytes(VALUE)
    os.utime(fresh, (time.time() - 3000, time.time()))
    os.utime(dead, (time.time() - 4000, time.time()))
    evict(map(str, (fresh, dead, entry)), 1)
    assert fresh.exists()
    assert not dead.exists()
    assert not entry.exists()


def test_evict_when_files_vanish_meanwhile_then_nothing_happens(tmp_path):
    assert evict([str(tmp_path / "gone")], 1) == 0


def _fill_in_child(cache, number, barrier, answers):
    barrier.wait()
    wrong = 0
    for turn in range(60):
        for key in (f"{number}-{turn}", f"shared-{turn % 7}"):
            cache.put(key, key.encode() * 100)
            wrong += cache.get(key) not in (None, key.encode() * 100)
    answers.put(wrong)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_put_when_processes_evict_at_once_then_values_are_right_and_the_bound_holds(cache):
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(3), context.SimpleQueue()
    children = [context.Process(target=_fill_in_child, args=(cache, number, barrier, answers)) for number in range(3)]
    for child in children:
        child.start()
    assert [answers.get() for _ in children] == [0, 0, 0]
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert 0 < cache.usage().size_bytes <= 10_000 + 3 * (10_000 // 16 + 1100)


@pytest.mark.parametrize("bound", [0, -1])
def test_build_when_bound_is_not_positive_then_error(bound):
    with pytest.raises(ConfigurationError, match="NoCache"):
        FileCache(max_bytes=bound)
