"""What an open book is worth in the course of a day, and what follows if it has lost too much."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.money import from_units
from optarb.engine.marks import record_marks
from optarb.engine.session_state import SessionState
from optarb.engine.view import View
from optarb.errors import BrokerUnavailable
from optarb.protocols.trading import Controls
from optarb.trading.market_checks import decide_together

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.trading.context import DayContext
    from optarb.trading.execution import Execution

__all__ = ["mark_positions", "session_state", "watch_loss", "write_marks"]

_BAD_CYCLES = 2


def mark_positions(context: DayContext, execution: Execution, *, is_open: bool) -> None:
    """Marks what is held, until the close; a position whose quotes cannot decide together counts as unquoted.

    So does an adjusted contract: a quote of its old symbol is of another contract.

    Two cycles in a row with such quotes raise an alarm.

    Args:
        context: The day.
        execution: The book at this instant, with its quotes.
        is_open: Whether the broker's market is open: only then bad quotes count.
    """
    if execution.now > context.closes_at:
        return
    live, quotes = execution.live, execution.quotes
    adjusted = live.state.memory.adjusted
    bad = {contract for contract in _cannot_decide(context, execution) if contract.symbol not in adjusted}

    def price_of(contract: OptionContract, quantity: int) -> Decimal | None:
        quote = quotes.get(contract)
        if quote is None or contract in bad or contract.symbol in adjusted:
            return None
        if context.spec.mark == "mid":
            return quote.mid
        return quote.bid if quantity > 0 else quote.ask

    live.book.mark(price_of)
    day = live.state.day
    day.bad_cycles = day.bad_cycles + 1 if bad and is_open else 0
    named = ", ".join(sorted(contract.symbol for contract in bad))
    live.episode(
        execution.now,
        "quotes",
        lasts=day.bad_cycles >= _BAD_CYCLES,
        title="Quotes cannot decide",
        text=f"stale, skewed, crossed or absent: {named}; only time exits and flatten go on",
    )


def _cannot_decide(context: DayContext, execution: Execution) -> set[OptionContract]:
    bad: set[OptionContract] = set()
    for position_id in execution.live.book.positions:
        held = execution.live.state.held(position_id)
        quotes = [execution.quotes.get(contract) for contract in held]
        if not decide_together(quotes, execution.now, context.spec.rules):
            bad.update(held)
    return bad


def watch_loss(context: DayContext, execution: Execution) -> None:
    """Stops entries, and flattens if that was asked for, once the session has lost more than it may."""
    live, limits = execution.live, context.spec.limits
    day, book = live.state.day, live.book
    if day.opening_equity is None:
        return
    loss = from_units(day.opening_equity - book.cash - book.value())
    limit = from_units(book.initial) * Decimal(str(limits.max_loss))
    if loss < limit or "loss" in day.stops:
        return
    day.stops["loss"] = f"the session has lost {loss}, the limit is {limit}"
    live.tell(execution.now, "alarm", "loss", "", title="The loss of the day is over its limit", text=day.stops["loss"])
    if limits.flatten_on_loss:
        asked = Controls(halted=True, flatten=True, reason=day.stops["loss"], changed_at=execution.now)
        context.store.set_controls(live.book_id, asked)


def session_state(context: DayContext, execution: Execution) -> SessionState:
    """Returns what the session engine works on at this instant.

    Raises:
        BadData: There is no market.
        BrokerUnavailable: The feed cannot be asked.
    """
    return _state(context, execution, context.view(execution.now))


def write_marks(context: DayContext, execution: Execution) -> None:
    """Writes the session's last marks and its equity, from a silent feed too; without a market there are none."""
    if context.market is None:
        return
    try:
        view = context.view(execution.now)
    except BrokerUnavailable:
        view = View(
            at=execution.now,
            session=context.session,
            bars_through=context.previous,
            bars={},
            features={},
            chains={},
            underlyings=(),
        )
    record_marks(_state(context, execution, view))


def _state(context: DayContext, execution: Execution, view: View) -> SessionState:
    live = execution.live
    return SessionState(
        engine=context.engine(), view=view, book=live.book, broker=context.broker, pump=_still, recorder=live.recorder
    )


def _still() -> bool:
    """The market moves by itself."""
    return False
