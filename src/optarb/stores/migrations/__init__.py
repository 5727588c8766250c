"""Steps from one version of the tables to the next.

A step is told in words of its own time: it never reads :mod:`optarb.stores._schema`, which goes on changing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from alembic.operations import Operations

from optarb.stores.migrations import to_version_2, to_version_3, to_version_4

__all__ = ["STEPS"]

STEPS: Final[Mapping[int, Callable[[Operations], None]]] = MappingProxyType(
    {2: to_version_2.upgrade, 3: to_version_3.upgrade, 4: to_version_4.upgrade}
)
"""What leads to a version from the one before. A step runs within a transaction and neither begins nor ends one."""
