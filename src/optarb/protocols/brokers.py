"""What optarb asks of brokers and of the models inside a simulated one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from decimal import Decimal

    from optarb.domain.contracts import OptionContract
    from optarb.domain.legs import Leg
    from optarb.domain.orders import OrderIntent, OrderReport, Rejected, SubmitAnswer
    from optarb.domain.quotes import Quote
    from optarb.ledger.margin import Holding
    from optarb.protocols.views import SessionView

__all__ = [
    "BrokerAdapter",
    "Capabilities",
    "FeeModel",
    "FillModel",
    "MarginModel",
    "NoMargin",
    "SupportsAdvance",
    "SupportsPricedFees",
    "order_fees",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a broker can do: read, never guessed."""

    multi_leg: bool
    """Takes several legs of one underlying as one order."""
    cross_underlying: bool
    """Takes legs of several underlyings as one order."""
    uncovered_shorts: bool
    """Carries short options without a long in the same order."""
    unique_client_ids: bool
    """Refuses a second order of the same client order id."""
    end_of_day: str
    """Local New York time, ``"HH:MM"``, after which no order of the day can still change."""


class BrokerAdapter(Protocol):
    """Takes order intents; fills are read afterwards."""

    @property
    def capabilities(self) -> Capabilities:
        """What this broker can do."""
        ...

    def preflight(self, orders: Sequence[OrderIntent]) -> Sequence[Rejected]:
        """Checks orders, all legs together, before any is sent.

        Returns:
            One refusal an order that would be refused; empty if all may go.
        """
        ...

    def submit(self, order: OrderIntent) -> SubmitAnswer:
        """Sends an order once. Never says "filled", never raises for transport, never posts again.

        Returns:
            ``Accepted``, ``Rejected``, or ``Unknown`` where only :meth:`find` can tell.
        """
        ...

    def find(self, order_id: str) -> OrderReport | None:
        """Returns what the broker knows of an order: cumulative fills per leg. Idempotent.

        Returns:
            None if the order is not seen, which does not mean that it is absent.

        Raises:
            BrokerUnavailable: It cannot be asked now.
        """
        ...

    def cancel(self, order_id: str) -> None:
        """Asks for an order to be cancelled; the truth is the next :meth:`find`. Idempotent."""
        ...

    def positions(self) -> Mapping[OptionContract, int]:
        """Returns the contracts the whole account holds, signed.

        Raises:
            BrokerUnavailable: It cannot be asked now.
        """
        ...

    def now(self) -> datetime:
        """Returns the broker's clock, aware UTC."""
        ...


@runtime_checkable
class SupportsAdvance(Protocol):
    """A simulated broker, whose market moves when the runner says so."""

    def advance(self, view: SessionView) -> None:
        """Shows the broker the market of a new instant, on which it fills what works."""
        ...


class FillModel(Protocol):
    """At which price a leg fills on a quote."""

    def fill_price(self, quote: Quote, quantity: int) -> Decimal | None:
        """Returns the price per share at which a leg fills, or None if it does not.

        Args:
            quote: The leg's quote.
            quantity: Contracts, signed: positive to buy.
        """
        ...


class FeeModel(Protocol):
    """What trading costs."""

    def fees(self, legs: Sequence[Leg], units: int, session: date) -> Decimal:
        """Returns the fees of one order, in dollars, zero or more.

        Args:
            legs: The legs of one unit, each ratio signed as traded.
            units: Units traded.
            session: Trade date.
        """
        ...


@runtime_checkable
class SupportsPricedFees(Protocol):
    """A fee model whose fees depend on the prices of the legs. Where it is there it is asked instead of ``fees``."""

    def fees_at(self, legs: Sequence[Leg], prices: Sequence[Decimal], units: int, session: date) -> Decimal:
        """Returns the fees of one order, in dollars, zero or more.

        Args:
            legs: The legs of one unit, each ratio signed as traded.
            prices: Price per share of each leg, in the same order.
            units: Units traded.
            session: Trade date.
        """
        ...


def order_fees(model: FeeModel, legs: Sequence[Leg], prices: Sequence[Decimal], units: int, session: date) -> Decimal:
    """Asks a fee model for the fees of one order, with its prices if the model wants them.

    Args:
        model: The fee model.
        legs: The legs of one unit, each ratio signed as traded.
        prices: Price per share of each leg, in the same order.
        units: Units traded.
        session: Trade date.
    """
    if isinstance(model, SupportsPricedFees):
        return model.fees_at(legs, prices, units, session)
    return model.fees(legs, units, session)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMargin:
    """Why a margin model has no figure; the position is not opened."""

    rule: str
    """Stable short name, such as ``"no_implied_volatility"``; denials are counted by it."""
    numbers: Mapping[str, str]
    """The figures that decided, as text."""

    @property
    def reason(self) -> str:
        """Rule and figures in words."""
        return f"{self.rule}: " + ", ".join(f"{name} {value}" for name, value in self.numbers.items())


class MarginModel(Protocol):
    """What is set aside for a position whose loss is unbounded. It is asked for no other: a bounded one binds its maximum loss.

    What a stop loss and returns are measured by does not depend on it: that is always the exchange's minimum without
    recognition of a hedge.
    """

    @property
    def label(self) -> str:
        """What reports call it, such as ``"strategy-based margin"``."""
        ...

    def requirement(
        self, holdings: Sequence[Holding], underlying_prices: Mapping[str, Decimal], view: SessionView
    ) -> Decimal | NoMargin:
        """Returns the margin of one unit in dollars, zero or more, or why there is none. Pure.

        Args:
            holdings: Contracts of one unit with signed quantities and opening prices per share.
            underlying_prices: Price by underlying symbol, of every leg.
            view: What may be known, with the chains the legs were chosen on.
        """
        ...
