"""An expert that is heard only while a feature lies in a band."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optarb.domain.signals import Signal
from optarb.errors import ConfigurationError, UnknownName
from optarb.experts._members import Member, ask, check_member, features_of, warm_up_of
from optarb.indicators import named

if TYPE_CHECKING:
    from optarb.protocols import MarketView

__all__ = ["RegimeExpert"]


@dataclass(frozen=True, kw_only=True)
class RegimeExpert:
    """Passes the signals of an expert on while a feature lies from :attr:`lowest` to :attr:`highest`, both included.

    Outside, and where the feature is NaN, the expert is not asked. Its features and warm-up are passed on, together with
    those of the feature itself.

    Raises:
        ConfigurationError: Something that is no expert, no feature, or a band that is empty, open on both sides or not finite.
    """

    inner: Member
    """Whose signals are passed on."""
    feature: str
    """Column that is read, such as ``"realised_vol_20"``."""
    lowest: float | None = None
    """Least value, in the feature's unit; None for no limit."""
    highest: float | None = None
    """Greatest value, in the feature's unit; None for no limit."""
    symbol: str | None = None
    """Symbol whose feature is read; None for the underlying. A reference, such as ``"VIX"``, must be among the strategy's."""

    def __post_init__(self) -> None:
        check_member(self.inner, "inner")
        if type(self.feature) is not str or not self.feature:
            raise ConfigurationError(f"feature must name a column, such as 'realised_vol_20', got {self.feature!r}")
        if self.lowest is None and self.highest is None:
            raise ConfigurationError("lowest or highest must be given; without both every value would do")
        lowest = -math.inf if self.lowest is None else self.lowest
        highest = math.inf if self.highest is None else self.highest
        finite = all(math.isfinite(bound) for bound in (self.lowest, self.highest) if bound is not None)
        if not finite or not lowest <= highest:
            raise ConfigurationError(f"the band must be finite and rise, got {self.lowest!r} to {self.highest!r}")

    @property
    def features(self) -> tuple[str, ...]:
        """The column, then those that the expert reads."""
        return tuple(dict.fromkeys((self.feature, *features_of(self.inner))))

    @property
    def warm_up(self) -> int:
        """Bars that the expert needs, and the column if it is the underlying's and in the catalogue."""
        return max(warm_up_of(self.inner), self._bars_of_feature())

    def evaluate(self, view: MarketView) -> Signal | None:
        """Reads the feature, then asks the expert; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            The inner expert's signal with a reason more; None where there is none, or outside the band.
        """
        value = view.feature(self.feature, self.symbol)
        too_low = self.lowest is not None and value < self.lowest
        too_high = self.highest is not None and value > self.highest
        if math.isnan(value) or too_low or too_high:
            return None
        signal = ask(self.inner, view, "inner")
        if signal is None:
            return None
        reason = f"{self.symbol or view.underlying} {self.feature} {value:.4g} is {self._band()}"
        return Signal(proposals=tuple(dataclasses.replace(one, reasons=(*one.reasons, reason)) for one in signal.proposals))

    def _band(self) -> str:
        if self.lowest is None:
            return f"at most {self.highest:g}"
        return f"at least {self.lowest:g}" if self.highest is None else f"from {self.lowest:g} to {self.highest:g}"

    def _bars_of_feature(self) -> int:
        if self.symbol is not None:
            return 1
        try:
            return 1 + named(self.feature).warm_up
        except UnknownName:  # an indicator of the desk's own, or of nobody, which the desk finds out
            return 1
