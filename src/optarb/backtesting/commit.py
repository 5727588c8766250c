"""Commits of work that is one unit, not a block of sessions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from optarb.protocols.stores import BlockKey

if TYPE_CHECKING:
    from optarb.backtesting.context import RunContext

__all__ = ["commit_unit"]


def commit_unit(context: RunContext, phase: str, unit: str, state: dict[str, Any]) -> bool:
    """Writes what one unit of a phase came to; False if it was there already."""
    return context.store.commit(
        context.book_id,
        context.epoch,
        BlockKey(phase=phase, unit=unit, first=0),
        last=0,
        parent="",
        state=json.dumps(state, sort_keys=True).encode(),
        rows={},
    )
