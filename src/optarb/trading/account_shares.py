"""Shares that assignments brought. They are the account's: no book trades them, and a person must close them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.money import from_units, to_units
from optarb.protocols.trading import SupportsAccount

if TYPE_CHECKING:
    from optarb.trading.account_cash import AccountCash
    from optarb.trading.trading_state import TradingState

__all__ = ["remember_shares", "shares_come", "watch_shares"]

_NEAR = Decimal("0.1")
"""How far from the underlying's price, as a fraction of it, shares may have been closed without anybody asking why."""


def shares_come(cash: AccountCash, symbol: str, states: Sequence[TradingState]) -> int:
    """Counts the shares of the account, signed, that it did not have when last reconciled and that no book knows of.

    Args:
        cash: The account's cash, with the day and the book.
        symbol: The share.
        states: All books of the account.

    Raises:
        BrokerUnavailable: The broker cannot be asked.
    """
    broker = cash.context.broker
    if not isinstance(broker, SupportsAccount):
        return 0
    actual = broker.shares()
    return actual.get(symbol, 0) - _base(cash, actual, states).get(symbol, 0) - _known(symbol, states)


def remember_shares(cash: AccountCash, states: Sequence[TradingState]) -> None:
    """Notes which shares the account has besides assigned ones, at a session's end: not while something is not explained.

    Raises:
        BrokerUnavailable: The broker cannot be asked.
    """
    broker, memory = cash.context.broker, cash.execution.live.state.memory
    if isinstance(broker, SupportsAccount) and not memory.foreign:
        memory.share_base = None
        _base(cash, broker.shares(), states)


def watch_shares(cash: AccountCash, states: Sequence[TradingState]) -> None:
    """Stops the book's entries while the account has shares that it was assigned, and alarms once a session.

    When they are gone, the cash that they moved is taken out of what must be explained, if it is near their price.

    Args:
        cash: The account's cash, with the day and the book.
        states: All books of the account, this one first.

    Raises:
        BrokerUnavailable: The broker cannot be asked.
    """
    live, broker = cash.execution.live, cash.context.broker
    memory = live.state.memory
    if not isinstance(broker, SupportsAccount):
        return
    if memory.share_base is None:
        _base(cash, broker.shares(), states)
    for symbol in list(memory.shares):
        away = -shares_come(cash, symbol, states)
        mine = _my_part(away, symbol, states)
        if mine and not any(state.is_moving for state in states):
            _closed(cash, symbol, mine, away, states)
    memory.shares = {symbol: quantity for symbol, quantity in memory.shares.items() if quantity}
    if not memory.shares:
        live.state.day.stops.pop("shares", None)
        return
    held = ", ".join(f"{quantity:+d} {symbol}" for symbol, quantity in memory.shares.items())
    text = f"the account has {held} by assignment; no book trades shares: close them at the broker, entries wait until then"
    live.state.day.stops["shares"] = text
    live.tell(cash.execution.now, "alarm", "shares", held, title="Assigned shares are in the account", text=text)


def _base(cash: AccountCash, actual: Mapping[str, int], states: Sequence[TradingState]) -> dict[str, int]:
    memory = cash.execution.live.state.memory
    if memory.share_base is None:
        symbols = sorted({*actual, *(symbol for state in states for symbol in state.memory.shares)})
        left = {symbol: actual.get(symbol, 0) - _known(symbol, states) for symbol in symbols}
        memory.share_base = {symbol: quantity for symbol, quantity in left.items() if quantity}
    return memory.share_base


def _known(symbol: str, states: Sequence[TradingState]) -> int:
    return sum(state.memory.shares.get(symbol, 0) for state in states)


def _my_part(away: int, symbol: str, states: Sequence[TradingState]) -> int:
    """What of the shares that went away were this book's, signed: books give theirs in the order of their names."""
    me, left = states[0], abs(away)
    for state in sorted(states, key=lambda one: one.book.book_id):
        quantity = state.memory.shares.get(symbol, 0)
        if quantity * away <= 0:
            continue
        part = min(abs(quantity), left)
        if state is me:
            return part if away > 0 else -part
        left -= part
    return 0


def _closed(cash: AccountCash, symbol: str, mine: int, away: int, states: Sequence[TradingState]) -> None:
    live, now = cash.execution.live, cash.execution.now
    memory, spot = live.state.memory, cash.context.spot(symbol, now)
    if spot is None:
        return
    expected, moved = to_units(spot) * mine, cash.moved(states)
    if moved is not None and abs(moved - to_units(spot) * away) <= abs(to_units(spot) * away) * _NEAR:
        expected = moved * mine // away
    memory.share_cash += expected
    memory.shares[symbol] -= mine
    text = (
        f"{mine:+d} {symbol} of assignments are no longer in the account; {from_units(expected)} dollars of its cash are theirs"
    )
    live.tell(now, "info", "shares_gone", f"{symbol}{mine:+d}", title="Assigned shares are gone", text=text)
