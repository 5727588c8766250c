"""An expert that opens a pair of two underlyings while the market is calm."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from optarb.domain.legs import NoFit
from optarb.domain.signals import Signal
from optarb.errors import ConfigurationError, UnknownName
from optarb.indicators import CatalogueIndicator
from optarb.structures import CallPair, pair_match

if TYPE_CHECKING:
    from optarb.domain.quotes import Chain
    from optarb.protocols import MarketView
    from optarb.structures import PairMatch

__all__ = ["PairExpert"]


@dataclass(frozen=True, kw_only=True)
class PairExpert:
    """Proposes a :class:`~optarb.CallPair` while the volatility index lies in a band and the long underlying follows a trend.

    Its reasons tell the conditions, and what is left between the legs on the chains of the moment: the residual strike, and
    how many short contracts would match. It is asked about the pair's long underlying and silent about every other. The signal
    is neutral: at matching strikes the pair hardly depends on the direction. The rule says when conditions are met, not that
    the pair pays: it crosses both spreads on the way in and on the way out, and on modelled quotes there is no mispricing to
    earn.

    Raises:
        ConfigurationError: A structure that is no call pair, a band that is empty, a trend of an unknown name, a length or
            confidence out of range.
    """

    structure: CallPair = field(default_factory=lambda: CallPair(dte=30, moneyness=1.0))
    """The pair to open."""
    volatility: str = "VIX"
    """Symbol of the volatility index, in points; it must be among the strategy's references."""
    lowest_volatility: float = 0.0
    """Least close of the index, in points; zero or more."""
    highest_volatility: float = 20.0
    """Highest close of the index, in points."""
    trend: Literal["up", "down", "any"] = "any"
    """``"up"``: the close lies above its mean; ``"down"``: below; ``"any"``: the mean is not read."""
    trend_length: int = 50
    """Sessions of the mean, 2 or more."""
    confidence: float = 0.7
    """Of every signal, 0..1."""

    def __post_init__(self) -> None:
        if not isinstance(self.structure, CallPair):
            raise ConfigurationError(f"structure must be a CallPair, got {self.structure!r}")
        if not 0.0 <= self.lowest_volatility <= self.highest_volatility < math.inf:
            raise ConfigurationError(
                f"the band of volatility must rise from zero or more, got {self.lowest_volatility!r} to "
                f"{self.highest_volatility!r}"
            )
        if self.trend not in {"up", "down", "any"}:
            raise ConfigurationError(f'trend must be "up", "down" or "any", got {self.trend!r}')
        if type(self.trend_length) is not int or self.trend_length < 2:
            raise ConfigurationError(f"trend_length must be a whole number of at least 2, got {self.trend_length!r}")
        if not 0.0 <= self.confidence <= 1.0:
            raise ConfigurationError(f"confidence must be from 0 to 1, got {self.confidence!r}")

    @property
    def features(self) -> tuple[str, ...]:
        """The mean's column, if it is read."""
        return () if self.trend == "any" else self._mean.columns

    @property
    def warm_up(self) -> int:
        """Bars that must be visible."""
        return 1 if self.trend == "any" else 1 + self._mean.warm_up

    def evaluate(self, view: MarketView) -> Signal | None:
        """Looks at the newest closes; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            A neutral signal, or None where a condition is not met or a figure is absent.
        """
        if view.underlying != self.structure.long_underlying:
            return None
        levels = view.bars(self.volatility, 1).close
        if not len(levels) or not self.lowest_volatility <= levels[-1] <= self.highest_volatility:
            return None
        reasons = [f"{self.volatility} {levels[-1]:.2f} is from {self.lowest_volatility:g} to {self.highest_volatility:g}"]
        if self.trend != "any":
            trend = self._in_trend(float(view.bars(n=1).close[-1]), view.feature(self._mean.columns[0]))
            if trend is None:
                return None
            reasons.append(trend)
        match = self._match(view)
        if match is not None:
            reasons.append(str(match))
        return Signal.neutral(self.structure, confidence=self.confidence, reasons=reasons)

    def _in_trend(self, close: float, mean: float) -> str | None:
        """The trend in words, or None where the close does not follow it or there is no mean."""
        above = close > mean
        if math.isnan(mean) or close == mean or above != (self.trend == "up"):
            return None
        side = "above" if above else "below"
        return f"close {close:.2f} is {side} its {self.trend_length}-session mean {mean:.2f}"

    def _match(self, view: MarketView) -> PairMatch | None:
        """What is left between the legs that the structure will choose; None where it will find none."""
        chains: dict[str, Chain] = {}
        for symbol in (self.structure.long_underlying, self.structure.short_underlying):
            try:
                chain = view.chain(symbol)
            except UnknownName:  # the strategy does not trade it, which the structure will say
                return None
            if chain is not None:
                chains[symbol] = chain
        legs = self.structure.choose(chains, view.underlying)
        match = legs if isinstance(legs, NoFit) else pair_match(legs, chains, rate=self.structure.rate)
        return None if isinstance(match, NoFit) else match

    @property
    def _mean(self) -> CatalogueIndicator:
        return CatalogueIndicator.of("sma", length=self.trend_length)
