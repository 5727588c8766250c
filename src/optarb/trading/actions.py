"""What the planner may say: one thing to do next for one position."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from optarb.domain.orders import OrderIntent

__all__ = ["Action", "Cancel", "Drop", "Finish", "Place", "Resend", "Send", "Shrink", "Turn", "Wait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing now."""

    until: datetime | None
    """When to look again at the latest; None if only the market or people can change something."""
    reason: str
    """Stable short name: ``open``, ``working``, ``unknown``, ``retry``, ``market_closed``, ``no_bid``, ``no_quote``,
    ``not_at_broker``, ``short_in_doubt``, ``after_rejection``, ``preflight``, ``too_many_orders``, ``flat`` or ``frozen``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A new order is decided: store it. Nothing is sent yet."""

    intent: OrderIntent
    """The order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send an order that is stored."""

    order_id: str
    """The order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """Let an unknown order that was not found go again under its id."""

    order_id: str
    """The order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Ask the broker to cancel an order."""

    order_id: str
    """The order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Forget an order that was never sent."""

    order_id: str
    """The order."""
    reason: str
    """Why it is not wanted any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The position shall be flat."""

    reason: str
    """``unwind`` or ``flatten``."""
    detail: str
    """What led to it, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrink:
    """What was filled becomes the whole position."""

    units: int
    """Units held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Nothing is held and nothing can come any more."""

    reason: str
    """``flat``, ``unfilled`` or ``rejected``."""


Action = Wait | Place | Send | Resend | Cancel | Drop | Turn | Shrink | Finish
"""One thing to do next."""
