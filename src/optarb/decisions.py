"""What policies and position managers are asked and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from optarb.domain.legs import Leg
from optarb.domain.quotes import Quote
from optarb.domain.signals import Direction

__all__ = ["Candidate", "Decision", "Denial", "Entry", "Exit", "Review"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A signal with the legs its structure chose on this view, priced for one unit. Amounts in dollars."""

    session: date
    """Session of the view."""
    expert: str
    """Name of the expert."""
    underlying: str
    """Symbol the signal is about."""
    direction: Direction
    """Expected direction."""
    confidence: float
    """0..1."""
    reasons: tuple[str, ...]
    """The expert's reasons."""
    structure: str
    """The structure, in words."""
    legs: tuple[Leg, ...]
    """What one unit trades."""
    quotes: tuple[Quote, ...]
    """A quote a leg, in the same order."""
    premium_usd: Decimal
    """Net cash one unit costs at the fill model's prices, before fees: positive paid, negative received."""
    max_loss_usd: Decimal | None
    """Largest loss of one unit before fees; None if unbounded."""
    max_profit_usd: Decimal | None
    """Largest profit of one unit before fees; None if unbounded."""
    margin_usd: Decimal
    """Margin of one unit without hedge recognition; zero when bought for cash."""
    round_trip_fees_usd: Decimal
    """Fees of opening and closing one unit."""
    requirement_usd: Decimal | None = None
    """What the simulator's margin model asks of one unit whose loss is unbounded; None where ``margin_usd`` or the maximum loss
    binds."""

    @property
    def capital_usd(self) -> Decimal:
        """Capital one unit binds, with both sides' fees: premium paid, maximum loss or, where unbounded, the margin model's."""
        margin = self.margin_usd if self.requirement_usd is None else self.requirement_usd
        bound = margin if self.max_loss_usd is None else self.max_loss_usd
        return max(self.premium_usd, bound, Decimal(0)) + self.round_trip_fees_usd

    @property
    def numbers(self) -> dict[str, str]:
        """The figures that records of a decision keep, as text."""
        told = {
            "confidence": str(self.confidence),
            "premium": str(self.premium_usd),
            "max_loss": str(self.max_loss_usd),
            "margin": str(self.margin_usd),
        }
        return told if self.requirement_usd is None else {**told, "requirement": str(self.requirement_usd)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A candidate to be opened.

    Raises:
        ValueError: ``units`` is not a positive whole number.
    """

    candidate: Candidate
    """One of the candidates the policy was given."""
    units: int = 1
    """Units of the structure to open."""

    def __post_init__(self) -> None:
        units: object = self.units
        if not isinstance(units, int) or isinstance(units, bool) or units < 1:
            msg = f"units must be a whole number of at least 1, got {self.units!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A candidate that is not opened, and why."""

    candidate: Candidate
    """One of the candidates the policy was given."""
    rule: str
    """Stable short name of the rule, such as ``"max_open_positions"``."""
    reason: str
    """In words."""
    numbers: Mapping[str, str] = field(default_factory=dict[str, str])
    """The figures that decided, as text, such as ``{"open": "5", "limit": "5"}``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A policy's answer: every candidate stands in exactly one of the two."""

    entries: tuple[Entry, ...] = ()
    """What to open, in the order in which to open it."""
    denials: tuple[Denial, ...] = ()
    """What not to open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """A position to be closed whole.

    Raises:
        ValueError: The reason is empty.
    """

    position_id: str
    """An open position."""
    reason: str
    """``stop_loss``, ``profit_target``, ``time_exit`` or a name of one's own."""

    def __post_init__(self) -> None:
        if not self.reason:
            msg = f"an exit needs a reason (position {self.position_id!r})"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A position manager's answer."""

    exits: tuple[Exit, ...] = ()
    """What to close now."""
    notes: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """New notes by position id; they replace the position's notes and are checkpointed. A position left out keeps its notes."""
