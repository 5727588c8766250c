"""Checks of the fields of structures."""

from __future__ import annotations

import math
from collections.abc import Mapping

from optarb.domain.contracts import Right

__all__ = ["is_number", "require_one", "require_right", "require_whole"]


def is_number(value: object) -> bool:
    """Whether a field's value is a finite int or float, and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def require_one(given: Mapping[str, object]) -> None:
    """Refuses anything but exactly one value that is not None.

    Args:
        given: Values by name of the field.

    Raises:
        ValueError: None or several are given.
    """
    if sum(value is not None for value in given.values()) != 1:
        *names, last = given
        msg = f"give exactly one of {', '.join(names)} and {last}, got {dict(given)!r}"
        raise ValueError(msg)


def require_whole(name: str, value: object, unit: str) -> None:
    """Refuses anything but an int of 1 or more.

    Args:
        name: The field.
        value: Its value.
        unit: What is counted, in the plural.

    Raises:
        ValueError: It is not.
    """
    if type(value) is not int or value < 1:
        msg = f"{name} must be a whole number of {unit}, 1 or more, got {value!r}"
        raise ValueError(msg)


def require_right(right: object) -> None:
    """Refuses what is neither call nor put.

    Raises:
        ValueError: It is not.
    """
    if right not in tuple(Right):
        msg = f"right must be Right.CALL or Right.PUT, got {right!r}"
        raise ValueError(msg)
