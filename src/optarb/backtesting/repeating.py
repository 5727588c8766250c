"""Something done again and again beside work that takes long."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

__all__ = ["repeating"]


@contextmanager
def repeating(seconds: float, call: Callable[[], object]) -> Generator[None]:
    """Calls a function every so many seconds, in a thread of its own, for as long as the block lasts.

    Args:
        seconds: Wait before the first call and between calls; > 0.
        call: What to call, in the caller's context; it must not raise.
    """
    over = threading.Event()

    def run() -> None:
        while not over.wait(seconds):
            call()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name="optarb-repeating", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
