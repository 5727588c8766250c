"""Exits that nobody asks for: the calendar does. What would be exercised or assigned tonight is closed before."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract, Right, Settlement
from optarb.trading.live_position import Goal

if TYPE_CHECKING:
    from optarb.trading.context import DayContext
    from optarb.trading.execution import Execution

__all__ = ["close_before_expiry"]


def close_before_expiry(context: DayContext, execution: Execution) -> None:
    """Closes, from the cut-off to the close, positions with contracts that deliver shares today and may be exercised."""
    live, now = execution.live, execution.now
    if not context.expiry_cutoff <= now < context.closes_at:
        return
    for position_id, position in live.state.positions.items():
        for contract in live.state.held(position_id):
            if position.goal is Goal.OPEN and _may_be_exercised(context, execution, contract):
                position.turn_flat("expiry", may_market=context.spec.rules.allow_market)
                live.note(now, "exit_decided", position_id, reason="expiry", contract=contract.symbol)


def _may_be_exercised(context: DayContext, execution: Execution, contract: OptionContract) -> bool:
    """Whether it is in the money, or near it; one whose underlying has no price counts as such."""
    if contract.settlement is not Settlement.PHYSICAL or contract.expiry > context.session:
        return False
    spot = context.spot(contract.underlying, execution.now)
    if spot is None:
        return True
    band = contract.strike * Decimal(str(context.spec.expiry_margin))
    reach = spot - contract.strike if contract.right is Right.CALL else contract.strike - spot
    return reach >= -band
