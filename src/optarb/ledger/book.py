"""The book of a run: a pure fold of order reports and events, in integer money.

The engine owns it. Everything it holds goes into :meth:`Book.dump` and comes back from :meth:`Book.load` unchanged, so that a
run can go on in another process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optarb.domain.contracts import OptionContract
from optarb.domain.money import from_units, to_units
from optarb.domain.orders import LegFill, OrderIntent, OrderReport, Purpose
from optarb.ledger.account import Account, Position, PositionLeg
from optarb.ledger.margin import payoff_bounds
from optarb.ledger.rows import session_date

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Book", "FillRecord", "Lot", "OpenPosition", "PositionPlan"]


@dataclass(slots=True, kw_only=True)
class Lot:
    """One contract of an open position; money in ledger units a share."""

    contract: str
    """OCC symbol."""
    quantity: int = 0
    """Contracts held, signed."""
    opened: int = 0
    """Contracts opened in all, signed."""
    cost: int = 0
    """Sum of opening prices times contracts, signed like the quantity."""
    mark: int = 0
    """Last mark."""
    quoted: bool = False
    """Whether the mark is of the current instant."""


@dataclass(slots=True, kw_only=True)
class OpenPosition:
    """A position as the book keeps it; money in ledger units for the whole position."""

    position_id: str
    expert: str
    underlying: str
    structure: str
    unit_margin: int
    units: int = 0
    opened_session: int = 0
    held_sessions: int = 0
    premium: int = 0
    proceeds: int = 0
    fees: int = 0
    max_loss: int | None = 0
    close_attempts: int = 0
    kept_without_bid: bool = False
    lots: list[Lot] = field(default_factory=list[Lot])
    notes: dict[str, str] = field(default_factory=dict[str, str])


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """What one report added to the book for one leg."""

    position_id: str
    purpose: Purpose
    contract: OptionContract
    quantity: int
    price: int
    """Ledger units a share."""
    fees: int
    """Ledger units; the fees of a report stand on its first leg."""
    modelled: bool


@dataclass(slots=True)
class _Working:
    order: OrderIntent
    seen: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    fees: int = 0


_FIGURES = ("initial", "cash", "realised", "fees", "opened_today", "closed_today", "session", "numbered_today")


class Book:
    """Cash, open positions and working orders of one book."""

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
        self._working: dict[str, _Working] = {}

    # -- a session begins ------------------------------------------------------------------------------------------------

    def begin_session(self, session: int) -> None:
        """Starts a session: counts the sessions positions are held and forgets the day's counters.

        Args:
            session: ``YYYYMMDD``, later than the one before.
        """
        self.session = session
        self.opened_today = self.closed_today = self.numbered_today = 0
        for position in self.positions.values():
            position.held_sessions += 1

    def next_position_id(self) -> str:
        """Returns a new position id: the session and a number from 1."""
        self.numbered_today += 1
        return f"{self.session}.{self.numbered_today}"

    # -- orders and fills -------------------------------------------------------------------------------------------------

    def place(self, order: OrderIntent, plan: PositionPlan | None = None) -> None:
        """Notes an order before it is sent.

        Args:
            order: The order.
            plan: What its fills become; needed for an opening order.
        """
        self._working[order.order_id] = _Working(order)
        if order.purpose is Purpose.CLOSE:
            self.positions[order.position_id].close_attempts = order.attempt
        if plan is not None and order.position_id not in self.positions:
            self.positions[order.position_id] = OpenPosition(
                position_id=order.position_id,
                expert=plan.expert,
                underlying=plan.underlying,
                structure=plan.structure,
                unit_margin=to_units(plan.unit_margin_usd),
                lots=[Lot(contract=leg.contract.symbol) for leg in order.legs],
            )

    def drop(self, order_id: str) -> None:
        """Forgets an order that cannot fill any more; a position that never got a fill goes with it."""
        working = self._working.pop(order_id, None)
        if working is None:
            return
        position = self.positions.get(working.order.position_id)
        if position is not None and not any(lot.opened for lot in position.lots):
            del self.positions[working.order.position_id]

    def apply(self, report: OrderReport) -> list[FillRecord]:
        """Books what a report adds to what was seen of its order before.

        Reports are cumulative, so lost, repeated and reordered ones do no harm. A report of an unknown order adds nothing.

        Args:
            report: The broker's report.

        Returns:
            One record for each leg that filled further.
        """
        working = self._working.get(report.order_id)
        if working is None:
            return []
        records = [record for fill in report.legs if (record := self._leg_filled(working, fill, report)) is not None]
        new_fees = max(to_units(report.fees) - working.fees, 0)
        if records and new_fees:
            self._charge(working.order.position_id, new_fees)
            working.fees += new_fees
            records[0] = _with_fees(records[0], new_fees)
        if records:
            self._after_fill(working.order)
        if report.status.is_terminal:
            self.drop(report.order_id)
        return records

    def _leg_filled(self, working: _Working, fill: LegFill, report: OrderReport) -> FillRecord | None:
        order, symbol = working.order, fill.contract.symbol
        seen_quantity, seen_cost = working.seen.get(symbol, (0, 0))
        added = fill.quantity - seen_quantity
        if abs(fill.quantity) <= abs(seen_quantity):
            return None
        cost = to_units(fill.price * fill.quantity)
        added_cost = cost - seen_cost
        working.seen[symbol] = (fill.quantity, cost)
        position = self.positions[order.position_id]
        lot = next(lot for lot in position.lots if lot.contract == symbol)
        cash = -added_cost * fill.contract.multiplier
        self.cash += cash
        lot.quantity += added
        if order.purpose is Purpose.OPEN:
            lot.opened += added
            lot.cost += added_cost
            lot.mark = round(lot.cost / lot.opened)
            position.premium -= cash
        else:
            position.proceeds += cash
        return FillRecord(
            position_id=order.position_id,
            purpose=order.purpose,
            contract=fill.contract,
            quantity=added,
            price=round(added_cost / added),
            fees=0,
            modelled=report.modelled,
        )

    def _after_fill(self, order: OrderIntent) -> None:
        position = self.positions[order.position_id]
        if order.purpose is Purpose.OPEN:
            if not position.opened_session:
                self.opened_today += 1
            position.opened_session = self.session
            position.held_sessions = 0
            ratios = {leg.contract.symbol: leg.quantity // order.units for leg in order.legs}
            position.units = max(abs(lot.opened // ratios[lot.contract]) for lot in position.lots)
            position.max_loss = self._max_loss(position)
        elif not any(lot.quantity for lot in position.lots):
            self._close(position)

    @staticmethod
    def _max_loss(position: OpenPosition) -> int | None:
        holdings = [
            (OptionContract.parse(lot.contract), lot.opened, from_units(lot.cost) / lot.opened)
            for lot in position.lots
            if lot.opened
        ]
        bound = payoff_bounds(holdings).max_loss_usd
        return None if bound is None else to_units(bound)

    def _charge(self, position_id: str, fees: int) -> None:
        self.cash -= fees
        self.fees += fees
        self.positions[position_id].fees += fees

    def _close(self, position: OpenPosition) -> None:
        self.realised += position.proceeds - position.premium - position.fees
        self.closed_today += 1
        del self.positions[position.position_id]

    # -- marks, settlement, notes ------------------------------------------------------------------------------------------

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

    def settle(self, position_id: str, contract: OptionContract, price: Decimal) -> int:
        """Ends a lot at a price without an order.

        Args:
            position_id: The position.
            contract: The contract.
            price: Cash a share.

        Returns:
            The cash received, in ledger units (negative: paid).
        """
        position = self.positions[position_id]
        lot = next(lot for lot in position.lots if lot.contract == contract.symbol)
        cash = to_units(price) * lot.quantity * contract.multiplier
        self.cash += cash
        position.proceeds += cash
        lot.quantity = 0
        if not any(one.quantity for one in position.lots):
            self._close(position)
        return cash

    def charge(self, position_id: str, fees_usd: Decimal) -> int:
        """Charges fees to an open position outside an order, and returns them in ledger units."""
        fees = to_units(fees_usd)
        self._charge(position_id, fees)
        return fees

    def note(self, position_id: str, notes: Mapping[str, str]) -> None:
        """Replaces a position's notes."""
        self.positions[position_id].notes = dict(notes)

    def _lots(self) -> Iterator[Lot]:
        for position in self.positions.values():
            for lot in position.lots:
                if lot.quantity:
                    yield lot

    # -- pictures -----------------------------------------------------------------------------------------------------------

    def value(self) -> int:
        """Returns the marked value of all that is open, in ledger units."""
        return sum(lot.mark * lot.quantity * OptionContract.parse(lot.contract).multiplier for lot in self._lots())

    def invested(self) -> int:
        """Returns the capital bound by open positions, in ledger units; see :attr:`Position.invested_usd`."""
        total = 0
        for position in self.positions.values():
            bound = position.unit_margin * position.units if position.max_loss is None else position.max_loss
            total += max(position.premium, bound, 0)
        return total

    def account(self, as_of: datetime, *, reserved_usd: Decimal = Decimal(0), in_doubt: Sequence[str] = ()) -> Account:
        """Takes the frozen picture that policies and position managers see.

        Args:
            as_of: Instant of the picture, aware UTC.
            reserved_usd: Worst case of orders that work or are in doubt.
            in_doubt: Ids of orders whose answer is unknown.
        """
        return Account(
            book_id=self.book_id,
            session=session_date(self.session),
            as_of=as_of,
            initial_usd=from_units(self.initial),
            cash_usd=from_units(self.cash),
            realised_usd=from_units(self.realised),
            positions=tuple(map(_picture, self.positions.values())),
            reserved_usd=reserved_usd,
            working=tuple(working.order for working in self._working.values()),
            in_doubt=tuple(in_doubt),
            opened_today=self.opened_today,
            closed_today=self.closed_today,
        )

    def dump(self) -> dict[str, Any]:
        """Writes everything as JSON values. No order may be working.

        Raises:
            ValueError: Orders are working; what they still fill would be lost.
        """
        if self._working:
            raise ValueError(f"orders are working: {sorted(self._working)}; a checkpoint stands between sessions")
        fields = {name: getattr(self, name) for name in _FIGURES}
        fields["positions"] = [asdict(position) for position in self.positions.values()]
        return fields

    @classmethod
    def load(cls, book_id: str, fields: Mapping[str, Any]) -> Book:
        """Reads a book back from :meth:`dump`."""
        book = cls(book_id, Decimal(0))
        for name in _FIGURES:
            setattr(book, name, fields[name])
        for entry in fields["positions"]:
            position = OpenPosition(**entry)
            position.lots = [Lot(**lot) for lot in entry["lots"]]
            book.positions[position.position_id] = position
        return book


