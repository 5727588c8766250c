"""Whether quotes may decide and the market is open, and what stands still while it is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.errors import BrokerUnavailable
from optarb.protocols.trading import SupportsMarketClock
from optarb.trading.order_state import OrderState

if TYPE_CHECKING:
    from optarb.domain.quotes import Quote
    from optarb.protocols import BrokerAdapter
    from optarb.trading.execution import Execution
    from optarb.trading.live_position import LivePosition
    from optarb.trading.rules import LiveRules

__all__ = ["check_clock", "decide_together", "is_open", "stood_still"]

_CLOCK_WARN, _CLOCK_STOP = timedelta(seconds=2), timedelta(seconds=5)


def decide_together(quotes: Sequence[Quote | None], now: datetime, rules: LiveRules) -> bool:
    """Whether the quotes of one position's legs may decide something together.

    Args:
        quotes: One a leg; None for a leg without one.
        now: The instant.
        rules: How old they may be, and how far apart.
    """
    taken: list[datetime] = []
    for quote in quotes:
        if quote is None or quote.taken_at is None or not Decimal(0) <= quote.bid <= quote.ask or not quote.ask:
            return False
        taken.append(quote.taken_at)
    oldest = min(taken, default=now)
    skew = max(taken, default=now) - oldest
    return now - oldest <= timedelta(seconds=rules.quote_age_seconds) and skew <= timedelta(seconds=rules.quote_skew_seconds)


def stood_still(position: LivePosition, by: timedelta) -> None:
    """Moves what is measured in market time on by a time in which there was none."""
    if position.exposed_since is not None:
        position.exposed_since += by
        position.deadline += by
    for order in position.orders:
        if order.state is OrderState.WORKING and order.sent_at is not None:
            order.sent_at += by


def is_open(broker: BrokerAdapter) -> bool:
    """Whether the broker's market is open; one that does not say, or cannot be asked, counts as open."""
    if not isinstance(broker, SupportsMarketClock):
        return True
    try:
        return broker.is_open()
    except BrokerUnavailable:
        return True


def check_clock(execution: Execution) -> None:
    """Warns of a broker's clock that differs by more than 2 s, and stops entries from 5 s on."""
    live, now = execution.live, execution.now
    try:
        skew = abs(execution.broker.now() - now)
    except BrokerUnavailable:
        return
    text = f"the broker's clock differs by {skew.total_seconds():.1f} s"
    if skew > _CLOCK_WARN:
        live.tell(now, "warning", "clock", "", title="Clocks differ", text=text)
    if skew > _CLOCK_STOP:
        live.state.day.stops["clock"] = text
    else:
        live.state.day.stops.pop("clock", None)
