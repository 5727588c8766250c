"""What to do next for one position: a pure function of where it is, never of how it got there.

The loop around it is: look orders up, plan, store, act, store. To recover from anything is to call it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import gcd
from typing import TYPE_CHECKING

from optarb.domain.orders import OrderIntent, OrderLeg, Purpose
from optarb.trading.actions import Action, Cancel, Drop, Finish, Place, Resend, Send, Shrink, Turn, Wait
from optarb.trading.live_position import Goal, Holdings, LivePosition, hedged_units, is_even
from optarb.trading.order_state import LiveOrder, OrderState
from optarb.trading.prices import closing_limit

if TYPE_CHECKING:
    from decimal import Decimal

    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Quote
    from optarb.protocols.trading import Controls
    from optarb.trading.rules import LiveRules

__all__ = ["Scene", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the planner must know besides the position: the same for all positions of a book at one instant."""

    book_id: str
    """The book."""
    now: datetime
    """The instant, aware UTC."""
    quotes: Mapping[OptionContract, Quote]
    """The newest quote of each contract that has one, however old."""
    controls: Controls
    """What people asked for."""
    rules: LiveRules
    """How orders are worked."""
    market_open: bool = True
    """Whether the broker's market is open. While it is closed nothing is sent."""
    unique_ids: bool = True
    """Whether the broker refuses a second order of one id."""
    entries_stopped: str = ""
    """Why no new position may be begun; empty if one may."""
    hold_until: datetime | None = None
    """Until when no opening order may be sent, because many were lately; None for no such wait."""
    at_broker: Mapping[OptionContract, int] | None = None
    """What the whole account holds at the broker; None if it could not be asked."""

    @property
    def halted(self) -> bool:
        """Whether people want no new positions."""
        return self.controls.halted or self.controls.flatten


def plan(position: LivePosition, held: Holdings, scene: Scene) -> Action:
    """Says what to do next for a position.

    Args:
        position: The position; it is not changed.
        held: What it holds, by its own fills.
        scene: The rest.

    Returns:
        One action. After anything but :class:`Wait` the caller does it, stores it and asks again.
    """
    if position.frozen:
        return Wait(until=None, reason="frozen")
    if position.done and not any(held.values()):
        return Wait(until=None, reason="flat")
    working = _opening if position.goal is Goal.OPEN else _closing
    action = _turn(position, held, scene) or working(position, held, scene)
    if not scene.market_open and isinstance(action, Place | Send | Resend | Cancel):
        return Wait(until=None, reason="market_closed")
    return action


# -- the goal ----------------------------------------------------------------------------------------------------------------


def _turn(position: LivePosition, held: Holdings, scene: Scene) -> Turn | None:
    """Whether the position shall be flat from now on, or may be closed at market from now on."""
    if scene.controls.flatten and not position.may_market and not position.done:
        return Turn(reason="flatten", detail=scene.controls.reason or "flatten was asked for")
    if position.goal is Goal.FLAT or position.is_full(held) or is_even(position.legs, held):
        return None
    if scene.halted:
        return Turn(reason="unwind", detail="the book was halted while the position was half built")
    if _lost(position):
        return Turn(reason="unwind", detail="a leg can no longer be filled: " + "; ".join(_lost(position)))
    since = position.exposed_since
    if since is not None and scene.market_open and scene.now - since >= scene.rules.max_unhedged:
        return Turn(reason="unwind", detail=f"unhedged since {since.isoformat()}")
    return None


def _lost(position: LivePosition) -> list[str]:
    """The opening orders that are over without having filled whole."""
    return [
        f"{order.order_id} {order.ended} {order.reason}".rstrip()
        for order in position.orders
        if order.opens and order.state is OrderState.DEAD
    ]


# -- opening -----------------------------------------------------------------------------------------------------------------


def _opening(position: LivePosition, held: Holdings, scene: Scene) -> Action:
    begun = any(held.values())
    stopped = scene.halted or scene.now >= position.deadline or bool(scene.entries_stopped and not begun)
    wanted = not stopped and not _lost(position)
    live = position.live(Purpose.OPEN)
    if live:
        return _open_order(live[0], position, scene, wanted=wanted)
    if position.is_full(held):
        return Wait(until=None, reason="open")
    units = hedged_units(position.legs, held)
    if units:
        return Shrink(units=units)
    rejected = any(order.ended == "rejected" for order in position.orders)
    return Finish(reason="rejected" if rejected else "unfilled")


def _open_order(order: LiveOrder, position: LivePosition, scene: Scene, *, wanted: bool) -> Action:
    if order.state is OrderState.INTENT:
        return _stored_opening(order, position, scene) if wanted else Drop(order_id=order.order_id, reason="no longer wanted")
    if order.state is not OrderState.WORKING:
        return _unknown(order, scene, wanted=wanted)
    if not wanted:
        return _cancel(order, scene)
    ends = [position.deadline]
    if position.exposed_since is not None:
        ends.append(position.exposed_since + scene.rules.max_unhedged)
    return Wait(until=min(ends), reason="working")


def _stored_opening(order: LiveOrder, position: LivePosition, scene: Scene) -> Action:
    if not position.cleared:
        return Wait(until=position.deadline, reason="preflight")
    if scene.hold_until is not None and position.exposed_since is None:
        return Wait(until=scene.hold_until, reason="too_many_orders")
    return _send(order, scene)


# -- closing -----------------------------------------------------------------------------------------------------------------