def _with_fees(record: FillRecord, fees: int) -> FillRecord:
    return FillRecord(
        position_id=record.position_id,
        purpose=record.purpose,
        contract=record.contract,
        quantity=record.quantity,
        price=record.price,
        fees=fees,
        modelled=record.modelled,
    )


def _picture(position: OpenPosition) -> Position:
    legs = tuple(
        PositionLeg(
            contract=OptionContract.parse(lot.contract),
            quantity=lot.quantity,
            entry_price=from_units(round(lot.cost / lot.opened)) if lot.opened else Decimal(0),
            mark=from_units(lot.mark),
        )
        for lot in position.lots
        if lot.quantity
    )
    value = sum((leg.mark * leg.quantity * leg.contract.multiplier for leg in legs), Decimal(0))
    return Position(
        position_id=position.position_id,
        expert=position.expert,
        underlying=position.underlying,
        structure=position.structure,
        legs=legs,
        units=position.units,
        opened_session=session_date(position.opened_session or 19700101),
        held_sessions=position.held_sessions,
        premium_usd=from_units(position.premium),
        max_loss_usd=None if position.max_loss is None else from_units(position.max_loss),
        margin_usd=from_units(position.unit_margin * position.units),
        fees_usd=from_units(position.fees),
        value_usd=value,
        quoted=all(lot.quoted for lot in position.lots if lot.quantity),
        proceeds_usd=from_units(position.proceeds),
        notes=dict(position.notes),
    )
