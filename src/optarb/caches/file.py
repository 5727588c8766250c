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
from optarb.caches._frames import framed, read_frame, read_key
from optarb.caches._limits import check_key, expiry
from optarb.errors import ConfigurationError, StoreUnavailable

__all__ = ["FileCache"]

_LOG: Final = logging.getLogger("optarb.caches")
_MAPPED_FROM: Final = 64 * 1024
_MAX_VERIFIED: Final = 4096
_TEMPORARY: Final = ".tmp"
_BEGINNING: Final = 64 + 4 * 512  # header, and the longest key in UTF-8


@dataclass(frozen=True, kw_only=True)
class FileCache:
    """Keeps each value in a file of its own.

    Values of 64 KB and more come back as a ``memoryview`` on the mapped file: processes that read the same value
    share its memory. Every file carries a checksum, tested when a process first reads it; a damaged file is deleted and
    counts as absent. Nothing waits for the disk: after a power cut, what is incomplete is found by its checksum.
    """

    path: str = ".optarb/cache"
    """Folder, made when the first value is stored; ``~`` is the user's."""

    def __post_init__(self) -> None:
        """Checks the path."""
        if not str(self.path):
            raise ConfigurationError("path must name a folder, got ''")

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
        verified = self._verified()
        mark = (file, status.st_size, status.st_mtime_ns, status.st_ino)
        known = mark in verified
        frame = read_frame(data, key, verify=not known)
        if frame is None:
            _LOG.warning("cache entry %r in %s is damaged and was deleted", key, file)
        if frame is None or time.time() >= frame.expires_at:
            _unlink(file)
            return None
        if not known:
            verified.add(mark)
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
        if self.get(key) is not None:
            return
        file = self._file(key)
        temporary = f"{os.path.dirname(file)}/{secrets.token_hex(8)}{_TEMPORARY}"  # noqa: PTH120
        try:
            Path(temporary).parent.mkdir(parents=True, exist_ok=True)
            try:
                with Path(temporary).open("xb") as opened:
                    opened.write(framed(key, value, expires_at))
                    opened.write(value)
                _publish(temporary, file)
            finally:
                _unlink(temporary)
        except OSError as error:
            raise _unavailable(file, "written", error) from error

    def delete(self, key: str) -> None:
        """Removes a key; nothing happens if it is absent."""
        _unlink(self._file(key))

    def clear(self, prefix: str = "") -> None:
        """Removes every key that starts with the prefix, and every entry whose key cannot be read.

        Without a prefix it also removes what killed writers left behind.
        """
        for file in self._files():
            if file.endswith(_TEMPORARY):
                if not prefix:
                    _unlink(file)
                continue
            try:
                with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - as in get
                    key = read_key(opened.read(_BEGINNING))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _unavailable(file, "read", error) from error
            if key is None or key.startswith(prefix):
                _unlink(file)

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

    def _verified(self) -> _Verified:
        return _connections.opened((FileCache, self._root()), _Verified)


class _Verified:
    """Marks of files whose checksum held in this process, the newest few thousand."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: dict[tuple[str, int, int, int], None] = {}

    def __contains__(self, mark: tuple[str, int, int, int]) -> bool:
        return mark in self._marks

    def add(self, mark: tuple[str, int, int, int]) -> None:
        with self._lock:
            self._marks[mark] = None
            while len(self._marks) > _MAX_VERIFIED:
                del self._marks[next(iter(self._marks))]

    def close(self) -> None:
        with self._lock:
            self._marks.clear()


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
