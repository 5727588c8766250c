"""Which files of a cache go when it has grown too large."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from typing import Final

__all__ = ["TEMPORARY", "evict", "mark_as_used"]

TEMPORARY: Final = ".tmp"
"""Ends the name of a file that is being written."""
_KEPT_FRACTION: Final = 0.9
_ABANDONED_SECONDS: Final = 3600
_MARK_AFTER_SECONDS: Final = 60


def mark_as_used(file: str, status: os.stat_result) -> None:
    """Notes that a file is used now, in its access time; once a minute, since more would cost more than it tells."""
    now = time.time()
    if now - status.st_atime > _MARK_AFTER_SECONDS:
        with contextlib.suppress(OSError):  # deleted in the meantime, or somebody else's file
            os.utime(file, ns=(round(now * 1e9), status.st_mtime_ns))


def evict(files: Iterable[str], max_bytes: int) -> int:
    """Deletes files until nine tenths of the bound are left, if there is more than the bound.

    What was not used for longest goes first. A file that is mapped somewhere stays readable there. What is being written is
    spared.

    Args:
        files: Every file of the cache.
        max_bytes: The bound.

    Returns:
        Bytes that are left.
    """
    found: list[tuple[float, int, str]] = []
    for file in files:
        with contextlib.suppress(OSError):  # another process was faster
            status = os.stat(file)  # noqa: PTH116 - half the time of Path.stat
            found.append((status.st_atime, status.st_size, file))
    total = sum(size for _, size, _ in found)
    if total <= max_bytes:
        return total
    writing_since = time.time() - _ABANDONED_SECONDS
    for used, size, file in sorted(found):
        if total <= max_bytes * _KEPT_FRACTION:
            break
        if file.endswith(TEMPORARY) and used > writing_since:
            continue
        with contextlib.suppress(OSError):
            os.unlink(file)  # noqa: PTH108 - as above
            total -= size
    return total
