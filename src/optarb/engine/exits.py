"""The exits of a session: the position manager is asked, and what it says is closed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optarb.decisions import Review
from optarb.domain.contracts import OptionContract
from optarb.domain.orders import OrderIntent, OrderLeg, Purpose
from optarb.engine.execution import work_orders
from optarb.errors import ComponentError

if TYPE_CHECKING:
    from optarb.engine.session_state import SessionState
    from optarb.ledger.book import OpenPosition

__all__ = ["exits"]


def exits(state: SessionState) -> None:
    """Asks the position manager and closes what it says."""
    if not state.book.positions:
        return
    account = state.book.account(state.view.at)
    manager: Any = state.engine.strategy.exits
    review = state.asked("exits", getattr(manager, "review", manager), account, state.view)
    reasons = _checked_review(state, review)
    for position_id, notes in review.notes.items():
        state.book.note(position_id, notes)
        state.recorder.add("notes", position_id, json.dumps(dict(notes), sort_keys=True))
    _close_positions(state, reasons)


def _checked_review(state: SessionState, review: object) -> dict[str, str]:
    if not isinstance(review, Review):
        raise ComponentError(f"exits must return a Review, got {review!r}")
    named = [*(one.position_id for one in review.exits), *review.notes]
    unknown = [position_id for position_id in named if position_id not in state.book.positions]
    if unknown:
        raise ComponentError(f"exits named positions that are not open: {unknown}; open: {list(state.book.positions)}")
    for notes in review.notes.values():
        words: list[object] = [*notes.keys(), *notes.values()]
        if not all(isinstance(word, str) for word in words):
            raise ComponentError(f"notes must map text to text, got {dict(notes)!r}")
    return {one.position_id: one.reason for one in review.exits}


def _close_positions(state: SessionState, reasons: Mapping[str, str]) -> None:
    orders: list[OrderIntent] = []
    for position_id, reason in reasons.items():
        position = state.book.positions[position_id]
        lots = [lot for lot in position.lots if lot.quantity]
        closing = [state.closing_price(OptionContract.parse(lot.contract), lot.quantity) for lot in lots]
        if None in closing:
            state.recorder.count("exits_without_quote")
            continue
        if len(lots) == 1 and lots[0].quantity > 0 and not closing[0]:
            position.kept_without_bid = True
            state.recorder.count("exits_without_bid")
            continue
        position.kept_without_bid = False
        orders.append(_closing_order(state, position, reason))
        _record_exit(state, position, reason)
    for order in orders:
        state.book.place(order)
    work_orders(orders, book=state.book, broker=state.broker, view=state.view, pump=state.pump, recorder=state.recorder)


def _closing_order(state: SessionState, position: OpenPosition, reason: str) -> OrderIntent:
    return OrderIntent(
        book_id=state.book.book_id,
        position_id=position.position_id,
        purpose=Purpose.CLOSE,
        attempt=position.close_attempts + 1,
        legs=tuple(
            OrderLeg(contract=OptionContract.parse(lot.contract), quantity=-lot.quantity)
            for lot in position.lots
            if lot.quantity
        ),
        units=position.units,
        reason=reason,
    )


def _record_exit(state: SessionState, position: OpenPosition, reason: str) -> None:
    value = position.proceeds + sum(
        lot.mark * lot.quantity * OptionContract.parse(lot.contract).multiplier for lot in position.lots
    )
    state.recorder.add("exits", position.position_id, reason, value, value - position.premium, position.held_sessions)
