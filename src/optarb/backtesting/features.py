"""Phase 2: every declared indicator over the whole history of a symbol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optarb.backtesting.commit import commit_unit
from optarb.backtesting.market_loader import load_market
from optarb.desk.intake import declared_indicators

if TYPE_CHECKING:
    from optarb.backtesting.context import RunContext, Tick

__all__ = ["PHASE", "compute_features"]

PHASE = "features"


def compute_features(context: RunContext, symbol: str, tick: Tick) -> bool:
    """Computes, or finds in the cache, the feature table of one symbol.

    Args:
        context: The run, after its ingest.
        symbol: One of the plan's symbols.
        tick: Called after each indicator.

    Returns:
        True if this call did the work, False if it was done before.

    Raises:
        ComponentError: An indicator raised or returned what it may not.
    """
    if (symbol, 0) in context.store.done(context.book_id, PHASE):
        return False
    table = load_market(context).features[symbol]
    columns = 0
    for number, indicator in enumerate(declared_indicators(context.desk, context.setup)):
        for column in indicator.columns:
            table.column(column)
            columns += 1
        tick(PHASE, number, 0)
    return commit_unit(context, PHASE, symbol, {"columns": columns})
