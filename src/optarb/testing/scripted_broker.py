"""A broker that answers and fills as a script says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.brokers import Simulator
from optarb.domain.legs import Leg
from optarb.domain.orders import (
    Accepted,
    LegFill,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Rejected,
    SubmitAnswer,
    Unknown,
)
from optarb.protocols.brokers import Capabilities

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.protocols import SessionView

__all__ = ["OrderScript", "ScriptedBroker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderScript:
    """What becomes of one order.

    Raises:
        ValueError: A look with a negative number.
    """

    answer: SubmitAnswer = field(default_factory=Accepted)
    """What ``submit`` answers."""
    looks: tuple[tuple[int, ...] | None, ...] = ()
    """What ``find`` shows after each :meth:`ScriptedBroker.advance`, the last for ever: contracts filled so far, unsigned, a
    number a leg; None for not seen. Numbers may repeat and go back, as late reports do. Empty fills the whole order at
    the first advance."""

    def __post_init__(self) -> None:
        if any(count < 0 for look in self.looks for count in look or ()):
            raise ValueError(f"looks count contracts without a sign, got {self.looks!r}")


class ScriptedBroker:
    """Fills late, in parts and in any order, at the prices of a fill model on the view an order was sent in.

    The market moves by :meth:`advance` alone: between two calls ``find`` always answers the same. An order is filled
    once a look shows every leg whole. A cancelled order ends with the most that any look has shown.
    """

    def __init__(self, view: SessionView, scripts: Sequence[OrderScript] = (), *, simulator: Simulator | None = None) -> None:
        """Opens the broker.

        Args:
            view: Whose quotes decide the prices and whose instant is the clock, until the next :meth:`advance`.
            scripts: The n-th belongs to the n-th order sent; further orders fill whole at the first advance.
            simulator: Fill and fee models; None for the defaults.
        """
        self._view = view
        self._scripts = list(scripts)
        self._simulator = Simulator() if simulator is None else simulator
        self._sent: dict[str, _Sent] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Several legs, across underlyings, uncovered shorts, unique ids."""
        return Capabilities(
            multi_leg=True, cross_underlying=True, uncovered_shorts=True, unique_client_ids=True, end_of_day="16:15"
        )

    @property
    def orders(self) -> tuple[OrderIntent, ...]:
        """Every order that landed, in the order of arrival."""
        return tuple(sent.order for sent in self._sent.values())

    @property
    def is_moving(self) -> bool:
        """Whether an order's script has looks left."""
        return any(not sent.is_ended and sent.moves < len(sent.looks) for sent in self._sent.values())

    def preflight(self, orders: Sequence[OrderIntent]) -> Sequence[Rejected]:  # noqa: ARG002 - nothing is refused ahead
        """Refuses nothing."""
        return ()

    def submit(self, order: OrderIntent) -> SubmitAnswer:
        """Answers as the script says; a second order of the same id is rejected as ``duplicate_id``.

        Raises:
            ValueError: The script does not fit the order, or a leg has no price on the view.
        """
        if order.order_id in self._sent:
            return Rejected(code="duplicate_id", reason=f"order {order.order_id} was sent before")
        script = self._scripts.pop(0) if self._scripts else OrderScript()
        if isinstance(script.answer, Rejected):
            return script.answer
        whole = tuple(abs(leg.quantity) for leg in order.legs)
        looks = script.looks or (whole,)
        if any(look is not None and len(look) != len(whole) for look in looks):
            raise ValueError(f"order {order.order_id} has {len(whole)} legs, its script shows {looks!r}")
        self._sent[order.order_id] = _Sent(
            order=order,
            looks=looks,
            whole=whole,
            prices=tuple(self._price(leg.contract, leg.quantity) for leg in order.legs),
            seen=None if isinstance(script.answer, Unknown) else (0,) * len(whole),
            most=(0,) * len(whole),
        )
        return script.answer

    def advance(self, view: SessionView) -> None:
        """Moves every working order one look on.

        Args:
            view: The new instant. Orders that work keep their prices.
        """
        self._view = view
        for sent in self._sent.values():
            if not sent.is_ended:
                sent.seen = sent.looks[min(sent.moves, len(sent.looks) - 1)]
                sent.moves += 1
                sent.most = tuple(map(max, sent.most, sent.seen or sent.most))

    def find(self, order_id: str) -> OrderReport | None:
        """Returns what the present look shows; None if the order never landed or is not seen."""
        sent = self._sent.get(order_id)
        if sent is None or sent.seen is None:
            return None
        filled = sent.most if sent.is_ended else sent.seen
        fills = [
            LegFill(contract=leg.contract, quantity=_signed(count, leg.quantity), price=price if count else Decimal(0))
            for leg, count, price in zip(sent.order.legs, filled, sent.prices, strict=True)
        ]
        traded = [Leg(contract=fill.contract, ratio=fill.quantity) for fill in fills if fill.quantity]
        return OrderReport(
            order_id=order_id,
            status=sent.status,
            legs=tuple(fills),
            fees=self._simulator.fees.fees(traded, 1, self._view.session) if traded else Decimal(0),
            reason="cancelled on request" if sent.status is OrderStatus.CANCELLED else "",
        )

    def cancel(self, order_id: str) -> None:
        """Ends a working order with what was filled, and makes it seen; does nothing to any other."""
        sent = self._sent.get(order_id)
        if sent is not None and not sent.is_ended:
            sent.is_cancelled = True
            sent.seen = sent.most

    def positions(self) -> Mapping[OptionContract, int]:
        """Returns the contracts bought and sold here, netted."""
        held: dict[OptionContract, int] = {}
        for sent in self._sent.values():
            for leg, count in zip(sent.order.legs, sent.most, strict=True):
                held[leg.contract] = held.get(leg.contract, 0) + _signed(count, leg.quantity)
        return {contract: quantity for contract, quantity in held.items() if quantity}

    def now(self) -> datetime:
        """Returns the instant of the newest view."""
        return self._view.at

    def _price(self, contract: OptionContract, quantity: int) -> Decimal:
        chain = self._view.chain(contract.underlying)
        quote = None if chain is None else chain.quote(contract)
        price = None if quote is None else self._simulator.fills.fill_price(quote, quantity)
        if price is None:
            raise ValueError(f"{contract} has no price on the view of {self._view.session}; script a rejection instead")
        return price


@dataclass(slots=True, kw_only=True)
class _Sent:
    """An order and how far its script is."""

    order: OrderIntent
    looks: tuple[tuple[int, ...] | None, ...]
    whole: tuple[int, ...]
    prices: tuple[Decimal, ...]
    seen: tuple[int, ...] | None
    most: tuple[int, ...]
    moves: int = 0
    is_cancelled: bool = False

    @property
    def is_ended(self) -> bool:
        return self.is_cancelled or self.most == self.whole

    @property
    def status(self) -> OrderStatus:
        if self.most == self.whole:
            return OrderStatus.FILLED
        return OrderStatus.CANCELLED if self.is_cancelled else OrderStatus.WORKING


def _signed(count: int, like: int) -> int:
    return count if like > 0 else -count
