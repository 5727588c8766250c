"""A broker with faults, around a simulated account."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from optarb.brokers.simulated_account import SimulatedAccount
from optarb.domain.orders import (
    DUPLICATE_ID,
    Accepted,
    LegFill,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Purpose,
    Rejected,
    SubmitAnswer,
    Unknown,
)
from optarb.errors import BrokerUnavailable

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.protocols.accounts import Activity
    from optarb.protocols.brokers import Capabilities
    from optarb.protocols.trading import BrokerAccount
    from optarb.protocols.views import SessionView

__all__ = ["FaultKind", "FaultyBroker", "OrderFault"]

FaultKind = Literal[
    "lost_before",
    "lost_after",
    "hang",
    "rate_limit",
    "reject",
    "partial",
    "cancel_race",
    "stuck",
    "invisible",
    "zombie",
    "other",
]
"""What happens to an order.

``lost_before`` and ``lost_after``: no answer, and it did not or did land. ``hang``: no answer, and the seed decides.
``rate_limit``: refused with a time to wait. ``reject``: refused. ``partial``: only a part fills until it is cancelled.
``cancel_race``: it does not fill until its cancellation is asked for, and then whole. ``stuck``: it neither fills nor lets
itself be cancelled. ``invisible``: taken, and not shown for a number of look-ups. ``zombie``: no answer, and it lands seconds
later. ``other``: it lands, and the broker shows an order of another limit under its id."""

_REFUSED = {
    "rate_limit": ("too many requests", True),
    "reject": ("the broker does not want it", False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFault:
    """A fault of the orders it fits, in the order of arrival."""

    kind: FaultKind
    """What happens."""
    purpose: Purpose | None = None
    """Only orders of this purpose; None for any."""
    leg: int | None = None
    """Only orders of this leg alone; None for any."""
    skip: int = 0
    """How many orders it fits go through first."""
    times: int = 1
    """How many orders it hits."""
    seconds: float = 10.0
    """For ``rate_limit``: the wait; for ``zombie``: how much later it lands."""
    looks: int = 5
    """For ``invisible``: look-ups that find nothing."""
    fraction: float = 0.5
    """For ``partial``: part of each leg that fills, rounded down."""

    def fits(self, order: OrderIntent) -> bool:
        """Whether it may hit an order."""
        return self.purpose in {None, order.purpose} and self.leg in {None, order.leg}


@dataclass(slots=True)
class _Own:
    """An order that the account does not get, because it fills in an odd way."""

    order: OrderIntent
    kind: FaultKind
    fraction: float
    status: OrderStatus = OrderStatus.WORKING
    filled: dict[OptionContract, tuple[int, Decimal]] = field(default_factory=dict)


class FaultyBroker:
    """Passes everything on to a simulated account, save what its faults say. The same script and seed do the same.

    Orders that the account really took are in :attr:`accepted`, with those that landed late. Things that happen by themselves,
    such as an assignment, are given as :attr:`happenings`; times without market or broker as windows.
    """

    def __init__(
        self,
        account: SimulatedAccount,
        faults: Sequence[OrderFault] = (),
        *,
        seed: int = 0,
        closed: Sequence[tuple[datetime, datetime]] = (),
        away: Sequence[tuple[datetime, datetime]] = (),
        happenings: Sequence[tuple[datetime, Callable[[SimulatedAccount], None]]] = (),
        skew: timedelta = timedelta(0),
        on_call: Callable[[str], None] | None = None,
    ) -> None:
        """Wraps an account.

        Args:
            account: Where orders end up.
            faults: What happens to orders; the first that fits and is not used up hits.
            seed: Decides what ``hang`` did.
            closed: Windows in which the market is closed, from the first instant to before the second.
            away: Windows in which the broker cannot be asked and sending is lost.
            happenings: What changes the account from outside, each once, when its instant is reached.
            skew: What the broker's clock is ahead.
            on_call: Called at each boundary with its name, such as ``"submit:accepted"``; for tests that raise there.
        """
        self.inner = account
        self.accepted: list[OrderIntent] = []
        self.duplicates = 0
        self._faults = list(faults)
        self._random = random.Random(seed)  # noqa: S311 - a script, no secret
        self._closed, self._away = closed, away
        self._happenings = sorted(happenings, key=lambda one: one[0])
        self._skew = skew
        self._on_call = on_call
        self._own: dict[str, _Own] = {}
        self._hidden: dict[str, int] = {}
        self._others: set[str] = set()
        self._zombies: list[tuple[datetime, OrderIntent]] = []
        self._view: SessionView | None = None

    # -- what a broker does --------------------------------------------------------------------------------------------------

    @property
    def capabilities(self) -> Capabilities:
        """Those of the account."""
        return self.inner.capabilities

    def preflight(self, orders: Sequence[OrderIntent]) -> Sequence[Rejected]:
        """Asks the account."""
        self._called("preflight")
        self._asked()
        return self.inner.preflight(orders)

    def submit(self, order: OrderIntent) -> SubmitAnswer:
        """Sends an order, with the fault that hits it."""
        self._called("submit:before")
        if self._is(self._away):
            return Unknown(reason="the broker cannot be reached")
        if self._landed(order.order_id):
            self.duplicates += 1
            return Rejected(code=DUPLICATE_ID, reason=f"order {order.order_id} was sent before")
        fault = self._hit(order)
        answer: SubmitAnswer = self._take(order) if fault is None else self._faulty(order, fault)
        self._called("submit:after")
        return answer

    def find(self, order_id: str) -> OrderReport | None:
        """Looks an order up, unless it hides."""
        self._called("find")
        self._asked()
        if self._hidden.get(order_id, 0) > 0:
            self._hidden[order_id] -= 1
            return None
        own = self._own.get(order_id)
        report = self.inner.find(order_id) if own is None else _report(own)
        if report is not None and order_id in self._others and report.terms is not None:
            return replace(report, terms=replace(report.terms, limit=Decimal("99.99")))
        return report

    def cancel(self, order_id: str) -> None:
        """Cancels, with the fault of the order."""
        self._called("cancel:before")
        self._asked()
        own = self._own.get(order_id)
        if own is None:
            self.inner.cancel(order_id)
        elif own.status is OrderStatus.WORKING and own.kind == "cancel_race":
            self._fill(own, 1.0)
        elif own.status is OrderStatus.WORKING and own.kind == "partial":
            own.status = OrderStatus.CANCELLED
        self._called("cancel:after")

    def positions(self) -> Mapping[OptionContract, int]:
        """Returns what the account holds."""
        self._called("positions")
        self._asked()
        return self.inner.positions()

    def shares(self) -> Mapping[str, int]:
        """Returns the account's shares."""
        self._asked()
        return self.inner.shares()

    def holdings(self) -> Mapping[str, int]:
        """Returns every option of the account by its symbol."""
        self._asked()
        return self.inner.holdings()

    def activities(self, since: datetime) -> Sequence[Activity]:
        """Returns what the account tells."""
        self._asked()
        return self.inner.activities(since)

    def account(self) -> BrokerAccount:
        """Returns the account's figures."""
        self._asked()
        return self.inner.account()

    def is_open(self) -> bool:
        """Whether no window says that the market is closed."""
        return not self._is(self._closed)

    def now(self) -> datetime:
        """Returns the account's clock, moved by the skew."""
        self._asked()
        return self.inner.now() + self._skew

    def advance(self, view: SessionView) -> None:
        """Shows the market of a new instant; what is due happens first, and while the market is closed nothing fills."""
        self._view = view
        while self._happenings and self._happenings[0][0] <= view.at:
            self._happenings.pop(0)[1](self.inner)
        for due, order in [one for one in self._zombies if one[0] <= view.at]:
            self._zombies.remove((due, order))
            if not self._landed(order.order_id):
                self._take(order)
        if self._is(self._closed):
            return
        self.inner.advance(view)
        for own in self._own.values():
            if own.kind == "partial" and own.status is OrderStatus.WORKING and not own.filled:
                self._fill(own, own.fraction)

    def expire(self) -> None:
        """Ends what still works, as at the end of the broker's day."""
        self.inner.expire()
        for own in self._own.values():
            if own.status is OrderStatus.WORKING:
                own.status = OrderStatus.EXPIRED

    # -- faults --------------------------------------------------------------------------------------------------------------

    def _hit(self, order: OrderIntent) -> OrderFault | None:
        for number, fault in enumerate(self._faults):
            if not fault.times or not fault.fits(order):
                continue
            if fault.skip:
                self._faults[number] = replace(fault, skip=fault.skip - 1)
                continue
            self._faults[number] = replace(fault, times=fault.times - 1)
            return fault
        return None

    def _faulty(self, order: OrderIntent, fault: OrderFault) -> SubmitAnswer:
        kind = fault.kind
        if kind in _REFUSED:
            reason, again = _REFUSED[kind]
            return Rejected(code=kind, reason=reason, retry_after=fault.seconds if again else None)
        if kind == "zombie":
            self._zombies.append((self._at() + timedelta(seconds=fault.seconds), order))
            return Unknown(reason="time-out")
        if kind in {"partial", "cancel_race", "stuck"}:
            self._own[order.order_id] = _Own(order, kind, fault.fraction)
            self.accepted.append(order)
            return Accepted()
        landed = kind != "lost_before" and (kind != "hang" or self._random.random() < 0.5)
        answer: SubmitAnswer = self._take(order) if landed else Unknown(reason="time-out")
        if kind == "invisible":
            self._hidden[order.order_id] = fault.looks
        elif kind == "other":
            self._others.add(order.order_id)
        return answer if kind == "invisible" or isinstance(answer, Rejected) else Unknown(reason="time-out")

    def _take(self, order: OrderIntent) -> SubmitAnswer:
        answer = self.inner.submit(order)
        if isinstance(answer, Accepted):
            self.accepted.append(order)
            self._called("submit:accepted")
        return answer

    def _fill(self, own: _Own, fraction: float) -> None:
        """Fills a part of every leg on the quotes shown last, in whole units of the order."""
        units = int(own.order.units * fraction) or (0 if fraction < 1 else own.order.units)
        single = len(own.order.legs) == 1
        for leg in own.order.legs:
            quantity = int(leg.quantity * fraction) if single else leg.quantity // own.order.units * units
            price = self._price(leg.contract, leg.quantity)
            had = own.filled.get(leg.contract, (0, price))[0]
            own.filled[leg.contract] = (quantity, price)
            cash = -(quantity - had) * price * leg.contract.multiplier
            self.inner.adjust({leg.contract: quantity - had}, cash_usd=cash)
        if fraction >= 1:
            own.status = OrderStatus.FILLED

    def _price(self, contract: OptionContract, quantity: int) -> Decimal:
        chain = None if self._view is None else self._view.chain(contract.underlying)
        quote = None if chain is None else chain.quote(contract)
        if quote is None:
            raise ValueError(f"{contract} has no quote to fill on; show it in the view")
        return quote.ask if quantity > 0 else quote.bid

    # -- small things --------------------------------------------------------------------------------------------------------

    def _landed(self, order_id: str) -> bool:
        return any(order.order_id == order_id for order in self.accepted)

    def _at(self) -> datetime:
        return self.inner.now() if self._view is None else self._view.at

    def _is(self, windows: Sequence[tuple[datetime, datetime]]) -> bool:
        return self._view is not None and any(first <= self._view.at < last for first, last in windows)

    def _asked(self) -> None:
        if self._is(self._away):
            raise BrokerUnavailable("the broker cannot be reached")

    def _called(self, where: str) -> None:
        if self._on_call is not None:
            self._on_call(where)


def _report(own: _Own) -> OrderReport:
    return OrderReport(
        order_id=own.order.order_id,
        status=own.status,
        legs=tuple(
            LegFill(contract=leg.contract, quantity=quantity, price=price if quantity else Decimal(0))
            for leg in own.order.legs
            for quantity, price in (own.filled.get(leg.contract, (0, Decimal(0))),)
        ),
        reason="cancelled on request" if own.status is OrderStatus.CANCELLED else "",
        terms=own.order.terms,
    )
