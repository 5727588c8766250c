"""What the steps of one session share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optarb.engine.calling import called

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.engine.execution import Pump
    from optarb.engine.recorder import Recorder
    from optarb.engine.session import SessionEngine
    from optarb.engine.view import View
    from optarb.ledger.book import Book
    from optarb.protocols import BrokerAdapter

__all__ = ["SessionState"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SessionState:
    """One session at work: its view, the book, and where orders and rows go."""

    engine: SessionEngine
    """What stays the same from session to session."""
    view: View
    """What may be known."""
    book: Book
    """The book."""
    broker: BrokerAdapter
    """Takes the orders."""
    pump: Pump
    """Lets the broker's market move."""
    recorder: Recorder
    """Takes the rows."""

    def closing_price(self, contract: OptionContract, quantity: int) -> Decimal | None:
        """Returns the price a share at which a held quantity would be closed, or None if it would not fill."""
        quote = self.view.quote(contract)
        if quote is None:
            return None
        price: Decimal | None = self.asked("fill model", self.engine.simulator.fills.fill_price, quote, -quantity)
        return price

    def asked(self, who: str, function: Callable[..., Any], *arguments: object, **named: object) -> Any:
        """Calls a component of the strategy or the simulator; see :func:`optarb.engine.calling.called`."""
        return called(f"{who}, session {self.view.session}", function, *arguments, **named)
