"""The points of a live day at which faults strike: its activities, what it writes, and what it says to the broker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

STEPS = ("begin", "open", "guard", "enter", "report", "deliver")
"""Activities of a day that nobody disturbs; notices are delivered where there are any."""
WRITES = ("lease", "book", "decision", "flags")
"""What is written: the lease, the book with its orders, what was decided, what is wanted of the book."""
CALLS = ("order", "cancel")
"""What is said to the broker."""
PLACES = (
    *((step, point) for step in STEPS for point in ("task", "start", "answer")),
    *((write, point) for write in WRITES for point in ("commit", "committed")),
    *((call, point) for call in CALLS for point in ("send", "sent")),
)
"""Phases and points. ``("order", "sent")`` is between the broker's taking an order and its answer, and the save of an answer
is a ``("book", "commit")``."""


@dataclass(frozen=True, kw_only=True)
class WatchedTrading:
    """A store of live books, and what happens around its writes."""

    inner: Any
    pass_by: Callable[[str, str], None]

    def acquire(self, *what, **named):
        return self._writing("lease", lambda: self.inner.acquire(*what, **named))

    def release(self, *what):
        return self._writing("lease", lambda: self.inner.release(*what))

    def save(self, *what, **named):
        return self._writing("book", lambda: self.inner.save(*what, **named))

    def once(self, *what):
        return self._writing("decision", lambda: self.inner.once(*what))

    def set_controls(self, *what):
        return self._writing("flags", lambda: self.inner.set_controls(*what))

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def _writing(self, phase, write):
        self.pass_by(phase, "commit")
        written = write()
        self.pass_by(phase, "committed")
        return written


@dataclass(frozen=True, kw_only=True)
class WatchedBroker:
    """A broker, and what happens around what is said to it."""

    inner: Any
    pass_by: Callable[[str, str], None]

    @property
    def capabilities(self):
        return self.inner.capabilities

    def preflight(self, orders):
        return self.inner.preflight(orders)

    def submit(self, order):
        return self._saying("order", lambda: self.inner.submit(order))

    def cancel(self, order_id):
        return self._saying("cancel", lambda: self.inner.cancel(order_id))

    def advance(self, view):
        self.inner.advance(view)

    def find(self, order_id):
        return self.inner.find(order_id)

    def positions(self):
        return self.inner.positions()

    def account(self):
        return self.inner.account()

    def shares(self):
        return self.inner.shares()

    def now(self):
        return self.inner.now()

    def _saying(self, phase, say):
        self.pass_by(phase, "send")
        answer = say()
        self.pass_by(phase, "sent")
        return answer
