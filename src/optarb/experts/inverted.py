"""An expert that takes the other side of another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from optarb.domain.legs import Structure
from optarb.domain.signals import Direction, Signal
from optarb.errors import ConfigurationError
from optarb.experts._members import Member, ask, check_member, features_of, short_name, warm_up_of
from optarb.structures import LongCall, LongPut

if TYPE_CHECKING:
    from optarb.protocols import MarketView

__all__ = ["InvertedExpert"]


@dataclass(frozen=True, kw_only=True)
class InvertedExpert:
    """Is bearish where another expert is bullish, and bullish where it is bearish, with the same confidence.

    The other's best proposal counts. Its structure cannot be turned round, so that both are given here. A neutral proposal has
    no other side: there is no signal. Features and warm-up are passed on.

    Raises:
        ConfigurationError: Something that is no expert, or no structure.
    """

    inner: Member
    """Whose other side is taken."""
    bullish: Structure = field(default_factory=lambda: LongCall(dte=30, delta=0.5))
    """What is traded where the expert is bearish."""
    bearish: Structure = field(default_factory=lambda: LongPut(dte=30, delta=0.5))
    """What is traded where the expert is bullish."""

    def __post_init__(self) -> None:
        check_member(self.inner, "inner")
        for name in ("bullish", "bearish"):
            structure = getattr(self, name)
            if isinstance(structure, type) or not isinstance(structure, Structure):
                raise ConfigurationError(f"{name} must be an instance with a choose method, got {structure!r}")

    @property
    def features(self) -> tuple[str, ...]:
        """Columns that the expert reads."""
        return features_of(self.inner)

    @property
    def warm_up(self) -> int:
        """Bars that the expert needs."""
        return warm_up_of(self.inner)

    def evaluate(self, view: MarketView) -> Signal | None:
        """Asks the expert; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            A signal of the other direction; None where the expert gives none or a neutral one.
        """
        signal = ask(self.inner, view, "inner")
        if signal is None or signal.best.direction == Direction.NEUTRAL:
            return None
        best = signal.best
        reasons = (f"the other side of {short_name(self.inner)}, which is {best.direction}", *best.reasons)
        if best.direction == Direction.BULLISH:
            return Signal.bearish(self.bearish, confidence=best.confidence, reasons=reasons)
        return Signal.bullish(self.bullish, confidence=best.confidence, reasons=reasons)
