"""What stands on every fill besides its figures: where quotes come from, and whether money is real."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optarb.protocols import BrokerAdapter
    from optarb.protocols.trading import QuoteFeed
    from optarb.trading.context import DayContext
    from optarb.trading.execution import Execution

__all__ = ["feed_name", "is_real_money", "refuse_indicative"]


def feed_name(feed: QuoteFeed) -> str:
    """Returns what a feed calls itself by its attribute ``name``, or else its class."""
    return str(getattr(feed, "name", "") or type(feed).__name__)


def is_real_money(broker: BrokerAdapter) -> bool:
    """Whether a broker says by its attribute ``live`` that it trades real money; one without it does not."""
    return bool(getattr(broker, "live", False))


def refuse_indicative(context: DayContext, execution: Execution) -> None:
    """Stops the session's entries where indicative quotes (a feed whose ``indicative`` is true) would spend real money."""
    stops = execution.live.state.day.stops
    if not (is_real_money(context.broker) and getattr(context.feed, "indicative", False)):
        stops.pop("indicative", None)
        return
    stops["indicative"] = f"the quotes of {feed_name(context.feed)} are indicative, and the broker trades real money"
    title = "Indicative quotes open nothing on a live account"
    text = f"{stops['indicative']}: what is open is guarded, nothing new is begun"
    execution.live.tell(execution.now, "alarm", "indicative", "", title=title, text=text)
