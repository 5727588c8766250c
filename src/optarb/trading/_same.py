"""Components as keys of a cache, by identity: many hold mappings and arrays, which have no hash."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Same"]

T = TypeVar("T")


class Same(Generic[T]):
    """Holds a component, and equals another holder of the very same one. What is held stays, so that none gets its identity."""

    __slots__ = ("held",)

    def __init__(self, held: T) -> None:
        """Holds.

        Args:
            held: The component.
        """
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.held is other.held

    def __hash__(self) -> int:
        return id(self.held)
