"""Who runs a book, and whether that owner can still be alive.

An owner is text. Two forms say more than their lease does:

* ``pid:<host>:<pid>:<start>:<run>``: a process. Once it is gone from this very host, its book is free at once, so that
  a killed notebook need not wait for a lease. ``<host>`` names the boot and the process namespace too: the same pid in
  another container, or after a restart of the machine, is somebody else.
* ``temporal:<workflow id>:<first run id>``: a workflow. Temporal runs one execution of an id at a time, so a newer run
  of the same id proves that the older one ended.

For every other owner, and wherever nothing can be proved, the lease decides.
"""

from __future__ import annotations

import os
import secrets
import socket
import uuid
from collections.abc import Callable
from pathlib import Path

__all__ = ["is_outlived", "is_running", "process_owner", "process_start", "this_host"]

_PROC = Path("/proc")
_GONE_STATES = ("Z", "X")  # a zombie has exited; only its parent has not looked yet


def process_owner() -> str:
    """Names one run of this process: different at each call, so keep it for as long as the run lasts."""
    pid = os.getpid()
    return f"pid:{this_host()}:{pid}:{process_start(pid) or ''}:{secrets.token_hex(4)}"


def is_running(
    owner: str,
    *,
    claimant: str,
    leased: bool,
    host: str | None = None,
    start_of: Callable[[int], str | None] | None = None,
) -> bool:
    """Tells whether the recorded owner of a book has to be taken for alive.

    Args:
        owner: The recorded owner.
        claimant: Who wants the book; another owner.
        leased: Whether the recorded lease is not over yet.
        host: Where this process runs; None looks it up.
        start_of: Tells when a process of this host started, as :func:`process_start`, which stands in for None.
    """
    if not leased or _is_older_run(owner, claimant):
        return False
    return not _has_exited(owner, this_host() if host is None else host, start_of or process_start)


def is_outlived(claimant: str, owner: str) -> bool:
    """Tells whether a claim comes too late: a newer run of the claimant's workflow is or was the book's owner.

    A worker may be held up for hours before it claims, while its run ended and another took its place. Told only where the
    run ids tell their age.

    Args:
        claimant: Who wants the book.
        owner: The recorded owner, alive or not.
    """
    if not _are_runs_of_one_workflow(owner, claimant):
        return False
    began, owner_began = (_began(one.rpartition(":")[2]) for one in (claimant, owner))
    return began is not None and owner_began is not None and began < owner_began


def _is_older_run(owner: str, claimant: str) -> bool:
    return _are_runs_of_one_workflow(owner, claimant) and not is_outlived(claimant, owner)


def _are_runs_of_one_workflow(owner: str, claimant: str) -> bool:
    if not (owner.startswith("temporal:") and claimant.startswith("temporal:")) or owner == claimant:
        return False
    return owner.rpartition(":")[0] == claimant.rpartition(":")[0]


def _began(run: str) -> int | None:
    """Milliseconds at which a run id was made; None unless it is a UUID of version 7, which holds them."""
    try:
        parsed = uuid.UUID(run)
    except ValueError:
        return None
    return parsed.int >> 80 if parsed.version == 7 else None


def _has_exited(owner: str, host: str, start_of: Callable[[int], str | None]) -> bool:
    kind, _, rest = owner.partition(":")
    words = rest.split(":")
    if kind != "pid" or len(words) < 3 or words[0] != host or not words[1].isdecimal():
        return False
    start = start_of(int(words[1]))
    if start is None:
        return True
    return bool(start and words[2]) and start != words[2]


def this_host() -> str:
    """Names the place within which a pid means one process: host, boot and process namespace."""
    name = socket.gethostname().replace(":", "-")
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = (_PROC / "self/ns/pid").stat().st_ino
    except OSError:  # no Linux: the host alone must do
        return name
    return f"{name}/{boot}/{namespace}"


def process_start(pid: int) -> str | None:
    """Tells when a process of this host started.

    Returns:
        Clock ticks since boot; ``""`` where the system does not tell; None if there is no such process.
    """
    if not (_PROC / "self/stat").exists():
        return "" if _answers(pid) else None
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return ""
    # The second field is the command in parentheses and may itself hold blanks and parentheses.
    fields = text[text.rindex(")") + 1 :].split()
    return None if fields[0] in _GONE_STATES else fields[19]


def _answers(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
