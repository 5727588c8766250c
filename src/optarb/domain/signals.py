"""What an expert answers: one or more proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from optarb.domain.legs import Structure

__all__ = ["Direction", "Proposal", "Signal"]


class Direction(StrEnum):
    """Which way an expert expects the underlying to go."""

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One thing an expert would do.

    Raises:
        ValueError: Confidence outside 0..1 or NaN, or a structure without ``choose``.
    """

    direction: Direction
    """Expected direction."""
    structure: Structure
    """How the direction becomes contracts."""
    confidence: float
    """0..1; policies compare it between experts."""
    reasons: tuple[str, ...] = ()
    """Why, in words."""

    def __post_init__(self) -> None:
        confidence: object = self.confidence
        if not isinstance(confidence, int | float) or not 0.0 <= confidence <= 1.0:
            msg = f"confidence must be a number from 0 to 1, got {self.confidence!r}"
            raise ValueError(msg)
        if isinstance(self.structure, type) or not isinstance(self.structure, Structure):
            msg = f"structure must be an instance with a choose method, got {self.structure!r}"
            raise ValueError(msg)  # noqa: TRY004


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One or more proposals of one expert at one instant; the most confident counts, the first of equals.

    Who said it, when and on what is filled in by the engine.

    Raises:
        ValueError: No proposals.
    """

    proposals: tuple[Proposal, ...]
    """At least one."""

    def __post_init__(self) -> None:
        if not self.proposals:
            msg = "a signal needs at least one proposal; return None for no signal"
            raise ValueError(msg)

    @property
    def best(self) -> Proposal:
        """The most confident proposal; of equals the first."""
        return max(self.proposals, key=lambda proposal: proposal.confidence)

    @classmethod
    def bullish(cls, structure: Structure, *, confidence: float, reasons: Sequence[str] = ()) -> Signal:
        """A signal with a single bullish proposal."""
        return cls.one(Direction.BULLISH, structure, confidence=confidence, reasons=reasons)

    @classmethod
    def bearish(cls, structure: Structure, *, confidence: float, reasons: Sequence[str] = ()) -> Signal:
        """A signal with a single bearish proposal."""
        return cls.one(Direction.BEARISH, structure, confidence=confidence, reasons=reasons)

    @classmethod
    def neutral(cls, structure: Structure, *, confidence: float, reasons: Sequence[str] = ()) -> Signal:
        """A signal with a single neutral proposal."""
        return cls.one(Direction.NEUTRAL, structure, confidence=confidence, reasons=reasons)

    @classmethod
    def one(cls, direction: Direction, structure: Structure, *, confidence: float, reasons: Sequence[str] = ()) -> Signal:
        """A signal with a single proposal.

        Args:
            direction: Expected direction.
            structure: How it becomes contracts.
            confidence: 0..1.
            reasons: Why, in words.
        """
        return cls(
            proposals=(Proposal(direction=direction, structure=structure, confidence=confidence, reasons=tuple(reasons)),)
        )
