"""Names of parametrised values that are the same in every process."""

from __future__ import annotations


def name_of(value: object) -> str | None:
    """Names a function or class by its name, and what shows an address by its class; the rest as pytest does."""
    named = getattr(value, "__qualname__", None)
    if named is None and " at 0x" in repr(value):
        named = type(value).__name__
    return named
