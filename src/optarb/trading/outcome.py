"""What a session came to, told from the book."""

from __future__ import annotations

from typing import Any, Literal

from optarb.trading.trading_state import TradingState

__all__ = ["DayOutcome", "ending", "needs_human", "outcome_of"]

DayOutcome = Literal["no_session", "no_trade", "traded", "missed", "halted", "duplicate", "failed", "needs_human"]
"""What became of a day's entries."""


def outcome_of(state: TradingState) -> DayOutcome:
    """Says what became of a day's entries.

    Args:
        state: The book at the day's end.
    """
    day = state.day
    if day.outcome:
        return day.outcome  # type: ignore[return-value]
    mine = [one for position_id, one in state.positions.items() if position_id.startswith(f"{day.session}.")]
    if not day.decided:
        return "missed"
    if any(one.frozen or one.is_doubted for one in mine):
        return "needs_human"
    if any(one.built or any(order.filled for order in one.orders) for one in mine):
        return "traded"
    return "no_trade"


def needs_human(state: TradingState) -> tuple[str, ...]:
    """Says why a person must look, one line a position or cause.

    Args:
        state: The book.
    """
    return (*(one.needs_human for one in state.positions.values() if one.needs_human), *state.day.stops.values())


def ending(state: TradingState) -> dict[str, Any]:
    """Returns what the journal keeps of a session's end: outcome, why a person must look, cash and worth in ledger units.

    Args:
        state: The book.
    """
    book = state.book
    return {
        "outcome": outcome_of(state),
        "needs_human": needs_human(state),
        "cash": book.cash,
        "equity": book.cash + book.value(),
        "realised": book.realised,
    }
