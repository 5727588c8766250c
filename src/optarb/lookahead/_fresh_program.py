"""The program of fresh processes: loads a component and a market, then splits off a process for each task.

It asks the component nothing itself, so that each of its processes begins as an interpreter does that has just started.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from optarb.lookahead._tasks import Keep, Load, Task, perform

__all__ = ["main"]


def main() -> None:
    """Works until its standard input ends."""
    # Ctrl-C reaches every process of a terminal; the one that asks decides what becomes of it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries start threads when they are loaded, which do nothing before the first task and are started anew in a child.
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
    # What components print must not come between the answers.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        with os.fdopen(os.dup(0), "rb") as source, Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
            _serve(source, answers)


def _serve(source: IO[bytes], answers: IO[bytes]) -> None:
    subject: Any = None
    material: Any = None
    kept: Any = None
    loaded = False
    while content := _received(source):
        message = pickle.loads(content)  # noqa: S301 - from the process that started this one
        if isinstance(message, Load):
            subject, material, kept, loaded = message.subject, message.material, None, False
        elif isinstance(message, Keep):
            kept = message.kept
        else:
            reply = _in_a_child(subject, material, message, kept)
            if reply and not loaded:
                _import_too(getattr(pickle.loads(reply), "imported", ()))  # noqa: S301
                loaded = True
            answers.write(len(reply).to_bytes(8, "big") + reply)
            answers.flush()


def _import_too(names: Sequence[str]) -> None:
    """Imports what the first child did, so that not every later one has to: an import asks the component nothing."""
    for name in names:
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)


def _received(source: IO[bytes]) -> bytes:
    return source.read(int.from_bytes(source.read(8), "big"))


def _in_a_child(subject: Any, material: Any, task: Task, kept: Any) -> bytes:
    """Runs a task in a process of its own; returns nothing if that died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:  # whatever happens, a child must not go on as its parent does
            os.close(reading)
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(_done(subject, material, task, kept))
            sys.stdout.flush()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return content


def _done(subject: Any, material: Any, task: Task, kept: Any) -> bytes:
    before = set(sys.modules)
    try:
        outcome = perform(subject, material, task, kept)
        outcome.imported = [name for name in sys.modules if name not in before]
        return pickle.dumps(outcome)
    except Exception as error:  # noqa: BLE001 - raised again by the process that waits
        return pickle.dumps((type(error).__name__, str(error)))


if __name__ == "__main__":
    main()
