"""The exits of a session: the position manager is asked, and what it says is closed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import gcd
from typing import TYPE_CHECKING, Any

from optarb.decisions import Exit, Review
from optarb.domain.contracts import OptionContract
from optarb.domain.orders import OrderIntent, OrderLeg, Purpose, Rejected
from optarb.engine.execution import work_orders
from optarb.errors import ComponentError

if TYPE_CHECKING:
    from optarb.engine.session_state import SessionState
    from optarb.ledger.open_position import OpenPosition

__all__ = ["exits", "review_exits"]


def exits(state: SessionState) -> None:
    """Asks the position manager and closes what it says."""
    if not state.book.positions:
        return
    for position in state.book.positions.values():
        position.kept_without_bid = position.kept_without_bid and not _has_bid(state, position)
    _close_positions(state, review_exits(state))


def review_exits(state: SessionState) -> dict[str, str]:
    """Asks the position manager what to close. Its notes are kept; nothing is placed.

    Returns:
        Reasons by position id.
    """
    account = state.book.account(state.view.at)
    manager: Any = state.engine.strategy.exits
    review = state.asked("exits", getattr(manager, "review", manager), account, state.view)
    reasons = _checked_review(state, review)
    for position_id, notes in review.notes.items():
        state.book.note(position_id, notes)
        state.recorder.add("notes", position_id, json.dumps(dict(notes), sort_keys=True))
    return reasons


def _checked_review(state: SessionState, review: object) -> dict[str, str]:
    """Returns the reasons by position; of two exits of one position the first counts."""
    where = f"exits, session {state.view.session}"
    if not isinstance(review, Review) or not all(isinstance(one, Exit) for one in review.exits):
        raise ComponentError(f"{where}: must return a Review that holds Exits, got {review!r}")
    named = [*(one.position_id for one in review.exits), *review.notes]
    unknown = [position_id for position_id in named if position_id not in state.book.positions]
    if unknown:
        raise ComponentError(f"{where}: named positions that are not open: {unknown}; open: {list(state.book.positions)}")
    for notes in review.notes.values():
        words: list[object] = [*notes.keys(), *notes.values()]
        if not all(isinstance(word, str) for word in words):
            raise ComponentError(f"{where}: notes must map text to text, got {dict(notes)!r}")
    return {one.position_id: one.reason for one in reversed(review.exits)}


def _close_positions(state: SessionState, reasons: Mapping[str, str]) -> None:
    """Sends an order for each position that can be closed now, in the book's order."""
    orders: dict[str, OrderIntent] = {}
    closing = [position for position in state.book.positions.values() if position.position_id in reasons]
    for position in closing:
        if state.book.is_closing(position.position_id):
            state.recorder.count("exits_in_doubt")
        elif _can_close(state, position):
            order = _closing_order(state, position, reasons[position.position_id])
            orders[position.position_id] = order
            state.book.place(order)
    rejected = work_orders(
        tuple(orders.values()),
        book=state.book,
        broker=state.broker,
        view=state.view,
        pump=state.pump,
        recorder=state.recorder,
    )
    for position in closing:
        sent = orders.get(position.position_id)
        if sent is not None:
            _record(state, position, sent, rejected.get(sent.order_id))


def _can_close(state: SessionState, position: OpenPosition) -> bool:
    """Whether every leg would fill; a lone long without a bid is kept instead of given away."""
    lots = position.held
    prices = [state.closing_price(OptionContract.parse(lot.contract), lot.quantity) for lot in lots]
    if None in prices:
        state.recorder.count("exits_without_quote")
        return False
    position.kept_without_bid = len(lots) == 1 and lots[0].quantity > 0 and not prices[0]
    if position.kept_without_bid:
        state.recorder.count("exits_without_bid")
    return not position.kept_without_bid


def _has_bid(state: SessionState, position: OpenPosition) -> bool:
    """Whether a lone long could be sold for something now."""
    lot = position.held[0]
    return bool(state.closing_price(OptionContract.parse(lot.contract), lot.quantity))


def _closing_order(state: SessionState, position: OpenPosition, reason: str) -> OrderIntent:
    lots = position.held
    return OrderIntent(
        book_id=state.book.book_id,
        position_id=position.position_id,
        purpose=Purpose.CLOSE,
        attempt=position.close_attempts + 1,
        legs=tuple(OrderLeg(contract=OptionContract.parse(lot.contract), quantity=-lot.quantity) for lot in lots),
        units=gcd(*(lot.quantity for lot in lots)),
        reason=reason,
    )


def _record(state: SessionState, position: OpenPosition, order: OrderIntent, refusal: Rejected | None) -> None:
    """Writes what became of an exit: what it brought, or why the position is still open."""
    if not position.held:
        gain = position.proceeds - position.premium
        state.recorder.add("exits", position.position_id, order.reason, position.proceeds, gain, position.held_sessions)
        return
    in_doubt = state.book.is_working(order.order_id)
    kind = "exit_rejected" if refusal is not None else "exit_in_doubt" if in_doubt else "exit_unfilled"
    detail = f"{order.reason}: {refusal.code}, {refusal.reason}" if refusal is not None else order.reason
    state.recorder.count(kind)
    for lot in position.held:
        state.recorder.add("events", position.position_id, kind, lot.contract, 0, 0, 0, detail)
