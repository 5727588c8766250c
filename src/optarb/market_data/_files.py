"""Finding files of a symbol on a disk or in object storage, and their digests."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import posixpath
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optarb.errors import BadData

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

__all__ = ["DataFile", "digest", "find_files"]

_BLOCK = 1 << 20
_MAX_LISTED = 20
_MAX_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file, found but not read."""

    filesystem: FileSystem
    """Where it is."""
    path: str
    """Its path there."""
    shared: bool
    """Whether it may hold several symbols, told apart by a column."""

    def __str__(self) -> str:
        return self.path


def find_files(location: str | Mapping[str, str], symbol: str, suffix: str) -> list[DataFile]:
    """Finds the files that hold a symbol, sorted by path.

    Args:
        location: A folder, a file of many symbols, or by symbol a file or a pattern with ``*`` in its last part.
        symbol: The symbol.
        suffix: How the files end, such as ``".parquet"``.

    Raises:
        BadData: Nothing is there for the symbol.
    """
    if isinstance(location, Mapping):
        if symbol not in location:
            msg = f"no files for {symbol!r}; there are some for {_few(location)}"
            raise BadData(msg)
        filesystem, path = _resolve(location[symbol])
        return _matching(filesystem, path, symbol, location[symbol])
    filesystem, path = _resolve(location)
    if path.endswith(suffix):
        return [DataFile(filesystem=filesystem, path=path, shared=True)]
    names = _names(filesystem, path, location)
    found = [name for name in names if name == symbol + suffix]
    found = found or [name for name in names if name.startswith(f"{symbol}-") and name.endswith(suffix)]
    if symbol in names:
        inside = posixpath.join(path, symbol)
        found += [f"{symbol}/{name}" for name in _names(filesystem, inside, inside) if name.endswith(suffix)]
    if not found:
        expected = f"{symbol}{suffix}, {symbol}-*{suffix} or {symbol}/*{suffix}"
        msg = f"no {expected} in {location!r}, which holds {_few(names)}"
        raise BadData(msg)
    return [DataFile(filesystem=filesystem, path=posixpath.join(path, name), shared=False) for name in sorted(found)]


def _matching(filesystem: FileSystem, path: str, symbol: str, shown: str) -> list[DataFile]:
    folder, pattern = posixpath.split(path)
    if "*" not in pattern:
        return [DataFile(filesystem=filesystem, path=path, shared=False)]
    names = _names(filesystem, folder, folder)
    found = sorted(fnmatch.filter(names, pattern))
    if not found:
        msg = f"no file matches {shown!r} for {symbol!r}; the folder holds {_few(names)}"
        raise BadData(msg)
    return [DataFile(filesystem=filesystem, path=posixpath.join(folder, name), shared=False) for name in found]


def _resolve(location: str) -> tuple[FileSystem, str]:
    import pyarrow as pa
    from pyarrow import fs

    if "://" not in location:
        return fs.LocalFileSystem(), os.path.abspath(location).replace(os.sep, "/")  # noqa: PTH100 - a URI is no Path
    try:
        filesystem, path = fs.FileSystem.from_uri(location)
    except (pa.ArrowException, OSError, ValueError) as error:
        msg = f"cannot reach {location!r}: {error}"
        raise BadData(msg) from error
    return filesystem, path


def _names(filesystem: FileSystem, folder: str, shown: str) -> list[str]:
    from pyarrow.fs import FileSelector

    try:
        return sorted(info.base_name for info in filesystem.get_file_info(FileSelector(folder)))
    except OSError as error:
        msg = f"cannot list {shown!r}: {error}"
        raise BadData(msg) from error


def _few(names: Any) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _MAX_LISTED} more" if len(listed) > _MAX_LISTED else ""
    return (", ".join(listed[:_MAX_LISTED]) + more) if listed else "nothing"


_remembered: OrderedDict[tuple[object, ...], str] = OrderedDict()
_remembered_lock = threading.Lock()


def digest(file: DataFile) -> str:
    """Returns the SHA-256 of a file's bytes, remembered for the process while path, size, time and inode stay.

    Raises:
        BadData: It cannot be read.
    """
    try:
        key = _identity(file)
        with _remembered_lock:
            known = _remembered.get(key)
            if known is not None:
                _remembered.move_to_end(key)
                return known
        computed = _hash(file)
    except OSError as error:
        msg = f"cannot read {file}: {error}"
        raise BadData(msg) from error
    with _remembered_lock:
        _remembered[key] = computed
        while len(_remembered) > _MAX_REMEMBERED:
            _remembered.popitem(last=False)
    return computed


def _identity(file: DataFile) -> tuple[object, ...]:
    if file.filesystem.type_name == "local":
        state = os.stat(file.path)  # noqa: PTH116 - Arrow's paths are text
        return ("local", file.path, state.st_size, state.st_mtime_ns, state.st_ino)
    info = file.filesystem.get_file_info(file.path)
    return (file.filesystem.type_name, file.path, info.size, info.mtime_ns)


def _hash(file: DataFile) -> str:
    running = hashlib.sha256()
    # Compression off: Arrow would otherwise unpack by the name's ending; a digest is of the bytes as they lie there.
    with file.filesystem.open_input_stream(file.path, compression=None) as stream:
        while block := stream.read(_BLOCK):
            running.update(block)
    return running.hexdigest()
