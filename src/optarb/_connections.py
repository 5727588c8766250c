"""What components opened in this process: at most one resource a key, whichever thread asks first.

A component is a frozen dataclass that holds its parameters and nothing else, so what it opens lives here, under its
type and its connection fields. A forked child never touches what its parent opened: it opens its own.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Hashable
from typing import Final, Protocol, TypeVar

__all__ = ["Closable", "close", "opened"]


class Closable(Protocol):
    """Something that can be closed."""

    def close(self) -> None:
        """Frees what is held."""
        ...


ResourceT = TypeVar("ResourceT", bound=Closable)


class _Slot:
    """The place of one resource, with a lock of its own so that a slow opening holds up no other key."""

    __slots__ = ("lock", "resource", "retired")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.resource: Closable | None = None
        self.retired = False


class _Registry:
    """Slots by process and key."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.slots: dict[tuple[int, Hashable], _Slot] = {}

    def slot(self, key: Hashable) -> _Slot:
        place = (os.getpid(), key)
        with self.lock:
            return self.slots.setdefault(place, _Slot())

    def retire(self, key: Hashable) -> None:
        with self.lock:
            slot = self.slots.pop((os.getpid(), key), None)
        if slot is None:
            return
        with slot.lock:
            slot.retired = True
            if slot.resource is not None:
                slot.resource.close()

    def retire_all(self) -> None:
        mine = os.getpid()
        for pid, key in list(self.slots):
            if pid == mine:
                self.retire(key)

    def after_fork(self) -> None:
        # Another thread of the parent may have held the lock at the moment of the fork. The parent's slots stay,
        # unused: were they dropped, the garbage collector would close the parent's connections from the child.
        self.lock = threading.Lock()


_REGISTRY: Final = _Registry()
atexit.register(_REGISTRY.retire_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_REGISTRY.after_fork)


def opened(key: Hashable, opener: Callable[[], ResourceT]) -> ResourceT:
    """Returns the resource of a key, opening it if this process has not yet.

    Args:
        key: Component type and connection fields; one key always goes with one type of resource.
        opener: Opens the resource. Called by one thread at a time for a key; if it raises, the next caller tries again.
    """
    while True:
        slot = _REGISTRY.slot(key)
        resource = slot.resource
        if resource is None:
            with slot.lock:
                if slot.retired:
                    continue
                resource = slot.resource
                if resource is None:
                    resource = slot.resource = opener()
        return resource  # type: ignore[return-value]  # one key, one type


def close(key: Hashable) -> None:
    """Closes the resource of a key in this process; nothing happens if none is open."""
    _REGISTRY.retire(key)
