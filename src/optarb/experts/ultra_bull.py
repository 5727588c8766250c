"""An expert that buys extreme dips, once enough stated conditions hold together."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, cast, get_args

from optarb.domain.legs import Structure
from optarb.domain.signals import Signal
from optarb.errors import ConfigurationError, UnknownName
from optarb.indicators import CatalogueIndicator
from optarb.structures import LongCall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from optarb.protocols import MarketView

__all__ = ["Dip", "UltraBullExpert"]

Dip = Literal["drawdown", "return", "spike", "fade", "rsi", "stochastic"]
"""Name of a condition."""

_DIPS: tuple[Dip, ...] = get_args(Dip)
_ROUNDING = 1e-12
"""Deviation of daily returns that is no more than the rounding of prices that rise evenly."""

_VOLATILITY: tuple[Dip, ...] = ("spike", "fade")


@dataclass(frozen=True, kw_only=True)
class UltraBullExpert:
    """Proposes a bullish structure after an extreme dip: where at least :attr:`needed` of its conditions hold at once.

    ============  ==================================================================================================
    condition     holds where
    ============  ==================================================================================================
    drawdown      the close lies :attr:`drawdown` or more below the highest close of :attr:`drawdown_length` sessions
    return        one of the newest :attr:`within` daily returns lies :attr:`deviations` or more sample standard
                  deviations below the mean of the :attr:`return_length` returns before it; never where those are equal
    spike         the highest close of the volatility index in the newest :attr:`within` sessions is :attr:`spike` or
                  more times the mean of its :attr:`spike_length` closes before them
    fade          after such a spike, the index closes :attr:`fade` or more below that highest close
    rsi           RSI is at or below :attr:`rsi_oversold`
    stochastic    %K is at or below :attr:`stochastic_oversold`
    ============  ==================================================================================================

    With ``m`` of ``n`` conditions met and ``k`` needed, the confidence is
    ``least_confidence + (greatest_confidence - least_confidence) x (m - k) / (n - k)``, and the greatest where ``k`` is ``n``.

    Conditions on the volatility index need it: an index that the strategy does not name among its references is an error at
    the first question, never a condition that is skipped. Where a reading is not there yet, or the newest close of the index
    belongs to an earlier session than that of the underlying, there is no signal, whatever the other conditions say. The rule
    says that a dip was extreme, not that it ends.

    Raises:
        ConfigurationError: A condition unknown, twice or none at all; ``needed`` outside 1 to their number; a structure,
            length, threshold or confidence that cannot serve.
    """

    bullish: Structure = field(default_factory=lambda: LongCall(dte=30, delta=0.5))
    """What a signal trades."""
    conditions: tuple[Dip, ...] = _DIPS
    """Conditions that count; one that is left out is not read."""
    needed: int = 4
    """How many of them must hold, 1 or more."""
    least_confidence: float = 0.6
    """Confidence where just as many hold as are needed, 0..1."""
    greatest_confidence: float = 0.9
    """Confidence where all hold, from ``least_confidence`` to 1."""

    drawdown: float = 0.10
    """Fraction below the highest close, between 0 and 1."""
    drawdown_length: int = 252
    """Sessions among which the highest close is sought, the newest included."""
    within: int = 5
    """Newest sessions in which a return or a spike counts, 1 or more."""
    deviations: float = 2.5
    """Standard deviations below the mean return, greater than 0."""
    return_length: int = 60
    """Returns before the one that is judged, 2 or more."""
    volatility: str = "VIX"
    """Symbol of the volatility index; among the strategy's references if ``spike`` or ``fade`` counts."""
    spike: float = 1.5
    """Multiple of the index' usual level, greater than 1."""
    spike_length: int = 60
    """Closes of the index that make its usual level, 1 or more."""
    fade: float = 0.10
    """Fraction by which the index has come down from its highest close, between 0 and 1."""
    rsi_length: int = 14
    """Sessions of the RSI."""
    rsi_oversold: float = 30.0
    """Highest RSI that is oversold, 0..100."""
    stochastic_length: int = 14
    """Sessions of the stochastic's range."""
    stochastic_smooth: int = 3
    """Sessions over which %K is smoothed."""
    stochastic_oversold: float = 20.0
    """Highest %K that is oversold, 0..100."""

    def __post_init__(self) -> None:
        if isinstance(self.bullish, type) or not isinstance(self.bullish, Structure):
            raise ConfigurationError(f"bullish must be an instance with a choose method, got {self.bullish!r}")
        self._check_conditions()
        for name, least in (("within", 1), ("return_length", 2), ("spike_length", 1)):
            value: object = getattr(self, name)
            if type(value) is not int or value < least:
                raise ConfigurationError(f"{name} must be a whole number of at least {least}, got {value!r}")
        for name, low, high in (
            ("drawdown", 0.0, 1.0),
            ("fade", 0.0, 1.0),
            ("deviations", 0.0, math.inf),
            ("spike", 1.0, math.inf),
        ):
            if not low < getattr(self, name) < high:
                raise ConfigurationError(f"{name} must lie between {low:g} and {high:g}, got {getattr(self, name)!r}")
        for name in ("rsi_oversold", "stochastic_oversold"):
            if not 0.0 <= getattr(self, name) <= 100.0:
                raise ConfigurationError(f"{name} must be from 0 to 100, got {getattr(self, name)!r}")
        if not 0.0 <= self.least_confidence <= self.greatest_confidence <= 1.0:
            raise ConfigurationError(
                "least_confidence and greatest_confidence must rise within 0 to 1, got "
                f"{self.least_confidence!r} and {self.greatest_confidence!r}"
            )
        _ = self._indicators  # refuses lengths that no indicator can have

    def _check_conditions(self) -> None:
        if not isinstance(cast("object", self.conditions), tuple) or len(set(self.conditions)) != len(self.conditions):
            raise ConfigurationError(f"conditions must be a tuple with each condition once, got {self.conditions!r}")
        for name in self.conditions:
            if name not in _DIPS:
                raise UnknownName.of("condition", name, _DIPS)
        if type(self.needed) is not int or not 1 <= self.needed <= len(self.conditions):
            raise ConfigurationError(
                f"needed must be a whole number from 1 to the number of conditions, {len(self.conditions)}, got {self.needed!r}"
            )

    @property
    def features(self) -> tuple[str, ...]:
        """Columns of the underlying that the conditions read."""
        return tuple(indicator.columns[0] for indicator in self._indicators.values())

    @property
    def warm_up(self) -> int:
        """Bars of the underlying that must be visible for every reading to be there."""
        returns = self.return_length + self.within + 1 if "return" in self.conditions else 1
        return max(returns, *(1 + indicator.warm_up for indicator in self._indicators.values()), 1)

    def confidence(self, met: int) -> float:
        """Returns the confidence of a signal; see the formula above.

        Args:
            met: How many conditions hold, from ``needed`` to their number.
        """
        more = len(self.conditions) - self.needed
        share = (met - self.needed) / more if more else 1.0
        # The sum may lie a rounding above the greatest.
        return min(self.least_confidence + (self.greatest_confidence - self.least_confidence) * share, self.greatest_confidence)

    def evaluate(self, view: MarketView) -> Signal | None:
        """Judges every condition; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            A bullish signal with the conditions that hold as reasons; None where too few hold or a reading is absent.

        Raises:
            ConfigurationError: A condition reads the volatility index, and the view does not know it.
        """
        judged = {"drawdown": self._drawdown, "return": self._return, "rsi": self._rsi, "stochastic": self._stochastic}
        judges: dict[str, Callable[[MarketView], str | None]] = {**judged, "spike": self._spike, "fade": self._fade}
        try:
            met = [words for name in self.conditions if (words := judges[name](view)) is not None]
        except _NoReadingError:
            return None
        if len(met) < self.needed:
            return None
        count = f"{len(met)} of {len(self.conditions)} conditions hold, {self.needed} needed"
        return Signal.bullish(self.bullish, confidence=self.confidence(len(met)), reasons=(count, *met))

    def _drawdown(self, view: MarketView) -> str | None:
        fallen = -self._read(view, "drawdown")
        if fallen < self.drawdown:
            return None
        return f"close {fallen:.1%} below its {self.drawdown_length}-session high, {self.drawdown:.1%} asked"

    def _return(self, view: MarketView) -> str | None:
        close = view.bars(n=self.return_length + self.within + 1).close
        if len(close) < self.return_length + self.within + 1:
            raise _NoReadingError
        score = _lowest_score(close[1:] / close[:-1] - 1.0, self.return_length)
        if score > -self.deviations:
            return None
        return f"a return of {score:.1f} deviations within {self.within} sessions, {-self.deviations:g} asked"

    def _spike(self, view: MarketView) -> str | None:
        highest, usual, _ = self._levels(view)
        if highest < self.spike * usual:
            return None
        times = f"{highest / usual:.2f} times its mean {usual:.2f}"
        return f"{self.volatility} rose to {highest:.2f}, {times}, {self.spike:g} asked"

    def _fade(self, view: MarketView) -> str | None:
        highest, usual, newest = self._levels(view)
        if highest < self.spike * usual or newest > (1.0 - self.fade) * highest:
            return None
        return (
            f"{self.volatility} {newest:.2f} is {1.0 - newest / highest:.1%} below its spike of {highest:.2f}, "
            f"{self.fade:.1%} asked"
        )

    def _rsi(self, view: MarketView) -> str | None:
        rsi = self._read(view, "rsi")
        return None if rsi > self.rsi_oversold else f"RSI {rsi:.1f}, at most {self.rsi_oversold:g} asked"

    def _stochastic(self, view: MarketView) -> str | None:
        k = self._read(view, "stochastic")
        return None if k > self.stochastic_oversold else f"stochastic %K {k:.1f}, at most {self.stochastic_oversold:g} asked"

    def _read(self, view: MarketView, name: str) -> float:
        value = view.feature(self._indicators[name].columns[0])
        if math.isnan(value):
            raise _NoReadingError
        return value

    def _levels(self, view: MarketView) -> tuple[float, float, float]:
        """The index' highest close of the newest sessions, its mean before them, and its newest close."""
        try:
            bars = view.bars(self.volatility, self.spike_length + self.within)
        except UnknownName as error:
            raise ConfigurationError(
                f"conditions {' and '.join(_VOLATILITY)} read {self.volatility!r}; name it among the strategy's references, or "
                f"leave them out of the conditions ({error})"
            ) from error
        if len(bars) < self.spike_length + self.within or bars.dates[-1] != view.bars(n=1).dates[-1]:
            raise _NoReadingError
        newest: list[float] = bars.close[-self.within :].tolist()
        return max(newest), float(bars.close[: self.spike_length].mean()), newest[-1]

    @cached_property
    def _indicators(self) -> Mapping[str, CatalogueIndicator]:
        """Indicators of the conditions that read one; kept, since they are asked for on every view."""
        of = CatalogueIndicator.of
        known = {
            "drawdown": of("drawdown", length=self.drawdown_length),
            "rsi": of("rsi", length=self.rsi_length),
            # %D, which nobody reads here, is not smoothed, so that it asks for no further bars.
            "stochastic": of("stochastic", length=self.stochastic_length, smooth=self.stochastic_smooth, d=1),
        }
        return {name: indicator for name, indicator in known.items() if name in self.conditions}


class _NoReadingError(Exception):
    """A condition cannot be judged yet."""


def _lowest_score(returns: NDArray[np.float64], length: int) -> float:
    """Returns the least score of the returns after the first ``length``.

    A score is the distance from the mean of the ``length`` returns before, in their sample deviations; 0 where these do not
    vary by more than rounding.
    """
    scores: list[float] = []
    for row in range(length, len(returns)):
        before = returns[row - length : row]
        deviation = float(before.std(ddof=1))
        scores.append(float(returns[row] - before.mean()) / deviation if deviation > _ROUNDING else 0.0)
    return min(scores)
