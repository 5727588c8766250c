"""One position of a live day: what it shall become, and the orders that bring it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.orders import Purpose
from optarb.ledger.book import PositionPlan
from optarb.trading.order_state import LiveOrder, OrderState

__all__ = ["Goal", "Holdings", "LivePosition", "Stage", "hedged_units", "is_even", "naked_units"]

Holdings = Mapping[OptionContract, int]
"""Contracts held, signed; a contract that is not there is not held."""

_INSTANTS = ("deadline", "exposed_since", "stood_still_since")
_PLAIN = ("units", "close_reason", "may_market", "cleared", "built", "done", "frozen", "needs_human", "verdict_given")


class Goal(StrEnum):
    """What a position shall become. It turns from ``OPEN`` to ``FLAT`` and never back."""

    OPEN = "open"
    FLAT = "flat"


class Stage(StrEnum):
    """Where a position stands, for people."""

    PLANNED = "planned"
    OPENING = "opening"
    LEGGING = "legging"
    OPEN = "open"
    CLOSING = "closing"
    UNWINDING = "unwinding"
    FLAT = "flat"
    NEEDS_HUMAN = "needs_human"


@dataclass(slots=True, kw_only=True)
class LivePosition:
    """A position's goal and orders. What it holds stands in the book."""

    position_id: str
    """Unique within the book."""
    plan: PositionPlan
    """What its fills become in the book; its legs are one unit of the structure."""
    units: int
    """Units to open; the filled ones where an entry ended in part."""
    by_leg: bool
    """Whether each leg has orders of its own: longs first in, shorts first out."""
    deadline: datetime
    """Until when it may be opened."""
    numbers: dict[str, str] = field(default_factory=dict[str, str])
    """The figures of its verdict."""
    goal: Goal = Goal.OPEN
    """What it shall become."""
    close_reason: str = ""
    """Why it shall be flat."""
    may_market: bool = False
    """Whether closing it may end at whatever the band allows."""
    cleared: bool = False
    """Whether buying power and the broker's own check let its entry go; before that nothing of it is sent."""
    built: bool = False
    """Whether it was once whole."""
    exposed_since: datetime | None = None
    """Since when its legs do not match; None while they do."""
    stood_still_since: datetime | None = None
    """Since when its market is closed; None while it is open."""
    done: bool = False
    """Whether it is flat and nothing more is expected. A late fill takes it back."""
    frozen: bool = False
    """Whether nothing is sent for it any more until a person has looked."""
    needs_human: str = ""
    """Why a person must look; empty if none needs to."""
    verdict_given: bool = False
    """Whether what became of its entry stands in the ledger."""
    attempts: dict[str, int] = field(default_factory=dict[str, int])
    """Newest attempt by purpose and leg, orders of earlier sessions included."""
    orders: list[LiveOrder] = field(default_factory=list[LiveOrder])
    """Orders of this session and those still live, oldest first."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        """One unit of the structure."""
        return self.plan.legs

    @property
    def is_doubted(self) -> bool:
        """Whether an order of it was never found."""
        return any(order.ended == "absent" for order in self.orders)

    def live(self, purpose: Purpose) -> list[LiveOrder]:
        """Returns the orders of a purpose that may still come to something, oldest first."""
        return [order for order in self.orders if order.is_live and order.intent.purpose is purpose]

    def order(self, order_id: str) -> LiveOrder:
        """Returns an order by its id."""
        return next(order for order in self.orders if order.order_id == order_id)

    def next_attempt(self, purpose: Purpose, leg: int | None) -> int:
        """Returns the number of the next attempt."""
        return self.attempts.get(_attempt_key(purpose, leg), 0) + 1

    def add(self, order: LiveOrder) -> None:
        """Takes an order in."""
        self.attempts[_attempt_key(order.intent.purpose, order.intent.leg)] = order.intent.attempt
        self.orders.append(order)

    def turn_flat(self, reason: str, *, may_market: bool) -> None:
        """Turns the goal to flat. The first reason stays; leave to trade at market is only ever added."""
        if self.goal is Goal.OPEN:
            self.goal, self.close_reason = Goal.FLAT, reason
        self.done = False
        self.may_market = self.may_market or may_market

    def is_full(self, held: Holdings) -> bool:
        """Whether every leg is held as wanted."""
        return all(held.get(leg.contract, 0) == leg.ratio * self.units for leg in self.legs)

    def stage(self, held: Holdings) -> Stage:
        """Says where it stands."""
        if self.needs_human:
            return Stage.NEEDS_HUMAN
        if self.done:
            return Stage.FLAT
        if self.goal is Goal.FLAT:
            return Stage.UNWINDING if self.close_reason == "unwind" else Stage.CLOSING
        if self.is_full(held):
            return Stage.OPEN
        if any(held.values()):
            return Stage.LEGGING if self.by_leg else Stage.OPENING
        sent = any(order.state is not OrderState.INTENT for order in self.orders)
        return Stage.OPENING if sent else Stage.PLANNED

    def dump(self) -> dict[str, Any]:
        """Writes it as JSON values."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        for name in _INSTANTS:
            instant: datetime | None = getattr(self, name)
            fields[name] = None if instant is None else instant.isoformat()
        plan = self.plan
        return {
            **fields,
            "position_id": self.position_id,
            "plan": {
                "expert": plan.expert,
                "underlying": plan.underlying,
                "structure": plan.structure,
                "unit_margin_usd": str(plan.unit_margin_usd),
                "unit_capital_usd": str(plan.unit_capital_usd),
                "unit_requirement_usd": None if plan.unit_requirement_usd is None else str(plan.unit_requirement_usd),
                "legs": [[leg.contract.symbol, leg.ratio] for leg in plan.legs],
            },
            "by_leg": self.by_leg,
            "numbers": dict(self.numbers),
            "goal": str(self.goal),
            "attempts": dict(self.attempts),
            "orders": [order.dump() for order in self.orders],
        }

    @classmethod
    def load(cls, fields: Mapping[str, Any]) -> LivePosition:
        """Reads it back from :meth:`dump`."""
        plan = dict(fields["plan"])
        legs = tuple(Leg(contract=OptionContract.parse(symbol), ratio=ratio) for symbol, ratio in plan.pop("legs"))
        money: dict[str, Any] = {name: Decimal(plan.pop(name)) for name in ("unit_margin_usd", "unit_capital_usd")}
        required = plan.pop("unit_requirement_usd", None)
        money["unit_requirement_usd"] = None if required is None else Decimal(required)
        instants = {name: None if fields[name] is None else datetime.fromisoformat(fields[name]) for name in _INSTANTS}
        rest: dict[str, Any] = {name: fields[name] for name in _PLAIN} | instants
        return cls(
            position_id=fields["position_id"],
            plan=PositionPlan(**plan, **money, legs=legs),
            by_leg=fields["by_leg"],
            numbers=dict(fields["numbers"]),
            goal=Goal(fields["goal"]),
            attempts=dict(fields["attempts"]),
            orders=[LiveOrder.load(order) for order in fields["orders"]],
            **rest,
        )


def is_even(legs: tuple[Leg, ...], held: Holdings) -> bool:
    """Whether the legs held match: every one stands for the same number of whole units, which may be none."""
    return len({divmod(held.get(leg.contract, 0), leg.ratio) for leg in legs} | {(hedged_units(legs, held), 0)}) == 1


def hedged_units(legs: tuple[Leg, ...], held: Holdings) -> int:
    """Counts the units that are held whole."""
    return max(min(held.get(leg.contract, 0) // leg.ratio for leg in legs), 0)


def naked_units(legs: tuple[Leg, ...], held: Holdings) -> int:
    """Counts the short units, begun ones as whole, without the long units that the structure pairs them with.

    A structure that has no long leg pairs its shorts with nothing: it is never naked in this sense.
    """
    longs = [max(held.get(leg.contract, 0), 0) // leg.ratio for leg in legs if leg.ratio > 0]
    shorts = [-(max(-held.get(leg.contract, 0), 0) // leg.ratio) for leg in legs if leg.ratio < 0]
    if not longs or not shorts:
        return 0
    return max(max(shorts) - min(longs), 0)


def _attempt_key(purpose: Purpose, leg: int | None) -> str:
    return str(purpose) if leg is None else f"{purpose}/{leg}"
