"""An expert that reads Elliott's waves from causal swings, and is silent where none can be counted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast, get_args

from optarb.domain.legs import Structure
from optarb.domain.signals import Direction, Signal
from optarb.errors import ConfigurationError, UnknownName
from optarb.experts.pivots import find_pivots
from optarb.experts.wave_counts import WaveEnd, count_waves
from optarb.indicators import CatalogueIndicator
from optarb.structures import LongCall, LongPut

if TYPE_CHECKING:
    from optarb.domain.bars import Bars
    from optarb.experts.wave_counts import WaveCount
    from optarb.protocols import MarketView

__all__ = ["ElliottWaveExpert"]

_ENDS: tuple[WaveEnd, ...] = get_args(WaveEnd)


@dataclass(frozen=True, kw_only=True)
class ElliottWaveExpert:
    """Proposes the direction of an impulse where its wave 2, its wave 4 or the correction after it has just ended.

    Swings are those of :func:`~optarb.experts.pivots.find_pivots`, confirmed by a turn of :attr:`reversal` average true ranges
    as of the bar that confirms. Counts are those of :func:`~optarb.experts.wave_counts.count_waves`, which breaks none of the
    rules of impulse waves. Of the counts that end at the newest pivot the one with the highest score speaks, of equals the one
    with more waves, if it reaches :attr:`least_score` and the pivot was confirmed within :attr:`fresh` sessions. In all other
    sessions, which are most, there is no count and no signal.

    The confidence is ``least_confidence + (greatest_confidence - least_confidence) x (score - least_score) / (1 -
    least_score)``: a measure of how usual the proportions are, not a probability. The reasons tell the price beyond which the
    count is wrong.

    Raises:
        ConfigurationError: A wave's end unknown, twice or none at all; a structure, length, multiple, score or confidence that
            cannot serve.
    """

    bullish: Structure = field(default_factory=lambda: LongCall(dte=30, delta=0.5))
    """What a bullish signal trades."""
    bearish: Structure = field(default_factory=lambda: LongPut(dte=30, delta=0.5))
    """What a bearish signal trades."""
    ends: tuple[WaveEnd, ...] = _ENDS
    """Waves whose ends count. A wave 2 rests on three pivots alone; leave it out for fewer and fuller counts."""
    reversal: float = 3.0
    """Average true ranges by which the price must turn for a pivot to be known, greater than 0."""
    range_length: int = 14
    """Sessions of Wilder's average true range."""
    lookback: int = 250
    """Newest bars in which swings are sought, 10 or more."""
    fresh: int = 1
    """Sessions in which a confirmed pivot speaks; 1 is the session after the bar that confirmed it alone."""
    tolerance: float = 0.25
    """Share of a usual ratio by which one may miss it before it scores nothing, greater than 0."""
    least_score: float = 0.6
    """Score that a count must reach, from 0 to less than 1."""
    least_confidence: float = 0.6
    """Confidence at that score, 0..1."""
    greatest_confidence: float = 0.9
    """Confidence at score 1, from ``least_confidence`` to 1."""

    def __post_init__(self) -> None:
        for name in ("bullish", "bearish"):
            structure = getattr(self, name)
            if isinstance(structure, type) or not isinstance(structure, Structure):
                raise ConfigurationError(f"{name} must be an instance with a choose method, got {structure!r}")
        self._check_ends()
        for name, least in (("lookback", 10), ("fresh", 1)):
            value: object = getattr(self, name)
            if type(value) is not int or value < least:
                raise ConfigurationError(f"{name} must be a whole number of at least {least}, got {value!r}")
        for name in ("reversal", "tolerance"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ConfigurationError(f"{name} must be a finite number greater than 0, got {getattr(self, name)!r}")
        if not 0.0 <= self.least_score < 1.0:
            raise ConfigurationError(f"least_score must be from 0 to less than 1, got {self.least_score!r}")
        if not 0.0 <= self.least_confidence <= self.greatest_confidence <= 1.0:
            raise ConfigurationError(
                "least_confidence and greatest_confidence must rise within 0 to 1, got "
                f"{self.least_confidence!r} and {self.greatest_confidence!r}"
            )
        _ = self._range  # refuses a length that no indicator can have

    def _check_ends(self) -> None:
        if not isinstance(cast("object", self.ends), tuple) or not self.ends or len(set(self.ends)) != len(self.ends):
            raise ConfigurationError(f"ends must be a tuple with one wave at least and each once, got {self.ends!r}")
        for end in self.ends:
            if end not in _ENDS:
                raise UnknownName.of("end of a wave", end, _ENDS)

    @property
    def features(self) -> tuple[str, ...]:
        """The column of the average true range."""
        return self._range.columns

    @property
    def warm_up(self) -> int:
        """Bars that must be visible for one average true range to be defined."""
        return 1 + self._range.warm_up

    def evaluate(self, view: MarketView) -> Signal | None:
        """Counts the waves that end at the newest pivot; see :class:`~optarb.protocols.Expert`.

        Args:
            view: All that may be known.

        Returns:
            A signal in the direction of the impulse; None where no count is good enough.
        """
        bars = view.bars(n=self.lookback)
        count = self._best_count(view, bars)
        if count is None:
            return None
        direction, structure = (Direction.BULLISH, self.bullish) if count.rising else (Direction.BEARISH, self.bearish)
        return Signal.one(direction, structure, confidence=self.confidence(count.score), reasons=_reasons(count, bars))

    def confidence(self, score: float) -> float:
        """Returns the confidence of a count; see the formula above.

        Args:
            score: Of the count, from ``least_score`` to 1.
        """
        share = (score - self.least_score) / (1.0 - self.least_score)
        # The sum may lie a rounding above the greatest.
        return min(self.least_confidence + (self.greatest_confidence - self.least_confidence) * share, self.greatest_confidence)

    def _best_count(self, view: MarketView, bars: Bars) -> WaveCount | None:
        (column,) = self.features
        newest = len(bars) - 1
        reversal = [self.reversal * view.feature(column, back=newest - row) for row in range(len(bars))]
        pivots = find_pivots(bars.high.tolist(), bars.low.tolist(), reversal)
        if not pivots or pivots[-1].known_row <= newest - self.fresh:
            return None
        counts = [
            count
            for count in count_waves(pivots, tolerance=self.tolerance)
            if count.end in self.ends and count.score >= self.least_score and _stands(count, bars)
        ]
        return max(counts, key=lambda count: (count.score, len(count.pivots)), default=None)

    @property
    def _range(self) -> CatalogueIndicator:
        return CatalogueIndicator.of("atr", length=self.range_length)


def _stands(count: WaveCount, bars: Bars) -> bool:
    """Whether no bar since the newest pivot went beyond the invalidation."""
    since = count.pivots[-1].row + 1
    if count.rising:
        return bool((bars.low[since:] >= count.invalidation).all())
    return bool((bars.high[since:] <= count.invalidation).all())


def _reasons(count: WaveCount, bars: Bars) -> tuple[str, ...]:
    start, *between, end = count.pivots
    impulse, beyond = ("rising", "below") if count.rising else ("falling", "above")
    ended, known, began = (bars.dates[row] for row in (end.row, end.known_row, start.row))
    course = ", ".join(f"{pivot.price:.7g}" for pivot in between)
    return (
        f"{count.end} of a {impulse} impulse ended at {end.price:.7g} on {ended}, known since {known}",
        f"from {start.price:.7g} on {began} by {course}",
        *(f"{one.name} {one.ratio:.3f}, usual {one.usual:g}, scores {one.score:.2f}" for one in count.ratios),
        f"invalid {beyond} {count.invalidation:.7g}",
    )
