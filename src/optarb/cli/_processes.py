"""Processes that are recognised again, although the system gives the pids of ended ones to others."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from optarb.stores._ownership import process_start, this_host

__all__ = ["ProcessMark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMark:
    """Names one process for good: its pid, where that pid means it, and when it started."""

    pid: int
    """The pid."""
    host: str
    """Host, boot and process namespace."""
    started: str
    """When it started, in the system's own words."""

    @classmethod
    def of(cls, pid: int) -> ProcessMark:
        """Marks a process that lives now.

        Args:
            pid: Its pid.
        """
        return cls(pid=pid, host=this_host(), started=_started(pid) or "")

    @property
    def is_alive(self) -> bool:
        """Whether that very process lives; False for another one that has its pid by now."""
        return self.host == this_host() and bool(self.started) and _started(self.pid) == self.started

    def signal(self, number: int) -> bool:
        """Sends a signal to that very process.

        Args:
            number: The signal.

        Returns:
            Whether it lived.
        """
        if not self.is_alive:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def _started(pid: int) -> str | None:
    """Tells when a process started; None if there is none."""
    started = process_start(pid)
    if started != "":
        return started
    # No /proc, as on macOS.
    told = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or None
