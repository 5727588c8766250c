"""Timing, and the table that the benchmarks print."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def timed(call: Callable[[], object], runs: int = 7) -> float:
    """Returns the median of several runs, in seconds, after one that does not count."""
    call()
    spent = []
    for _ in range(runs):
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def line(measure: str, value: str, goal: str = "none set", beside: str = "") -> None:
    """Prints one row: what was measured, what was seen, what should be reached, and what it is to be seen beside."""
    print(f"{measure:<56} {value:>24}   goal {goal:<20} {beside}".rstrip(), flush=True)


def fresh_process(module: str, *arguments: object) -> str:
    """Runs a module of the benchmarks in a new process and returns what it printed."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout.strip()


def peak_mb(process: int | str = "self") -> float:
    """Peak memory of a process in MB; getrusage would count what the parent held when it forked."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
