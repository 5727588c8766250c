"""The broker of every backtest: fills whole orders on the view's own quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.brokers.fee_models import PerContractFee
from optarb.brokers.fill_models import CrossSpread
from optarb.brokers.margin_models import StrategyBasedMargin
from optarb.domain.legs import Leg
from optarb.domain.orders import (
    DUPLICATE_ID,
    Accepted,
    LegFill,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Rejected,
    SubmitAnswer,
)
from optarb.errors import BrokerUnavailable
from optarb.protocols.brokers import Capabilities, FeeModel, FillModel, MarginModel, order_fees

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Quote
    from optarb.protocols.views import SessionView

__all__ = ["SimulatedBroker", "Simulator"]


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """How simulated orders fill, what they cost and what they bind.

    It holds nothing of a book; :meth:`broker` opens one for a book.
    """

    fills: FillModel = field(default_factory=CrossSpread)
    """At which price a leg fills."""
    fees: FeeModel = field(default_factory=PerContractFee)
    """What an order costs."""
    margin: MarginModel = field(default_factory=StrategyBasedMargin)
    """What a position whose loss is unbounded binds."""

    def broker(self) -> SimulatedBroker:
        """Opens a broker without orders."""
        return SimulatedBroker(self)


class SimulatedBroker:
    """Takes orders and fills them whole or not at all on the quotes shown by :meth:`advance`.

    A limit is the worst net price of one unit. A leg without a quote, a leg the fill model does not fill, or a net price worse
    than the limit leaves the whole order working; it expires when the next session is shown.
    """

    def __init__(self, simulator: Simulator) -> None:
        """Opens a broker.

        Args:
            simulator: Fill and fee models.
        """
        self._simulator = simulator
        self._orders: dict[str, OrderIntent] = {}
        self._reports: dict[str, OrderReport] = {}
        self._held: dict[OptionContract, int] = {}
        self._view: SessionView | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Several legs, across underlyings, uncovered shorts, unique ids."""
        return Capabilities(
            multi_leg=True, cross_underlying=True, uncovered_shorts=True, unique_client_ids=True, end_of_day="16:15"
        )

    def preflight(self, orders: Sequence[OrderIntent]) -> Sequence[Rejected]:  # noqa: ARG002 - nothing is refused ahead
        """Refuses nothing."""
        return ()

    def submit(self, order: OrderIntent) -> SubmitAnswer:
        """Takes an order; a second one of the same id is rejected as ``duplicate_id``."""
        if order.order_id in self._orders:
            return Rejected(code=DUPLICATE_ID, reason=f"order {order.order_id} was sent before")
        self._orders[order.order_id] = order
        nothing = tuple(LegFill(contract=leg.contract, quantity=0, price=Decimal(0)) for leg in order.legs)
        self._reports[order.order_id] = OrderReport(order_id=order.order_id, status=OrderStatus.WORKING, legs=nothing)
        return Accepted()

    def advance(self, view: SessionView) -> None:
        """Shows the market: fills what can be filled on the view's quotes, and expires what worked in an earlier session."""
        earlier = self._view is not None and self._view.session != view.session
        self._view = view
        for order_id, report in self._reports.items():
            if report.status is not OrderStatus.WORKING:
                continue
            if earlier:
                self._reports[order_id] = self._ended(report, OrderStatus.EXPIRED, "the session ended")
            else:
                self._fill(self._orders[order_id], view)

    def find(self, order_id: str) -> OrderReport | None:
        """Returns the order's report, or None if it was never sent."""
        return self._reports.get(order_id)

    def cancel(self, order_id: str) -> None:
        """Cancels a working order."""
        report = self._reports.get(order_id)
        if report is not None and report.status is OrderStatus.WORKING:
            self._reports[order_id] = self._ended(report, OrderStatus.CANCELLED, "cancelled on request")

    def positions(self) -> Mapping[OptionContract, int]:
        """Returns the contracts bought and sold here, netted."""
        return {contract: quantity for contract, quantity in self._held.items() if quantity}

    def now(self) -> datetime:
        """Returns the instant of the view shown last.

        Raises:
            BrokerUnavailable: No view has been shown.
        """
        if self._view is None:
            raise BrokerUnavailable("the simulated broker has seen no market yet; call advance(view) first")
        return self._view.at

    @staticmethod
    def _ended(report: OrderReport, status: OrderStatus, reason: str) -> OrderReport:
        return OrderReport(order_id=report.order_id, status=status, legs=report.legs, reason=reason)

    def _fill(self, order: OrderIntent, view: SessionView) -> None:
        fills: list[LegFill] = []
        quotes: list[Quote] = []
        for leg in order.legs:
            chain = view.chain(leg.contract.underlying)
            quote = None if chain is None else chain.quote(leg.contract)
            at = None if quote is None else self._simulator.fills.fill_price(quote, leg.quantity)
            if quote is None or at is None:
                return
            quotes.append(quote)
            fills.append(LegFill(contract=leg.contract, quantity=leg.quantity, price=at))
        net = sum((fill.price * fill.quantity for fill in fills), Decimal(0)) / order.units
        if order.limit is not None and net > order.limit:
            return
        ratios = [Leg(contract=leg.contract, ratio=leg.quantity // order.units) for leg in order.legs]
        self._reports[order.order_id] = OrderReport(
            order_id=order.order_id,
            status=OrderStatus.FILLED,
            legs=tuple(fills),
            fees=order_fees(self._simulator.fees, ratios, [fill.price for fill in fills], order.units, view.session),
            modelled=any(quote.modelled for quote in quotes),
        )
        for fill in fills:
            self._held[fill.contract] = self._held.get(fill.contract, 0) + fill.quantity
