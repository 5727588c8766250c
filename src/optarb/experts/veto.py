"""An expert that is silenced by another."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from optarb.domain.signals import Direction, Signal
from optarb.errors import ConfigurationError
from optarb.experts._members import Member, ask, check_member, features_of, short_name, warm_up_of

if TYPE_CHECKING:
    from optarb.protocols import MarketView

__all__ = ["VetoExpert"]


@dataclass(frozen=True, kw_only=True)
class VetoExpert:
    """Passes the signals of one expert on, unless another objects.

    The other is asked only where there is a signal. What it would trade itself, and how sure it is, does not matter. Features
    and the longer warm-up of both are passed on, and their outside calls are kept apart. One of them may train.

    Raises:
        ConfigurationError: Something that is no expert, or an unknown kind of objection.
    """

    inner: Member
    """Whose signals are passed on."""
    veto: Member
    """Who may object."""
    objection: Literal["opposite", "any"] = "opposite"
    """``"opposite"``: a bullish signal against a bearish one or the other way round; ``"any"``: any signal at all."""

    def __post_init__(self) -> None:
        check_member(self.inner, "inner")
        check_member(self.veto, "veto")
        if self.objection not in {"opposite", "any"}:
            raise ConfigurationError(f'objection must be "opposite" or "any", got {self.objection!r}')

    @property
    def features(self) -> tuple[str, ...]:
        """Columns that both read."""
        return features_of(self.inner, self.veto)

    @property
    def warm_up(self) -> int:
        """Bars that the more demanding of them needs."""
        return warm_up_of(self.inner, self.veto)

    def evaluate(self, view: MarketView) -> Signal | None:
        """Asks the one, then the other; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            The inner expert's signal with a reason more; None where there is none, or where the other objects.
        """
        signal = ask(self.inner, view, "inner")
        if signal is None:
            return None
        other = ask(self.veto, view, "veto")
        if other is not None and (
            self.objection == "any" or {signal.best.direction, other.best.direction} == {Direction.BULLISH, Direction.BEARISH}
        ):
            return None
        said = "is silent" if other is None else f"is {other.best.direction}"
        passed = f"no veto: {short_name(self.veto)} {said}"
        return Signal(proposals=tuple(dataclasses.replace(one, reasons=(*one.reasons, passed)) for one in signal.proposals))
