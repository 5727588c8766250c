"""The cache in files."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
from pathlib import Path

import pytest

from optarb.caches import FileCache
from optarb.caches._frames import read_frame
from optarb.errors import ConfigurationError, StoreError, StoreUnavailable
from optarb.testing import CacheConformance

LARGE = bytes(range(256)) * 1024


@pytest.fixture
def cache(tmp_path):
    cache = FileCache(path=str(tmp_path / "cache"))
    yield cache
    cache.close()


class TestFileCache(CacheConformance):
    @pytest.fixture
    def cache(self, tmp_path):
        cache = FileCache(path=str(tmp_path / "cache"))
        yield cache
        cache.close()


def files(cache):
    return sorted(file for file in Path(cache.path).rglob("*") if file.is_file())


def only_file(cache):
    (file,) = files(cache)
    return file


def rewrite(cache, change):
    """Changes the only file as a disk or a crash would, and forgets that it was verified."""
    with only_file(cache).open("r+b") as opened:
        change(opened)
    cache.close()


def test_build_when_folder_is_absent_then_nothing_is_made(tmp_path):
    FileCache(path=str(tmp_path / "cache")).get("key")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError, match="path"):
        FileCache(path="")


@pytest.mark.parametrize(("length", "kind"), [(65_535, bytes), (65_536, memoryview)])
def test_get_when_large_then_a_read_only_view_on_the_file(cache, length, kind):
    cache.put("key", bytes(length))
    value = cache.get("key")
    assert type(value) is kind
    if kind is memoryview:
        assert value.readonly


def test_get_when_mapped_then_value_is_aligned_for_arrays(cache):
    import numpy as np

    for key in ("k", "a longer key", "k" * 300):
        cache.put(key, LARGE)
        assert np.frombuffer(cache.get(key), dtype=np.int64).ctypes.data % 64 == 0


@pytest.mark.parametrize("value", [b"small" * 10, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("kept", [0, 1, 43, 60, 100, -1])
def test_get_when_truncated_then_none_deleted_and_writable(cache, caplog, value, kept):
    cache.put("key", value)
    size = only_file(cache).stat().st_size
    rewrite(cache, lambda opened: opened.truncate(kept if kept >= 0 else size - 1))
    with caplog.at_level(logging.WARNING, logger="optarb.caches"):
        assert cache.get("key") is None
    assert "damaged" in caplog.text
    assert files(cache) == []
    cache.put("key", value)
    assert bytes(cache.get("key")) == value


def test_get_when_any_byte_is_flipped_then_never_another_value(cache):
    value = b"the value"
    cache.put("key", value)
    whole = only_file(cache).read_bytes()
    survivors = 0
    for at in range(len(whole)):
        cache.clear()
        cache.put("key", value)

        def flip(opened, at=at):
            opened.seek(at)
            opened.write(bytes([whole[at] ^ 0x10]))

        rewrite(cache, flip)
        found = cache.get("key")
        assert found in (None, value)
        survivors += found is not None
    # Only the zeros between key and value may change unseen: 17 of them follow 44 bytes of header and 3 of key.
    assert survivors == 17


def test_get_when_a_byte_of_a_large_value_is_flipped_then_none(cache):
    cache.put("key", LARGE)

    def flip(opened):
        opened.seek(len(LARGE) // 2)
        opened.write(b"\xff\xff")

    rewrite(cache, flip)
    assert cache.get("key") is None
    assert files(cache) == []


def test_get_when_file_grew_then_none(cache):
    cache.put("key", b"value")
    rewrite(cache, lambda opened: (opened.seek(0, os.SEEK_END), opened.write(b"\0")))
    assert cache.get("key") is None


def test_get_when_file_holds_another_key_then_none(cache):
    cache.put("other", b"value")
    file = only_file(cache)
    cache.clear()
    cache.put("key", b"value")
    only_file(cache).replace(file)
    assert cache.get("other") is None


def test_get_when_read_again_then_verified_once(cache, monkeypatch):
    cache.put("key", LARGE)
    asked = []

    def spy(data, key, *, verify):
        asked.append(verify)
        return read_frame(data, key, verify=verify)

    monkeypatch.setattr("optarb.caches.file.read_frame", spy)
    for _ in range(3):
        assert cache.get("key") is not None
    cache.close()
    assert cache.get("key") is not None
    cache.delete("key")
    cache.put("key", LARGE)  # another file, which nobody has verified
    assert cache.get("key") is not None
    assert asked == [True, False, False, True, True]


def test_get_when_many_files_then_marks_are_bounded(cache, monkeypatch):
    monkeypatch.setattr("optarb.caches.file._MAX_VERIFIED", 3)
    for number in range(10):
        cache.put(str(number), b"value")
        assert cache.get(str(number)) == b"value"
    assert len(cache._state().verified) == 3


def test_get_when_ttl_ends_then_absent_and_deleted(cache, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("time.time", lambda: now)
    cache.put("key", b"value", ttl=10)
    now = 1009.9
    assert cache.get("key") == b"value"
    now = 1010.0
    assert cache.get("key") is None
    assert files(cache) == []


def test_put_when_done_then_no_temporary_file_is_left(cache):
    cache.put("key", b"value")
    cache.put("key", b"again")
    assert len(files(cache)) == 1
    assert only_file(cache).suffix != ".tmp"


def test_put_when_present_but_damaged_then_written_anew(cache):
    cache.put("key", b"old")
    rewrite(cache, lambda opened: opened.truncate(10))
    cache.put("key", b"new")
    assert cache.get("key") == b"new"


def test_put_when_another_writer_was_faster_then_its_value_stays(cache, monkeypatch):
    def link(source, target):
        assert Path(source).read_bytes().endswith(b"mine")
        monkeypatch.undo()
        cache.put("key", b"theirs")
        raise FileExistsError(errno.EEXIST, "File exists")

    monkeypatch.setattr("os.link", link)
    cache.put("key", b"mine")
    assert cache.get("key") == b"theirs"
    assert len(files(cache)) == 1


def test_put_when_links_are_impossible_then_renamed(cache, monkeypatch):
    def link(source, target):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", link)
    cache.put("key", b"value")
    assert cache.get("key") == b"value"
    assert len(files(cache)) == 1


def test_put_when_folder_is_a_file_then_unavailable(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable, match=r"NoCache\(\)"):
        FileCache(path=str(tmp_path / "file")).put("key", b"value")


def test_put_when_disk_is_full_then_unavailable_and_nothing_left(cache, monkeypatch):
    def link(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.link", link)
    monkeypatch.setattr("os.replace", link)
    with pytest.raises(StoreUnavailable, match="No space left"):
        cache.put("key", b"value")
    assert files(cache) == []


@pytest.mark.parametrize(("key", "ttl"), [("k" * 513, None), ("key", -1), ("key", float("nan"))])
def test_put_when_key_or_ttl_is_out_of_range_then_error(cache, key, ttl):
    with pytest.raises(StoreError, match=r"512|>= 0"):
        cache.put(key, b"", ttl)


def test_clear_when_writers_were_killed_then_their_files_go_too(cache):
    cache.put("key", b"value")
    dead = only_file(cache).with_name("dead.tmp")
    dead.write_bytes(b"half")
    cache.clear("k")
    assert files(cache) == [dead]
    cache.clear()
    assert files(cache) == []


def test_clear_when_an_entry_is_damaged_then_it_goes_with_any_prefix(cache):
    cache.put("key", b"value")
    rewrite(cache, lambda opened: opened.truncate(5))
    cache.clear("other")
    assert files(cache) == []


def test_clear_when_folder_holds_other_files_then_they_stay(cache, tmp_path):
    cache.put("key", b"value")
    stranger = tmp_path / "cache" / "notes.txt"
    stranger.write_text("mine")
    cache.clear()
    assert files(cache) == [stranger]


def _put_in_child(path, number, barrier, answers):
    cache = FileCache(path=path)
    barrier.wait()
    cache.put("key", bytes([number]) * 100_000)
    answers.put(bytes(cache.get("key")[:1])[0])


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_put_when_processes_race_then_all_read_one_value(cache, method):
    context = multiprocessing.get_context(method)
    barrier, answers = context.Barrier(3), context.SimpleQueue()
    children = [context.Process(target=_put_in_child, args=(cache.path, number, barrier, answers)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
    seen = {answers.get() for _ in children}
    assert len(seen) == 1
    assert cache.get("key") == bytes(seen) * 100_000
    assert len(files(cache)) == 1
