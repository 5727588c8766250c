"""A simulated broker account for live days: its whole state can be written down and read back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optarb.brokers.simulator import Simulator
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.money import price
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
from optarb.errors import BrokerUnavailable, UnknownName
from optarb.protocols.accounts import Activity
from optarb.protocols.brokers import Capabilities, order_fees
from optarb.protocols.trading import BrokerAccount

if TYPE_CHECKING:
    from optarb.brokers.overnight import Night
    from optarb.domain.quotes import Chain, Quote
    from optarb.protocols.views import SessionView

__all__ = ["SIMULATED_CAPABILITIES", "SimulatedAccount"]

SIMULATED_CAPABILITIES = Capabilities(
    multi_leg=True, cross_underlying=False, uncovered_shorts=True, unique_client_ids=True, end_of_day="16:15"
)
"""One order may hold several legs of one underlying, as at most brokers."""


@dataclasses.dataclass(slots=True)
class _Held:
    """An order at the broker."""

    order: OrderIntent
    session: str
    status: OrderStatus = OrderStatus.WORKING
    prices: list[str] = dataclasses.field(default_factory=list[str])
    fees: str = "0"
    modelled: bool = False
    reason: str = ""


class SimulatedAccount:
    """Takes orders and fills them whole or not at all on the quotes shown by :meth:`advance`, never at the moment of sending.

    A limit is the worst net price of one unit; an order without one fills at whatever the fill model says. Orders of a session
    expire when a view of a later one is shown. Cash moves with fills; nothing is settled, assigned or charged overnight unless
    :meth:`settle` or :meth:`adjust` says so.
    """

    def __init__(
        self,
        simulator: Simulator | None = None,
        *,
        cash_usd: Decimal = Decimal(1_000_000),
        capabilities: Capabilities = SIMULATED_CAPABILITIES,
    ) -> None:
        """Opens an account.

        Args:
            simulator: Fill and fee models; None for the defaults.
            cash_usd: Cash at the beginning, dollars; it is the buying power too.
            capabilities: What the broker can do.
        """
        self._simulator = Simulator() if simulator is None else simulator
        self._capabilities = capabilities
        self._cash = cash_usd
        self._orders: dict[str, _Held] = {}
        self._contracts: dict[OptionContract, int] = {}
        self._shares: dict[str, int] = {}
        self._others: dict[str, int] = {}
        self._activities: list[Activity] = []
        self._marks: dict[str, str] = {}
        self._seen: tuple[str, str] = ("", "")

    @property
    def capabilities(self) -> Capabilities:
        """What this broker can do."""
        return self._capabilities

    @property
    def orders(self) -> tuple[OrderIntent, ...]:
        """Every order that was accepted, in the order of arrival."""
        return tuple(held.order for held in self._orders.values())

    @property
    def last_session(self) -> str:
        """Session of the view shown last, ISO 8601; empty before the first."""
        return self._seen[0]

    def preflight(self, orders: Sequence[OrderIntent]) -> Sequence[Rejected]:
        """Refuses orders of several legs that the capabilities do not allow."""
        refused = (self._refusal(order) for order in orders)
        return tuple(one for one in refused if one is not None)

    def submit(self, order: OrderIntent) -> SubmitAnswer:
        """Takes an order; a second one of the same id is rejected as ``duplicate_id``."""
        refusal = self._refusal(order)
        if refusal is not None:
            return refusal
        if order.order_id in self._orders:
            return Rejected(code=DUPLICATE_ID, reason=f"order {order.order_id} was sent before")
        self._orders[order.order_id] = _Held(order, self._seen[0])
        return Accepted()

    def advance(self, view: SessionView) -> None:
        """Shows the market of a new instant: expires orders of earlier sessions and fills what can be filled."""
        session = view.session.isoformat()
        self._seen = (session, view.at.isoformat())
        for held in self._orders.values():
            if held.status is OrderStatus.WORKING and held.session not in {"", session}:
                held.status, held.reason = OrderStatus.EXPIRED, "the session ended"
            elif held.status is OrderStatus.WORKING:
                held.session = session
                self._fill(held, view)
        self._mark(view)

    def expire(self) -> None:
        """Ends what still works, as at the end of the broker's day."""
        for held in self._orders.values():
            if held.status is OrderStatus.WORKING:
                held.status, held.reason = OrderStatus.EXPIRED, "the session ended"

    def find(self, order_id: str) -> OrderReport | None:
        """Returns the order's report with its terms, or None if it was never accepted."""
        held = self._orders.get(order_id)
        if held is None:
            return None
        prices = held.prices or ["0"] * len(held.order.legs)
        return OrderReport(
            order_id=order_id,
            status=held.status,
            legs=tuple(
                LegFill(contract=leg.contract, quantity=leg.quantity if held.prices else 0, price=Decimal(at))
                for leg, at in zip(held.order.legs, prices, strict=True)
            ),
            fees=Decimal(held.fees),
            modelled=held.modelled,
            reason=held.reason,
            terms=held.order.terms,
        )

    def cancel(self, order_id: str) -> None:
        """Cancels a working order."""
        held = self._orders.get(order_id)
        if held is not None and held.status is OrderStatus.WORKING:
            held.status, held.reason = OrderStatus.CANCELLED, "cancelled on request"

    def positions(self) -> Mapping[OptionContract, int]:
        """Returns the contracts held, netted."""
        return {contract: quantity for contract, quantity in self._contracts.items() if quantity}

    def shares(self) -> Mapping[str, int]:
        """Returns the shares held, signed, by symbol."""
        return {symbol: quantity for symbol, quantity in self._shares.items() if quantity}

    def holdings(self) -> Mapping[str, int]:
        """Returns every option held by its symbol, with those that :meth:`adjust` was given as ``others``."""
        plain = {contract.symbol: quantity for contract, quantity in self.positions().items()}
        return plain | {symbol: quantity for symbol, quantity in self._others.items() if quantity}

    def activities(self, since: datetime) -> Sequence[Activity]:
        """Returns what :meth:`tell` was given since an instant, oldest first."""
        return sorted((one for one in self._activities if one.at >= since), key=lambda one: one.at)

    def account(self) -> BrokerAccount:
        """Returns the account: cash, and what it holds at the prices shown last: contracts at the middle of their quotes.

        What has been shown no price counts nothing.
        """
        value = Decimal(0)
        for contract, quantity in self._contracts.items():
            value += Decimal(self._marks.get(contract.symbol, "0")) * quantity * contract.multiplier
        for symbol, quantity in self._shares.items():
            value += Decimal(self._marks.get(symbol, "0")) * quantity
        return BrokerAccount(cash_usd=self._cash, equity_usd=self._cash + value, buying_power_usd=max(self._cash, Decimal(0)))

    def is_open(self) -> bool:
        """Always open: a view is only shown while the market is."""
        return True

    def now(self) -> datetime:
        """Returns the instant of the view shown last.

        Raises:
            BrokerUnavailable: No view has been shown.
        """
        if not self._seen[1]:
            raise BrokerUnavailable("the simulated account has seen no market yet; call advance(view) first")
        return datetime.fromisoformat(self._seen[1])

    def adjust(
        self,
        contracts: Mapping[OptionContract, int] | None = None,
        *,
        shares: Mapping[str, int] | None = None,
        others: Mapping[str, int] | None = None,
        cash_usd: Decimal = Decimal(0),
    ) -> None:
        """Changes the account from outside, as settlement, assignment or another program does.

        Args:
            contracts: Contracts to add, signed.
            shares: Shares to add, signed, by symbol.
            others: Options to add that are no :class:`~optarb.OptionContract`, such as adjusted ones, signed, by symbol.
            cash_usd: Cash to add, signed.
        """
        for contract, quantity in (contracts or {}).items():
            self._contracts[contract] = self._contracts.get(contract, 0) + quantity
        for symbol, quantity in (shares or {}).items():
            self._shares[symbol] = self._shares.get(symbol, 0) + quantity
        for symbol, quantity in (others or {}).items():
            self._others[symbol] = self._others.get(symbol, 0) + quantity
        self._cash += cash_usd

    def tell(self, activity: Activity) -> None:
        """Has the account tell an activity from now on; it changes nothing by itself."""
        self._activities.append(activity)

    def settle(self, night: Night) -> None:
        """Ends contracts whose last day is over.

        Args:
            night: What :func:`~optarb.brokers.overnight.overnight` says of :meth:`positions`.
        """
        self.adjust(night.contracts, shares=night.shares, cash_usd=night.cash_usd)
        self._marks |= {symbol: str(value) for symbol, value in night.share_prices.items()}

    def dump(self) -> str:
        """Writes the whole account as JSON."""
        fields: dict[str, Any] = {
            "cash": str(self._cash),
            "seen": list(self._seen),
            "contracts": {contract.symbol: quantity for contract, quantity in self._contracts.items()},
            "shares": self._shares,
            "others": self._others,
            "activities": [
                {**dataclasses.asdict(one), "at": one.at.isoformat(), "cash_usd": str(one.cash_usd)} for one in self._activities
            ],
            "marks": self._marks,
            "orders": [
                {**{name: getattr(held, name) for name in _PLAIN}, "order": held.order.dump(), "status": str(held.status)}
                for held in self._orders.values()
            ],
        }
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def load(
        cls, text: str, simulator: Simulator | None = None, *, capabilities: Capabilities = SIMULATED_CAPABILITIES
    ) -> SimulatedAccount:
        """Reads an account back from :meth:`dump`.

        Args:
            text: What was written.
            simulator: Fill and fee models; they are not written down.
            capabilities: What the broker can do; they are not written down either.
        """
        fields = json.loads(text)
        account = cls(simulator, cash_usd=Decimal(fields["cash"]), capabilities=capabilities)
        account._seen = (fields["seen"][0], fields["seen"][1])
        account._contracts = {OptionContract.parse(symbol): quantity for symbol, quantity in fields["contracts"].items()}
        account._shares, account._marks = fields["shares"], fields["marks"]
        account._others = fields.get("others", {})
        for told in fields.get("activities", ()):
            at, cash_usd = datetime.fromisoformat(told.pop("at")), Decimal(told.pop("cash_usd"))
            account.tell(Activity(**told, at=at, cash_usd=cash_usd))
        for entry in fields["orders"]:
            order, status = OrderIntent.load(entry.pop("order")), OrderStatus(entry.pop("status"))
            account._orders[order.order_id] = _Held(order=order, status=status, **entry)
        return account

    def _refusal(self, order: OrderIntent) -> Rejected | None:
        underlyings = {leg.contract.underlying for leg in order.legs}
        if len(order.legs) > 1 and not self._capabilities.multi_leg:
            return Rejected(code="multi_leg", reason=f"order {order.order_id} has {len(order.legs)} legs; one is taken")
        if len(underlyings) > 1 and not self._capabilities.cross_underlying:
            return Rejected(code="cross_underlying", reason=f"order {order.order_id} is on {sorted(underlyings)}; one is taken")
        return None

    def _fill(self, held: _Held, view: SessionView) -> None:
        order = held.order
        quotes: list[Quote] = []
        prices: list[Decimal] = []
        for leg in order.legs:
            quote = _quote(view, leg.contract)
            at = None if quote is None else self._simulator.fills.fill_price(quote, leg.quantity)
            if quote is None or at is None:
                return
            quotes.append(quote)
            prices.append(at)
        net = sum((at * leg.quantity for at, leg in zip(prices, order.legs, strict=True)), Decimal(0)) / order.units
        if order.limit is not None and net > order.limit:
            return
        ratios = [Leg(contract=leg.contract, ratio=leg.quantity // order.units) for leg in order.legs]
        fees = order_fees(self._simulator.fees, ratios, prices, order.units, view.session)
        held.status, held.prices, held.fees = OrderStatus.FILLED, [str(at) for at in prices], str(fees)
        held.modelled = any(quote.modelled for quote in quotes)
        self._cash -= fees
        for leg, at in zip(order.legs, prices, strict=True):
            self._trade(leg.contract, leg.quantity, at)

    def _mark(self, view: SessionView) -> None:
        """Notes the price of all that is held; what is shown no price keeps its last one."""
        known, self._marks = self._marks, {}
        prices: dict[str, Decimal | None] = {}
        for contract in self.positions():
            quote = _quote(view, contract)
            prices[contract.symbol] = None if quote is None else quote.mid
        for symbol in self.shares():
            chain = _chain(view, symbol)
            spot = 0.0 if chain is None else chain.underlying_price
            prices[symbol] = price(spot) if spot > 0.0 else None
        for name, mark in prices.items():
            if mark is not None or name in known:
                self._marks[name] = known[name] if mark is None else str(mark)

    def _trade(self, contract: OptionContract, quantity: int, at: Decimal) -> None:
        self._contracts[contract] = self._contracts.get(contract, 0) + quantity
        self._cash -= at * quantity * contract.multiplier


_PLAIN = ("session", "prices", "fees", "modelled", "reason")


def _quote(view: SessionView, contract: OptionContract) -> Quote | None:
    chain = _chain(view, contract.underlying)
    return None if chain is None else chain.quote(contract)


def _chain(view: SessionView, symbol: str) -> Chain | None:
    """The chain of an underlying; None too where a view is that of another strategy, which does not name it."""
    try:
        return view.chain(symbol)
    except UnknownName:
        return None
