"""The frozen picture of a book that policies, position managers and experts' owners see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from optarb.domain.contracts import OptionContract
from optarb.domain.orders import OrderIntent

__all__ = ["Account", "Position", "PositionLeg"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLeg:
    """One contract held in a position."""

    contract: OptionContract
    """The contract."""
    quantity: int
    """Contracts held, signed: positive long, negative short."""
    entry_price: Decimal
    """Average opening fill, dollars per share."""
    mark: Decimal
    """Last mark, dollars per share: the closing side (long at bid, short at ask) unless mid was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Legs opened together, as they stand now. All amounts in dollars for the whole position."""

    position_id: str
    """Unique within the book, such as ``"20140203.1"``: opening session and number."""
    expert: str
    """Name of the expert whose signal opened it."""
    underlying: str
    """Symbol the signal was about."""
    structure: str
    """The structure, in words."""
    legs: tuple[PositionLeg, ...]
    """What is held."""
    units: int
    """Units of the structure held."""
    opened_session: date
    """Session of the last opening fill."""
    held_sessions: int
    """Sessions since then; 0 in the opening session."""
    premium_usd: Decimal
    """Net cash paid at the opening, before fees: positive for a debit, negative for a credit."""
    max_loss_usd: Decimal | None
    """Largest loss before fees, fixed at the fill; None if unbounded."""
    margin_usd: Decimal
    """Entry margin without hedge recognition; zero for positions bought for cash."""
    fees_usd: Decimal
    """Fees paid so far."""
    value_usd: Decimal
    """What closing would bring at the last marks (negative: would cost), before fees."""
    quoted: bool
    """Whether every leg has a usable quote at this instant, so that ``value_usd`` is current."""
    proceeds_usd: Decimal = Decimal(0)
    """Cash that parts already closed or settled brought, before fees."""
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    """The position manager's own notes, checkpointed with the book."""
    requirement_usd: Decimal | None = None
    """What the margin model asked at the entry of a position whose loss is unbounded; None where ``margin_usd`` binds."""

    @property
    def gain_usd(self) -> Decimal:
        """Gain before fees: what closed parts brought and closing the rest would bring, less the premium."""
        return self.value_usd + self.proceeds_usd - self.premium_usd

    @property
    def profit_basis_usd(self) -> Decimal:
        """What a profit target is a fraction of: premium paid (debit) or credit received (credit)."""
        return abs(self.premium_usd)

    @property
    def loss_basis_usd(self) -> Decimal:
        """What a stop loss is a fraction of: premium paid (debit), else maximum loss, else entry margin."""
        if self.premium_usd > 0:
            return self.premium_usd
        return self.margin_usd if self.max_loss_usd is None else self.max_loss_usd

    @property
    def invested_usd(self) -> Decimal:
        """Capital bound: the largest of premium paid, maximum loss or, where that is unbounded, what the margin model asks."""
        margin = self.margin_usd if self.requirement_usd is None else self.requirement_usd
        bound = margin if self.max_loss_usd is None else self.max_loss_usd
        return max(self.premium_usd, bound, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A frozen picture of a book at one instant. Amounts in dollars."""

    book_id: str
    """The book."""
    session: date
    """Session the picture belongs to."""
    as_of: datetime
    """Instant of the picture, aware UTC."""
    initial_usd: Decimal
    """Capital the book began with."""
    cash_usd: Decimal
    """Cash after every fill, fee and settlement."""
    realised_usd: Decimal
    """Sum of the results of closed positions, after fees."""
    positions: tuple[Position, ...]
    """Open positions, oldest first."""
    reserved_usd: Decimal = Decimal(0)
    """Worst case of orders that work or are in doubt."""
    working: tuple[OrderIntent, ...] = ()
    """Orders that work at the broker."""
    in_doubt: tuple[str, ...] = ()
    """Ids of orders whose answer is unknown; they count as filled for limits and for capital."""
    opened_today: int = 0
    """Positions opened in this session."""
    closed_today: int = 0
    """Positions closed in this session."""

    @property
    def invested_usd(self) -> Decimal:
        """Capital bound by open positions."""
        return sum((position.invested_usd for position in self.positions), Decimal(0))

    @property
    def available_usd(self) -> Decimal:
        """What may be spent: initial + realised - invested - reserved, and never more than the cash less what is reserved."""
        funds = self.initial_usd + self.realised_usd - self.invested_usd
        return min(funds, self.cash_usd) - self.reserved_usd

    @property
    def margin_loan_usd(self) -> Decimal:
        """Cash owed after assignment, exercise or settlement; zero or more. While it is positive, entries are blocked."""
        return max(-self.cash_usd, Decimal(0))

    @property
    def equity_usd(self) -> Decimal:
        """Cash and the marked value of everything open."""
        return self.cash_usd + sum((position.value_usd for position in self.positions), Decimal(0))