def _closing(position: LivePosition, held: Holdings, scene: Scene) -> Action:
    opening = position.live(Purpose.OPEN)
    for order in opening:
        if order.state is OrderState.INTENT:
            return Drop(order_id=order.order_id, reason="the position shall be flat")
    for order in opening:
        if order.state is OrderState.WORKING:
            return _cancel(order, scene)
    closing = position.live(Purpose.CLOSE)
    if closing:
        return _close_order(closing[0], held, scene)
    if not any(held.values()):
        return Wait(until=opening[0].next_look_at, reason="unknown") if opening else Finish(reason="flat")
    return _next_close(position, held, scene)


def _close_order(order: LiveOrder, held: Holdings, scene: Scene) -> Action:
    fits = all(_fits(held.get(leg.contract, 0), order.left()[leg.contract.symbol]) for leg in order.intent.legs)
    if order.state is OrderState.INTENT:
        return _send(order, scene) if fits else Drop(order_id=order.order_id, reason="what it would close is not held")
    if order.state is not OrderState.WORKING:
        return _unknown(order, scene, wanted=fits)
    ends = (order.sent_at or scene.now) + scene.rules.rung
    if not fits or scene.now >= ends:
        return _cancel(order, scene)
    return Wait(until=ends, reason="working")


def _fits(held: int, left: int) -> bool:
    """Whether an order that may still trade ``left`` only closes what is held."""
    return not left or (held * left < 0 and abs(left) <= abs(held))


def _next_close(position: LivePosition, held: Holdings, scene: Scene) -> Action:
    leg, chosen = _what_to_close(position, held, scene)
    if not chosen:
        return Wait(until=None, reason="not_at_broker")
    orders = [OrderLeg(contract=contract, quantity=-held[contract]) for contract in chosen]
    blocked = _blocked(position, orders, held, scene)
    if blocked is not None:
        return blocked
    earlier = [order for order in position.orders if not order.opens and order.intent.leg == leg]
    if earlier and earlier[-1].ended == "rejected" and earlier[-1].ended_at is not None:
        again = earlier[-1].ended_at + scene.rules.rung
        if scene.now < again:
            return Wait(until=again, reason="after_rejection")
    units = gcd(*(one.quantity for one in orders))
    limit: Decimal | None = None
    if all(contract in scene.quotes for contract in chosen):
        rung = sum(order.ended in {"cancelled", "expired"} for order in earlier)
        limit = closing_limit(orders, units, scene.quotes, rung, scene.rules, may_market=position.may_market)
    elif not position.may_market:
        return Wait(until=None, reason="no_quote")
    return Place(
        intent=OrderIntent(
            book_id=scene.book_id,
            position_id=position.position_id,
            purpose=Purpose.CLOSE,
            attempt=position.next_attempt(Purpose.CLOSE, leg),
            legs=tuple(orders),
            limit=limit,
            units=units,
            reason=position.close_reason,
            leg=leg,
        )
    )


def _what_to_close(position: LivePosition, held: Holdings, scene: Scene) -> tuple[int | None, list[OptionContract]]:
    """All that is held in one order; or leg by leg, shorts first. What the broker does not hold is never traded."""
    contracts = [leg.contract for leg in position.legs if held.get(leg.contract, 0)]
    there = scene.at_broker
    missing = [] if there is None else [one for one in contracts if not _fits(there.get(one, 0), -held[one])]
    if not position.by_leg and not missing:
        return None, contracts
    first = min(contracts, key=lambda contract: (held[contract] > 0, contract in missing))
    if first in missing:
        return None, []
    number = next(number for number, leg in enumerate(position.legs) if leg.contract == first)
    return number, [first]


def _blocked(position: LivePosition, orders: list[OrderLeg], held: Holdings, scene: Scene) -> Wait | None:
    """Why what is held cannot be closed now."""
    if any(one.quantity < 0 for one in orders) and not any(quantity < 0 for quantity in held.values()):
        doubted = [order for order in position.live(Purpose.OPEN) if _may_have_landed_short(order, scene)]
        if doubted:
            return Wait(until=doubted[0].next_look_at, reason="short_in_doubt")
    quote = scene.quotes.get(orders[0].contract)
    if len(orders) == 1 and orders[0].quantity < 0 and quote is not None and not quote.bid:
        return Wait(until=None, reason="no_bid")
    return None


def _may_have_landed_short(order: LiveOrder, scene: Scene) -> bool:
    """Whether an opening order in doubt may have sold what the held longs are paired with.

    Once it was not found for the whole of ``unknown_seconds`` and the broker's positions do not show it, it blocks nothing.
    """
    if all(leg.quantity > 0 for leg in order.intent.legs):
        return False
    return order.landed or scene.at_broker is None or not _missing_for(order, scene.rules.unknown)


# -- any order ---------------------------------------------------------------------------------------------------------------


def _send(order: LiveOrder, scene: Scene) -> Action:
    if order.retry_at is not None and scene.now < order.retry_at:
        return Wait(until=order.retry_at, reason="retry")
    return Send(order_id=order.order_id)


def _unknown(order: LiveOrder, scene: Scene, *, wanted: bool) -> Action:
    if wanted and scene.unique_ids and not order.landed and _missing_for(order, scene.rules.unknown):
        return Resend(order_id=order.order_id)
    return Wait(until=order.next_look_at, reason="unknown")


def _missing_for(order: LiveOrder, patience: timedelta) -> bool:
    """Whether a look-up at the end of the patience still did not find it."""
    since, looked = order.unknown_since, order.looked_at
    return since is not None and looked is not None and looked - since >= patience


def _cancel(order: LiveOrder, scene: Scene) -> Action:
    """Asks for it again while it has no effect: after ``cancel_repeat_seconds``, later after a tenth of the order's age."""
    asked = order.cancel_at
    if asked is not None:
        again = asked + max(scene.rules.cancel_repeat, (asked - (order.sent_at or asked)) / 10)
        if scene.now < again:
            return Wait(until=again, reason="working")
    return Cancel(order_id=order.order_id)
