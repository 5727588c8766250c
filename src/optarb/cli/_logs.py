"""Reads logs that grow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

__all__ = ["LogReader"]

_CHUNK = 64 * 1024


class LogReader:
    """Reads the end of a log, and afterwards what is added to it, also across the moment when a new file takes its place."""

    def __init__(self, file: Path) -> None:
        """Reads nothing yet.

        Args:
            file: The log; it may not exist yet.
        """
        self._file = file
        self._position = 0
        self._inode: int | None = None
        self._rest = b""

    def last(self, count: int) -> Sequence[str]:
        """Returns the last lines.

        Args:
            count: How many, at least 0.
        """
        try:
            with self._file.open("rb") as opened:
                self._inode = os.fstat(opened.fileno()).st_ino
                self._position = opened.seek(0, os.SEEK_END)
                start, tail = self._position, b""
                while start > 0 and tail.count(b"\n") <= count:
                    start = max(0, start - _CHUNK)
                    opened.seek(start)
                    tail = opened.read(self._position - start)
        except FileNotFoundError:
            return ()
        whole, self._rest = _split(tail)
        return whole[len(whole) - min(count, len(whole)) :]

    def added(self) -> Sequence[str]:
        """Returns the whole lines that came since."""
        try:
            with self._file.open("rb") as opened:
                status = os.fstat(opened.fileno())
                if status.st_ino != self._inode or status.st_size < self._position:
                    self._inode, self._position, self._rest = status.st_ino, 0, b""
                opened.seek(self._position)
                data = opened.read()
        except FileNotFoundError:
            return ()
        self._position += len(data)
        whole, self._rest = _split(self._rest + data)
        return whole


def _split(data: bytes) -> tuple[list[str], bytes]:
    """Cuts text into whole lines and the beginning of one that is not whole yet."""
    *whole, rest = data.split(b"\n")
    return [line.decode("utf-8", errors="replace") for line in whole], rest
