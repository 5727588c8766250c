"""The program of a sweep's further processes: reads a desk and says so, then numbers of settings, each answered when done."""

from __future__ import annotations

import json
import os
import pickle
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING, Any

from optarb.backtesting.claim import prepare
from optarb.backtesting.sweep_book import run_setting
from optarb.errors import Cancelled

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.desk.intake import SourceFacts
    from optarb.specs import SweepSpec

    _Work = tuple[Desk, SweepSpec, SourceFacts, Mapping[str, Any]]


def main() -> None:
    """Works until its standard input ends."""
    # Ctrl-C reaches every process of a terminal; the one that hands out the work decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What components print must not come between the answers.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as answers:
        os.dup2(2, 1)
        source = sys.stdin.buffer
        work: _Work = pickle.loads(source.read(int(source.readline())))  # noqa: S301 - from the process that started this one
        with work[0]:
            _serve(source, answers, work)


def _serve(source: IO[bytes], answers: IO[str], work: _Work) -> None:
    desk, sweep, facts, inputs = work
    numbers: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    stopped = threading.Event()

    def read() -> None:
        for line in source:
            numbers.put(int(line))
        stopped.set()
        numbers.put(None)

    def watch(_phase: str, _done: int, _total: int) -> None:
        if stopped.is_set():
            raise Cancelled("the sweep was stopped; resume it with the same sweep_id")

    threading.Thread(target=read, daemon=True).start()
    same = prepare(desk, sweep.setting(0), facts=facts).inputs == inputs
    answers.write(json.dumps({"same": same}) + "\n")
    while (number := numbers.get()) is not None:
        answer: dict[str, str] = {}
        try:
            run_setting(desk, sweep, number, facts, watch)
        except Exception as error:  # noqa: BLE001 - raised again by the process that waits
            answer = {"type": type(error).__name__, "message": str(error)}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
