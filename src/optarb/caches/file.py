"""A cache in files, shared by the processes of a machine."""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from optarb import _connections
from optarb.caches._eviction import TEMPORARY, evict, mark_as_used
from optarb.caches._frames import framed, read_frame, read_key
from optarb.caches._limits import check_key, expiry
from optarb.errors import ConfigurationError, StoreUnavailable
from optarb.protocols.caches import CacheUsage

__all__ = ["FileCache"]

_LOG: Final = logging.getLogger("optarb.caches")
_MAPPED_FROM: Final = 64 * 1024
_MAX_VERIFIED: Final = 4096
_LOOKS: Final = 16
_BEGINNING: Final = 64 + 4 * 512  # header, and the longest key in UTF-8


@dataclass(frozen=True, kw_only=True)
class FileCache:
    """Keeps each value in a file of its own.

    Values of 64 KB and more come back as a ``memoryview`` on the mapped file: processes that read the same value
    share its memory. Every file carries a checksum, tested when a process first reads it; a damaged file is deleted and
    counts as absent. Nothing waits for the disk: after a power cut, what is incomplete is found by its checksum.

    When the files outgrow ``max_bytes``, those that were not used for longest are deleted, down to nine tenths of it. A process
    looks at its first new value, and again after a sixteenth of the bound, so several processes may exceed it by as much
    each. What another process has mapped stays readable there.
    """

    path: str = ".optarb/cache"
    """Folder, made when the first value is stored; ``~`` is the user's."""
    max_bytes: int | None = 20 * 1024**3
    """Bound on all files together, > 0; None for no bound. A value that is greater by itself is not kept."""

    def __post_init__(self) -> None:
        """Checks the path and the bound."""
        if not str(self.path):
            raise ConfigurationError("path must name a folder, got ''")
        if self.max_bytes is not None and not self.max_bytes > 0:
            raise ConfigurationError(f"max_bytes must be > 0 or None, got {self.max_bytes!r}; NoCache() turns caching off")

    def get(self, key: str) -> bytes | memoryview | None:
        """Returns the value, or None if it is absent, expired or damaged (a damaged entry is deleted).

        Raises:
            StoreUnavailable: The file is there and cannot be read.
        """
        file = self._file(key)
        try:
            with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - half the time of Path.open
                status = os.fstat(opened.fileno())
                data: bytes | memoryview
                if status.st_size < _MAPPED_FROM:
                    data = opened.read()
                else:
                    data = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unavailable(file, "read", error) from error
        state = self._state()
        mark = (file, status.st_size, status.st_mtime_ns, status.st_ino)
        known = mark in state.verified
        frame = read_frame(data, key, verify=not known)
        if frame is None:
            _LOG.warning("cache entry %r in %s is damaged and was deleted", key, file)
        if frame is None or time.time() >= frame.expires_at:
            _unlink(file)
            return None
        if not known:
            state.add(mark)
        mark_as_used(file, status)
        value = data[frame.value_at :]
        return bytes(value) if frame.value_length < _MAPPED_FROM else value

    def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Stores a value under a key that has none.

        Raises:
            StoreError: The key is too long, or ``ttl`` is negative.
            StoreUnavailable: The file cannot be written: no space, or no permission.
        """
        check_key(key)
        expires_at = expiry(ttl)
        head = framed(key, value, expires_at)
        size = len(head) + len(value)
        if (self.max_bytes is not None and size > self.max_bytes) or self.get(key) is not None:
            return
        file = self._file(key)
        temporary = f"{os.path.dirname(file)}/{secrets.token_hex(8)}{TEMPORARY}"  # noqa: PTH120
        try:
            Path(temporary).parent.mkdir(parents=True, exist_ok=True)
            try:
                with Path(temporary).open("xb") as opened:
                    opened.write(head)
                    opened.write(value)
                _publish(temporary, file)
            finally:
                _unlink(temporary)
        except OSError as error:
            raise _unavailable(file, "written", error) from error
        if self.max_bytes is not None and self._state().is_due(size):
            self._state().look_after(self.max_bytes - evict(self._files(), self.max_bytes), self.max_bytes)

    def delete(self, key: str) -> None:
        """Removes a key; nothing happens if it is absent."""
        _unlink(self._file(key))

    def clear(self, prefix: str = "") -> None:
        """Removes every key that starts with the prefix, and every entry whose key cannot be read.

        Without a prefix it also removes what killed writers left behind.
        """
        for file in self._files():
            if file.endswith(TEMPORARY):
                if not prefix:
                    _unlink(file)
                continue
            status = _status(file)
            if status is not None and (status.key is None or status.key.startswith(prefix)):
                _unlink(file)

    def usage(self, prefix: str = "") -> CacheUsage:
        """Counts the files whose keys start with the prefix, and their bytes."""
        entries = size = 0
        for file in self._files():
            status = None if file.endswith(TEMPORARY) else _status(file)
            if status is not None and status.key is not None and status.key.startswith(prefix):
                entries += 1
                size += status.size
        return CacheUsage(entries=entries, size_bytes=size)

    def close(self) -> None:
        """Forgets which files this process has verified; the next read tests them again."""
        _connections.close((FileCache, self._root()))

    def _root(self) -> str:
        return os.path.abspath(os.path.expanduser(self.path))  # noqa: PTH100, PTH111 - called at every access

    def _file(self, key: str) -> str:
        # Two levels of folders keep each of them small; a digest makes a name of any key.
        name = hashlib.blake2b(key.encode(), digest_size=20).hexdigest()
        return f"{self._root()}/{name[:2]}/{name[2:4]}/{name[4:]}"

    def _files(self) -> Iterator[str]:
        for folder, _, names in os.walk(self._root()):
            if len(os.path.relpath(folder, self._root())) == len("ab/cd"):
                yield from (f"{folder}/{name}" for name in names)

    def _state(self) -> _State:
        return _connections.opened((FileCache, self._root()), _State)


class _State:
    """What this process knows of a folder."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.verified: dict[tuple[str, int, int, int], None] = {}
        """Marks of files whose checksum held, the newest few thousand."""
        self._room = 0

    def add(self, mark: tuple[str, int, int, int]) -> None:
        with self._lock:
            self.verified[mark] = None
            while len(self.verified) > _MAX_VERIFIED:
                del self.verified[next(iter(self.verified))]

    def is_due(self, written: int) -> bool:
        """Counts what was written; whether it is time to look at the size of the folder. Told to one thread only."""
        with self._lock:
            before, self._room = self._room, self._room - written
            return before >= 0 > self._room

    def look_after(self, left: int, max_bytes: int) -> None:
        """Fixes how much may be written until the next look."""
        with self._lock:
            self._room = max(min(left, max_bytes // _LOOKS), 0)

    def close(self) -> None:
        with self._lock:
            self.verified.clear()


@dataclass(frozen=True, slots=True)
class _Status:
    """What the beginning of a file tells."""

    key: str | None
    """The key, or None if it cannot be read."""
    size: int
    """Of the file."""


def _status(file: str) -> _Status | None:
    """Looks at a file; None if another process deleted it."""
    try:
        with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - as in get
            return _Status(read_key(opened.read(_BEGINNING)), os.fstat(opened.fileno()).st_size)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unavailable(file, "read", error) from error


def _publish(temporary: str, file: str) -> None:
    """Gives a written file its name, unless another writer was first."""
    try:
        os.link(temporary, file)
    except FileExistsError:
        return
    except FileNotFoundError:  # cleared in the meantime
        return
    except OSError:
        # A file system without hard links: the last writer wins, with a value that is just as good.
        os.replace(temporary, file)  # noqa: PTH105


def _unlink(file: str) -> None:
    try:
        os.unlink(file)  # noqa: PTH108
    except FileNotFoundError:
        pass  # another process was faster
    except OSError as error:
        raise _unavailable(file, "deleted", error) from error


def _unavailable(file: str, done: str, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"cache file {file!r} cannot be {done} ({error.strerror}); check space and permissions, name another folder, "
        "or turn caching off with NoCache()"
    )
