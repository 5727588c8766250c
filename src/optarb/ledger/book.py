"""The book of a run: a pure fold of order reports and events, in integer money.

The engine owns it. Everything it holds between sessions goes into :meth:`Book.dump` and comes back from :meth:`Book.load`
unchanged, so that a run can go on in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.money import from_units, to_units
from optarb.domain.orders import LegFill, OrderIntent, OrderReport, Purpose
from optarb.ledger.account import Account
from optarb.ledger.open_position import Lot, OpenPosition
from optarb.ledger.rows import session_date

__all__ = ["Book", "FillRecord", "PositionPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPlan:
    """What an opening order's fills will become."""

    expert: str
    """Name of the expert."""
    underlying: str
    """Symbol the signal was about."""
    structure: str
    """The structure, in words."""
    unit_margin_usd: Decimal
    """Margin of one unit without hedge recognition; zero when bought for cash."""
    unit_capital_usd: Decimal = Decimal(0)
    """Worst case of one unit with both sides' fees, reserved while the order works."""
    unit_requirement_usd: Decimal | None = None
    """What the margin model asks of one unit whose loss is unbounded; None where ``unit_margin_usd`` binds."""
    legs: tuple[Leg, ...] = ()
    """The whole structure, where each of its legs has an order of its own; empty where one order trades them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """What one report added to the book for one leg."""

    position_id: str
    """The position."""
    purpose: Purpose
    """Of the order."""
    contract: OptionContract
    """The leg's contract."""
    quantity: int
    """Contracts filled further, signed; 0 where only fees were added."""
    price: int
    """Ledger units a share, rounded where an average is no whole number of them; 0 where only fees were added."""
    cash: int
    """Ledger units received before fees (negative: paid), exactly as the book's cash moved."""
    fees: int
    """Ledger units; the fees of a report stand on its first leg."""
    modelled: bool
    """Whether a fill price comes from a modelled quote."""


@dataclass(slots=True)
class _Sent:
    """An order of this session and what was seen of it."""

    order: OrderIntent
    position: OpenPosition
    unit_capital: int
    ratios: Mapping[str, int]
    seen: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    fees: int = 0
    is_over: bool = False
    in_doubt: bool = False

    @property
    def unfilled_units(self) -> int:
        """Units that are not filled whole."""
        filled = (
            abs(self.seen.get(leg.contract.symbol, (0, 0))[0]) * self.order.units // abs(leg.quantity)
            for leg in self.order.legs
        )
        return self.order.units - min(filled)

    def dump(self) -> dict[str, Any]:
        """Writes it as JSON values; the position by its id."""
        return {
            "order": self.order.dump(),
            "unit_capital": self.unit_capital,
            "ratios": dict(self.ratios),
            "seen": {symbol: list(seen) for symbol, seen in self.seen.items()},
            "fees": self.fees,
            "is_over": self.is_over,
            "in_doubt": self.in_doubt,
        }

    @classmethod
    def load(cls, fields: Mapping[str, Any], positions: Mapping[str, OpenPosition]) -> _Sent:
        """Reads it back; positions are those that orders may still fill."""
        order = OrderIntent.load(fields["order"])
        seen = {symbol: (quantity, cost) for symbol, (quantity, cost) in fields["seen"].items()}
        values: dict[str, Any] = {**fields, "order": order, "seen": seen, "position": positions[order.position_id]}
        return cls(**values)


_FIGURES = ("initial", "cash", "realised", "fees", "opened_today", "closed_today", "session", "numbered_today")


