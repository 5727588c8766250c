"""Contracts that a corporate action has changed: not traded, not priced at 100 shares; their positions wait for a person."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract
from optarb.protocols.accounts import SupportsHoldings

if TYPE_CHECKING:
    from optarb.protocols import BrokerAdapter
    from optarb.trading.execution import Execution
    from optarb.trading.trading_state import TradingState

__all__ = ["set_adjusted_aside", "unknown_holdings"]

_ADJUSTED = re.compile(r"(?P<root>[A-Z]{1,5})\d+\s*(?P<expiry>\d{6})(?P<right>[CP])\d{8}")


def unknown_holdings(broker: BrokerAdapter) -> Mapping[str, int]:
    """Returns the account's options that are no :class:`~optarb.OptionContract`, signed, by the broker's symbol.

    Args:
        broker: Asked if it is a :class:`~optarb.protocols.accounts.SupportsHoldings`.

    Raises:
        BrokerUnavailable: It cannot be asked.
    """
    if not isinstance(broker, SupportsHoldings):
        return {}
    return {symbol: quantity for symbol, quantity in broker.holdings().items() if quantity and not _is_known(symbol)}


def set_adjusted_aside(
    execution: Execution, difference: dict[OptionContract, int], unknown: Mapping[str, int], books: Sequence[TradingState]
) -> Mapping[str, int]:
    """Freezes the positions whose contracts vanished and came back adjusted, and takes those out of the difference.

    Root, expiry and right must be the same: a split changes strikes. Entries stop while the book holds one.

    Args:
        execution: The book at this instant.
        difference: What the account has more than its books, without what live orders may explain; it is changed.
        unknown: See :func:`unknown_holdings`.
        books: All books of the account, this one first.

    Returns:
        What of the unknown ones no book held before.
    """
    live, now = execution.live, execution.now
    memory, held = live.state.memory, live.state.holdings()
    adjusted = {symbol: raw for state in books for symbol, raw in state.memory.adjusted.items()}
    for contract in sorted(difference):
        vanished = -difference[contract]
        if any(state.holdings().get(contract, 0) * vanished > 0 for state in books):
            raw = _adjusted_of(contract, vanished, unknown, adjusted.values())
            adjusted |= {} if raw is None else {contract.symbol: raw}
    for symbol in adjusted:
        difference.pop(OptionContract.parse(symbol), None)
    memory.adjusted = {symbol: raw for symbol, raw in adjusted.items() if OptionContract.parse(symbol) in held}
    for symbol, raw in memory.adjusted.items():
        text = (
            f"the account holds {raw} instead of {symbol}; it is not traded, and its last mark is no price: a person must act"
        )
        live.tell(now, "alarm", "adjusted", symbol, title="A contract was adjusted", text=text)
        for position_id, position in live.state.positions.items():
            if OptionContract.parse(symbol) in live.state.held(position_id):
                execution.freeze(position, f"{symbol} was adjusted to {raw}")
    if memory.adjusted:
        live.state.day.stops["adjusted"] = f"the book holds adjusted contracts: {', '.join(memory.adjusted)}"
    else:
        live.state.day.stops.pop("adjusted", None)
    return {symbol: quantity for symbol, quantity in unknown.items() if symbol not in adjusted.values()}


def _is_known(symbol: str) -> bool:
    try:
        OptionContract.parse(symbol)
    except ValueError:
        return False
    return True


def _adjusted_of(contract: OptionContract, quantity: int, unknown: Mapping[str, int], taken: Collection[str]) -> str | None:
    """The symbol that a vanished contract has now: the lowest strike that fits and no other contract has; None if none does."""
    was = (contract.root, f"{contract.expiry:%y%m%d}", str(contract.right))
    for symbol in sorted(unknown):
        match = _ADJUSTED.fullmatch(symbol.strip())
        fits = match is not None and (match["root"], match["expiry"], match["right"]) == was
        if fits and unknown[symbol] * quantity > 0 and symbol not in taken:
            return symbol
    return None
