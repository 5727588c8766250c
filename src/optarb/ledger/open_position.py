"""A position as the book keeps it: mutable, in integer money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from optarb.domain.contracts import OptionContract
from optarb.domain.money import from_units, to_units
from optarb.domain.orders import Purpose
from optarb.ledger.account import Position, PositionLeg
from optarb.ledger.margin import payoff_bounds
from optarb.ledger.rows import session_date

__all__ = ["Lot", "OpenPosition"]


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

    @property
    def value(self) -> int:
        """Marked value, in ledger units."""
        return self.mark * self.quantity * OptionContract.parse(self.contract).multiplier


@dataclass(slots=True, kw_only=True)
class OpenPosition:
    """Legs opened together; money in ledger units for the whole position."""

    position_id: str
    """Unique within the book."""
    expert: str
    """Name of the expert."""
    underlying: str
    """Symbol the signal was about."""
    structure: str
    """The structure, in words."""
    unit_margin: int
    """Margin of one unit without hedge recognition."""
    unit_requirement: int | None = None
    """What the margin model asks of one unit whose loss is unbounded; None where ``unit_margin`` binds."""
    units: int = 0
    """Units opened; a unit that is only begun counts whole."""
    opened_session: int = 0
    """Session of the last opening fill, ``YYYYMMDD``; 0 before the first."""
    held_sessions: int = 0
    """Sessions since then."""
    premium: int = 0
    """Net cash paid at the opening."""
    proceeds: int = 0
    """Net cash that closing and settlement brought so far."""
    fees: int = 0
    """Fees so far."""
    max_loss: int | None = 0
    """Largest loss before fees; None if unbounded."""
    close_attempts: int = 0
    """Closing orders placed so far."""
    kept_without_bid: bool = False
    """Whether the last exit that was due found no bid."""
    lots: list[Lot] = field(default_factory=list[Lot])
    """One a contract."""
    notes: dict[str, str] = field(default_factory=dict[str, str])
    """The position manager's notes."""

    @classmethod
    def load(cls, fields: Mapping[str, Any]) -> OpenPosition:
        """Reads a position back from ``dataclasses.asdict``."""
        position = cls(**fields)
        position.lots = [Lot(**lot) for lot in fields["lots"]]
        return position

    @property
    def held(self) -> list[Lot]:
        """The lots that are not empty."""
        return [lot for lot in self.lots if lot.quantity]

    @property
    def value(self) -> int:
        """Marked value of what is held."""
        return sum(lot.value for lot in self.lots)

    @property
    def result(self) -> int:
        """What the position brought after fees; final once nothing is held."""
        return self.proceeds - self.premium - self.fees

    @property
    def invested(self) -> int:
        """Capital bound; see :attr:`Position.invested_usd`."""
        margin = self.unit_margin if self.unit_requirement is None else self.unit_requirement
        bound = margin * self.units if self.max_loss is None else self.max_loss
        return max(self.premium, bound, 0)

    def lot(self, contract: OptionContract) -> Lot:
        """Returns the lot of one of the position's contracts."""
        return next(lot for lot in self.lots if lot.contract == contract.symbol)

    def fill(self, purpose: Purpose, contract: OptionContract, quantity: int, cost: int) -> int:
        """Books a fill and returns its cash.

        Args:
            purpose: Of the order.
            contract: What was filled.
            quantity: Contracts, signed.
            cost: Sum of prices times contracts, signed like the quantity.
        """
        lot = self.lot(contract)
        cash = -cost * contract.multiplier
        lot.quantity += quantity
        if purpose is Purpose.OPEN:
            lot.opened += quantity
            lot.cost += cost
            lot.mark = round(lot.cost / lot.opened)
            self.premium -= cash
        else:
            self.proceeds += cash
        return cash

    def opened(self, ratios: Mapping[str, int], session: int) -> None:
        """Fixes what the opening decides, after fills of an opening order.

        Args:
            ratios: Contracts of one unit, unsigned, by OCC symbol.
            session: ``YYYYMMDD``.
        """
        self.opened_session, self.held_sessions = session, 0
        self.units = max(-(-abs(lot.opened) // ratios[lot.contract]) for lot in self.lots)
        holdings = [
            (OptionContract.parse(lot.contract), lot.opened, from_units(lot.cost) / lot.opened)
            for lot in self.lots
            if lot.opened
        ]
        bound = payoff_bounds(holdings).max_loss_usd
        self.max_loss = None if bound is None else to_units(bound)

    def picture(self) -> Position:
        """Returns the frozen picture that policies and position managers see."""
        legs = tuple(
            PositionLeg(
                contract=OptionContract.parse(lot.contract),
                quantity=lot.quantity,
                entry_price=from_units(round(lot.cost / lot.opened)),
                mark=from_units(lot.mark),
            )
            for lot in self.held
        )
        return Position(
            position_id=self.position_id,
            expert=self.expert,
            underlying=self.underlying,
            structure=self.structure,
            legs=legs,
            units=self.units,
            opened_session=session_date(self.opened_session),
            held_sessions=self.held_sessions,
            premium_usd=from_units(self.premium),
            max_loss_usd=None if self.max_loss is None else from_units(self.max_loss),
            margin_usd=Decimal(0) if not self.unit_margin else from_units(self.unit_margin * self.units),
            requirement_usd=None if self.unit_requirement is None else from_units(self.unit_requirement * self.units),
            fees_usd=from_units(self.fees),
            value_usd=from_units(self.value),
            quoted=all(lot.quoted for lot in self.held),
            proceeds_usd=from_units(self.proceeds),
            notes=dict(self.notes),
        )