class Book:
    """Cash, open positions and the session's orders of one book."""

    def __init__(self, book_id: str, initial_usd: Decimal) -> None:
        """Opens an empty book.

        Args:
            book_id: The book.
            initial_usd: Capital it begins with.
        """
        self.book_id = book_id
        self.initial = to_units(initial_usd)
        self.cash = self.initial
        self.realised = 0
        self.fees = 0
        self.opened_today = 0
        self.closed_today = 0
        self.session = 0
        self.numbered_today = 0
        self.positions: dict[str, OpenPosition] = {}
        self._sent: dict[str, _Sent] = {}

    # -- a session begins ----------------------------------------------------------------------------------------------------

    def begin_session(self, session: int) -> None:
        """Starts a session: counts the sessions positions are held, forgets the day's counters and the orders that are over.

        Args:
            session: ``YYYYMMDD``, later than the one before.
        """
        self.session = session
        self.opened_today = self.closed_today = self.numbered_today = 0
        self._sent = {order_id: sent for order_id, sent in self._sent.items() if not sent.is_over}
        for position in self.positions.values():
            position.held_sessions += 1

    def next_position_id(self) -> str:
        """Returns a new position id: the session and a number from 1."""
        self.numbered_today += 1
        return f"{self.session}.{self.numbered_today}"

    # -- orders and fills ----------------------------------------------------------------------------------------------------

    def place(self, order: OrderIntent, plan: PositionPlan | None = None) -> None:
        """Notes an order before it is sent. A position is there from its first fill on.

        Args:
            order: The order.
            plan: What its fills become; needed for an opening order.

        Raises:
            ValueError: An opening order without a plan.
            KeyError: A closing order of a position that is not open.
        """
        ratios = {leg.contract.symbol: abs(leg.quantity // order.units) for leg in order.legs}
        if order.purpose is Purpose.CLOSE:
            position = self.positions[order.position_id]
            position.close_attempts = order.attempt
            self._sent[order.order_id] = _Sent(order, position, 0, ratios)
            return
        if plan is None:
            raise ValueError(f"opening order {order.order_id} needs a plan of its position")
        ratios = {leg.contract.symbol: abs(leg.ratio) for leg in plan.legs} or ratios
        position = self._known(order.position_id) or OpenPosition(
            position_id=order.position_id,
            expert=plan.expert,
            underlying=plan.underlying,
            structure=plan.structure,
            unit_margin=to_units(plan.unit_margin_usd),
            unit_requirement=None if plan.unit_requirement_usd is None else to_units(plan.unit_requirement_usd),
            lots=[Lot(contract=symbol) for symbol in ratios],
        )
        self._sent[order.order_id] = _Sent(order, position, to_units(plan.unit_capital_usd), ratios)

    def _known(self, position_id: str) -> OpenPosition | None:
        """An open position, or one that another order of this session may open or has closed."""
        placed = (sent.position for sent in self._sent.values() if sent.order.position_id == position_id)
        return self.positions.get(position_id) or next(placed, None)

    def doubt(self, order_id: str) -> None:
        """Notes that nobody knows whether an order landed; it counts as filled for limits and capital."""
        self._sent[order_id].in_doubt = True

    def is_working(self, order_id: str) -> bool:
        """Whether an order may still fill, as far as the book knows."""
        sent = self._sent.get(order_id)
        return sent is not None and not sent.is_over

    def is_closing(self, position_id: str) -> bool:
        """Whether a closing order of a position may still fill."""
        return any(
            not sent.is_over and sent.order.purpose is Purpose.CLOSE and sent.order.position_id == position_id
            for sent in self._sent.values()
        )

    def drop(self, order_id: str) -> None:
        """Notes that an order is over. A fill that is reported all the same is booked in the same session."""
        if order_id in self._sent:
            self._sent[order_id].is_over = True

    def apply(self, report: OrderReport) -> list[FillRecord]:
        """Books what a report adds to what was seen of its order before.

        Reports are cumulative, so lost, repeated and reordered ones do no harm. A report of an order that was not placed adds
        nothing. A fill of a position that ended meanwhile opens it again.

        Args:
            report: The broker's report.

        Returns:
            One record for each leg that filled further; a record without a quantity where only fees were added.
        """
        sent = self._sent.get(report.order_id)
        if sent is None:
            return []
        sent.in_doubt = False
        records = [record for fill in report.legs if (record := self._leg_filled(sent, fill, report)) is not None]
        fees = max(to_units(report.fees) - sent.fees, 0)
        if fees:
            sent.fees += fees
            self.cash -= fees
            self.fees += fees
            sent.position.fees += fees
            if not records:
                self.realised -= 0 if sent.position.position_id in self.positions else fees
                records.append(_nothing(sent.order, report))
            records[0] = replace(records[0], fees=fees)
        if any(record.quantity for record in records):
            self._after_fill(sent)
        sent.is_over = sent.is_over or report.status.is_terminal
        return records

    def _leg_filled(self, sent: _Sent, fill: LegFill, report: OrderReport) -> FillRecord | None:
        symbol = fill.contract.symbol
        seen_quantity, seen_cost = sent.seen.get(symbol, (0, 0))
        if abs(fill.quantity) <= abs(seen_quantity):
            return None
        cost = to_units(fill.price * fill.quantity)
        sent.seen[symbol] = (fill.quantity, cost)
        self._hold(sent.position)
        added, added_cost = fill.quantity - seen_quantity, cost - seen_cost
        cash = sent.position.fill(sent.order.purpose, fill.contract, added, added_cost)
        self.cash += cash
        return FillRecord(
            position_id=sent.order.position_id,
            purpose=sent.order.purpose,
            contract=fill.contract,
            quantity=added,
            price=round(added_cost / added),
            cash=cash,
            fees=0,
            modelled=report.modelled,
        )

    def _hold(self, position: OpenPosition) -> None:
        """Takes a position among the open ones: at its first fill, or when a late fill opens it again."""
        if position.position_id in self.positions:
            return
        if position.opened_session:
            self.realised -= position.result
            self.closed_today = max(self.closed_today - 1, 0)
        else:
            self.opened_today += 1
        self.positions[position.position_id] = position
        # The oldest comes first whatever order the fills came in: what is asked of them must not depend on it.
        self.positions = dict(sorted(self.positions.items(), key=_age))

    def _after_fill(self, sent: _Sent) -> None:
        if sent.order.purpose is Purpose.OPEN:
            sent.position.opened(sent.ratios, self.session)
        if not sent.position.held:
            self._close(sent.position)

    def _close(self, position: OpenPosition) -> None:
        self.realised += position.result
        self.closed_today += 1
        del self.positions[position.position_id]

    # -- marks, settlement, notes --------------------------------------------------------------------------------------------

    def mark(self, price_of: Callable[[OptionContract, int], Decimal | None]) -> None:
        """Marks every lot; one without a price keeps its last mark and counts as unquoted.

        Args:
            price_of: The mark per share of a contract held in a signed quantity, or None.
        """
        for lot in self._lots():
            price = price_of(OptionContract.parse(lot.contract), lot.quantity)
            lot.quoted = price is not None
            if price is not None:
                lot.mark = to_units(price)

    def settle(self, position_id: str, contract: OptionContract, price: Decimal, quantity: int | None = None) -> int:
        """Ends a lot, or a part of it, at a price without an order.

        Args:
            position_id: The position.
            contract: The contract.
            price: Cash a share.
            quantity: Contracts of the lot that end, signed like it; None for all.

        Returns:
            The cash received, in ledger units (negative: paid).
        """
        position = self.positions[position_id]
        lot = position.lot(contract)
        ending = lot.quantity if quantity is None else quantity
        cash = to_units(price) * ending * contract.multiplier
        self.cash += cash
        position.proceeds += cash
        lot.quantity -= ending
        if not position.held:
            self._close(position)
        return cash

    def charge(self, position_id: str, fees_usd: Decimal) -> int:
        """Charges fees to an open position outside an order, and returns them in ledger units."""
        fees = to_units(fees_usd)
        self.cash -= fees
        self.fees += fees
        self.positions[position_id].fees += fees
        return fees

    def note(self, position_id: str, notes: Mapping[str, str]) -> None:
        """Replaces a position's notes."""
        self.positions[position_id].notes = dict(notes)

    def _lots(self) -> Iterator[Lot]:
        for position in self.positions.values():
            yield from position.held

    # -- pictures ------------------------------------------------------------------------------------------------------------

    def value(self) -> int:
        """Returns the marked value of all that is open, in ledger units."""
        return sum(position.value for position in self.positions.values())

    def invested(self) -> int:
        """Returns the capital bound by open positions, in ledger units."""
        return sum(position.invested for position in self.positions.values())

    def reserved(self) -> int:
        """Returns the worst case of what opening orders may still fill, in ledger units."""
        return sum(sent.unit_capital * sent.unfilled_units for sent in self._sent.values() if not sent.is_over)

    def account(self, as_of: datetime) -> Account:
        """Takes the frozen picture that policies and position managers see.

        Args:
            as_of: Instant of the picture, aware UTC.
        """
        working = [sent for sent in self._sent.values() if not sent.is_over]
        return Account(
            book_id=self.book_id,
            session=session_date(self.session),
            as_of=as_of,
            initial_usd=from_units(self.initial),
            cash_usd=from_units(self.cash),
            realised_usd=from_units(self.realised),
            positions=tuple(position.picture() for position in self.positions.values()),
            reserved_usd=from_units(self.reserved()),
            working=tuple(sent.order for sent in working),
            in_doubt=tuple(sent.order.order_id for sent in working if sent.in_doubt),
            opened_today=self.opened_today,
            closed_today=self.closed_today,
        )

    def dump(self, *, with_orders: bool = False) -> dict[str, Any]:
        """Writes everything as JSON values.

        Args:
            with_orders: Whether the session's orders are written too, as a live book needs it; without, none may be working.

        Raises:
            ValueError: Orders are working and are not written; what they still fill would be lost.
        """
        working = sorted(order_id for order_id, sent in self._sent.items() if not sent.is_over)
        if working and not with_orders:
            raise ValueError(f"orders are working: {working}; a checkpoint stands between sessions")
        fields = {name: getattr(self, name) for name in _FIGURES}
        fields["positions"] = [asdict(position) for position in self.positions.values()]
        if with_orders:
            absent = {id(sent.position): sent.position for sent in self._sent.values()}
            held = {id(position) for position in self.positions.values()}
            fields["orders"] = [sent.dump() for sent in self._sent.values()]
            fields["absent"] = [asdict(position) for key, position in absent.items() if key not in held]
        return fields

    @classmethod
    def load(cls, book_id: str, fields: Mapping[str, Any]) -> Book:
        """Reads a book back from :meth:`dump`."""
        book = cls(book_id, Decimal(0))
        for name in _FIGURES:
            setattr(book, name, fields[name])
        for entry in fields["positions"]:
            position = OpenPosition.load(entry)
            book.positions[position.position_id] = position
        absent = [OpenPosition.load(entry) for entry in fields.get("absent", ())]
        known = {position.position_id: position for position in absent} | book.positions
        for entry in fields.get("orders", ()):
            sent = _Sent.load(entry, known)
            book._sent[sent.order.order_id] = sent
        return book


def _age(entry: tuple[str, OpenPosition]) -> tuple[str, int, str]:
    """Orders position ids by session, then by number."""
    session, _, number = entry[0].partition(".")
    return session, len(number), number


def _nothing(order: OrderIntent, report: OrderReport) -> FillRecord:
    """A record that only carries fees."""
    return FillRecord(
        position_id=order.position_id,
        purpose=order.purpose,
        contract=order.legs[0].contract,
        quantity=0,
        price=0,
        cash=0,
        fees=0,
        modelled=report.modelled,
    )
