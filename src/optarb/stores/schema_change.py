"""What an upgrade of a store did."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SchemaChange"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """Versions of a store's tables before and after an upgrade."""

    before: int
    """Version of the tables before."""
    after: int
    """Version of the tables now; equal if there was nothing to do."""
