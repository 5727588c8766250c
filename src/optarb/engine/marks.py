"""What open positions are worth, and the equity row of a session."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.engine.session_state import SessionState

__all__ = ["mark", "record_marks"]


def mark(state: SessionState) -> None:
    """Marks everything open on the view's quotes: at the side it would be closed at, or at mid if that was asked for."""

    def price_of(contract: OptionContract, quantity: int) -> Decimal | None:
        quote = state.view.quote(contract)
        if quote is None:
            return None
        if state.engine.mark == "mid":
            return quote.mid
        return quote.bid if quantity > 0 else quote.ask

    state.book.mark(price_of)


def record_marks(state: SessionState) -> None:
    """Writes the marks of what stays open, and the equity row."""
    unquoted = 0
    for position in state.book.positions.values():
        for lot in position.lots:
            if lot.quantity:
                unquoted += not lot.quoted
                state.recorder.add("marks", position.position_id, lot.contract, lot.quantity, lot.mark, int(lot.quoted))
    if unquoted:
        state.recorder.count("unquoted_marks", unquoted)
    book, value = state.book, state.book.value()
    state.recorder.add(
        "equity",
        book.cash,
        value,
        book.cash + value,
        book.realised,
        book.invested(),
        len(book.positions),
        unquoted,
        int(bool(state.view.chains)),
    )
