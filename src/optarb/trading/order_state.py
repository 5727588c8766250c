"""One order of a live day, from the intent that is stored before anything is sent to its end at the broker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from optarb.domain.orders import OrderIntent, OrderReport, OrderStatus, Purpose

__all__ = ["LiveOrder", "OrderState"]

_INSTANTS = ("created_at", "sent_at", "unknown_since", "looked_at", "next_look_at", "retry_at", "cancel_at", "ended_at")
_LONGEST_WAIT = timedelta(minutes=5)


class OrderState(StrEnum):
    """Where an order stands, as far as the book knows."""

    INTENT = "intent"
    """Stored, not sent."""
    SENDING = "sending"
    """About to be sent, or sent by somebody who did not live to tell."""
    UNKNOWN = "unknown"
    """Nobody knows whether it landed."""
    WORKING = "working"
    """At the broker, not terminal."""
    FILLED = "filled"
    """Terminal and whole."""
    DEAD = "dead"
    """Terminal and not whole, or never sent."""

    @property
    def is_live(self) -> bool:
        """Whether something may still come of the order."""
        return self not in {OrderState.FILLED, OrderState.DEAD}


@dataclass(slots=True, kw_only=True)
class LiveOrder:
    """An order and what is known of it. The intent never changes."""

    intent: OrderIntent
    """What is to be traded."""
    created_at: datetime
    """When it was decided."""
    state: OrderState = OrderState.INTENT
    """Where it stands."""
    sent_at: datetime | None = None
    """When it was last sent; None before."""
    sends: int = 0
    """How often it was sent, always with the same id."""
    unknown_since: datetime | None = None
    """Since when nobody knows whether it landed."""
    looks: int = 0
    """How often it was looked up since then without being found."""
    looked_at: datetime | None = None
    """When it was last looked up."""
    next_look_at: datetime | None = None
    """When to look it up next."""
    retry_at: datetime | None = None
    """Before when the broker wants no further try."""
    cancel_at: datetime | None = None
    """When its cancellation was last asked for."""
    ended_at: datetime | None = None
    """When it was seen to be over."""
    ended: str = ""
    """How it ended: ``filled``, ``cancelled``, ``expired``, ``rejected``, ``dropped`` (never sent), ``absent`` (not found until
    the broker's day was over, which a later look may correct)."""
    reason: str = ""
    """Why, in words."""
    landed: bool = False
    """Whether the broker's positions show its fills although it cannot be found."""
    filled: dict[str, int] = field(default_factory=dict[str, int])
    """Contracts filled so far, signed, by OCC symbol."""

    @property
    def order_id(self) -> str:
        """The intent's id."""
        return self.intent.order_id

    @property
    def is_live(self) -> bool:
        """Whether something may still come of it."""
        return self.state.is_live

    @property
    def opens(self) -> bool:
        """Whether it opens a position."""
        return self.intent.purpose is Purpose.OPEN

    def left(self) -> dict[str, int]:
        """Returns what it may still fill, signed, by OCC symbol."""
        return {leg.contract.symbol: leg.quantity - self.filled.get(leg.contract.symbol, 0) for leg in self.intent.legs}

    def doubt(self, now: datetime, reason: str) -> None:
        """Notes that nobody knows whether it landed. It is looked up at once."""
        self.state = OrderState.UNKNOWN
        self.reason = reason
        self.unknown_since = self.next_look_at = now
        self.looks, self.looked_at = 0, None

    def missed(self, now: datetime, patience: timedelta) -> None:
        """Notes a look-up that did not find it.

        The next follows after 1, 2, 4 ... seconds, up to 5 minutes, and one when the patience ends.
        """
        since = self.unknown_since or now
        self.looked_at = now
        wait = min(timedelta(seconds=2 ** min(self.looks, 10)), _LONGEST_WAIT)
        self.looks += 1
        over = since + patience
        self.next_look_at = now + wait if now >= over else min(now + wait, over)

    def told(self, report: OrderReport, now: datetime) -> None:
        """Takes over what the broker says of it; fills never go back."""
        for fill in report.legs:
            symbol = fill.contract.symbol
            if abs(fill.quantity) > abs(self.filled.get(symbol, 0)):
                self.filled[symbol] = fill.quantity
        self.unknown_since = self.next_look_at = self.retry_at = None
        self.landed = False
        if not report.status.is_terminal:
            self.state, self.ended, self.ended_at = OrderState.WORKING, "", None
        elif report.status is OrderStatus.FILLED:
            self.end(OrderState.FILLED, "filled", "", now)
        else:
            self.end(OrderState.DEAD, str(report.status), report.reason, now)

    def end(self, state: OrderState, ended: str, reason: str, now: datetime) -> None:
        """Notes that it is over."""
        self.state, self.ended, self.reason, self.ended_at = state, ended, reason, now

    def dump(self) -> dict[str, Any]:
        """Writes it as JSON values; what is empty is left out."""
        fields: dict[str, Any] = {"intent": self.intent.dump(), "state": str(self.state)}
        for name in _INSTANTS:
            instant: datetime | None = getattr(self, name)
            if instant is not None:
                fields[name] = instant.isoformat()
        for name in ("sends", "looks", "ended", "reason", "landed", "filled"):
            if getattr(self, name):
                fields[name] = getattr(self, name)
        return fields

    @classmethod
    def load(cls, fields: Mapping[str, Any]) -> LiveOrder:
        """Reads it back from :meth:`dump`."""
        instants: dict[str, Any] = {name: datetime.fromisoformat(fields[name]) for name in _INSTANTS if name in fields}
        rest = {name: fields[name] for name in fields if name not in {*_INSTANTS, "intent", "state"}}
        if "filled" in rest:
            rest["filled"] = dict(rest["filled"])
        return cls(intent=OrderIntent.load(fields["intent"]), state=OrderState(fields["state"]), **instants, **rest)
