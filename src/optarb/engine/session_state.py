"""What the steps of one session share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optarb.errors import ComponentError, OptarbError, TransientError

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Quote
    from optarb.engine.execution import Pump
    from optarb.engine.recorder import Recorder
    from optarb.engine.session import SessionEngine
    from optarb.engine.view import View
    from optarb.ledger.book import Book
    from optarb.protocols import BrokerAdapter

__all__ = ["SessionState", "asked"]


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

    def quote(self, contract: OptionContract) -> Quote | None:
        """Returns a contract's quote on the view, or None."""
        chain = self.view.chains.get(contract.underlying)
        return None if chain is None else chain.quote(contract)

    def closing_price(self, contract: OptionContract, quantity: int) -> Decimal | None:
        """Returns the price a share at which a held quantity would be closed, or None if it would not fill."""
        quote = self.quote(contract)
        return None if quote is None else self.engine.simulator.fills.fill_price(quote, -quantity)


def asked(who: str, function: Callable[..., Any], *arguments: object, **named: object) -> Any:
    """Calls a component; what it raises becomes a ComponentError that names it."""
    try:
        return function(*arguments, **named)
    except TransientError:
        raise
    except OptarbError as error:
        raise type(error)(f"{who}: {error}") from error
    except Exception as error:
        raise ComponentError(f"{who} raised {type(error).__name__}: {error}") from error
