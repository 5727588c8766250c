"""Elliott's waves: which counts the newest swings allow, and how near each lies to the usual proportions.

Rules and guidelines are those of Frost and Prechter, Elliott Wave Principle, 1978. A rule is never broken by a count; a
guideline gives points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optarb.experts.pivots import Pivot

__all__ = ["WaveCount", "WaveEnd", "WaveRatio", "count_waves"]

WaveEnd = Literal["wave 2", "wave 4", "wave C"]
"""The wave that has ended."""

_PIVOTS: dict[WaveEnd, int] = {"wave 2": 3, "wave 4": 5, "wave C": 9}
"""Pivots from the start of wave 1 to the end of the wave."""

_PROPORTIONS: tuple[tuple[str, tuple[int, int], tuple[int, int], tuple[float, ...]], ...] = (
    # Name, the move measured, the move it is measured by (from pivot, to pivot), usual ratios.
    ("wave 2 / wave 1", (1, 2), (0, 1), (0.5, 0.618)),
    ("wave 3 / wave 1", (2, 3), (0, 1), (1.618, 2.618)),
    ("wave 4 / wave 3", (3, 4), (2, 3), (0.382,)),
    ("wave 5 / wave 1", (4, 5), (0, 1), (0.618, 1.0, 1.618)),
    ("wave B / wave A", (6, 7), (5, 6), (0.382, 0.5, 0.618)),
    ("wave C / wave A", (7, 8), (5, 6), (0.618, 1.0, 1.618)),
    ("correction / impulse", (5, 8), (0, 5), (0.382, 0.5, 0.618)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveRatio:
    """One proportion of a count."""

    name: str
    """Such as ``"wave 2 / wave 1"``."""
    ratio: float
    """The lengths' ratio, greater than 0."""
    usual: float
    """The usual ratio it lies nearest to, by its share."""
    score: float
    """1 at the usual ratio, falling evenly to 0 at the tolerance, 0..1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveCount:
    """A reading of the newest pivots as Elliott's waves that breaks none of the rules."""

    end: WaveEnd
    """The wave that ended at the newest pivot."""
    rising: bool
    """Whether the impulse, and what the count expects next, rises."""
    pivots: tuple[Pivot, ...]
    """From the start of wave 1 to the end of :attr:`end`: 3, 5 or 9 of them."""
    ratios: tuple[WaveRatio, ...]
    """Every proportion that can be measured."""
    score: float
    """Mean score of the ratios, 0..1."""
    invalidation: float
    """Price beyond which the count is wrong: the start of wave 1 after wave 2, the end of wave 1 after wave 4, the end of wave
    C after it. Below it for a rising count, above it for a falling one."""


def count_waves(pivots: Sequence[Pivot], *, tolerance: float = 0.25) -> tuple[WaveCount, ...]:
    """Finds every count that ends at the newest pivot.

    A count that ends with a low is rising, one that ends with a high is its mirror image. Of a rising impulse:

    - wave 2 ends above the start of wave 1
    - wave 3 is not the shortest of waves 1, 3 and 5; while wave 5 is to come, it is no shorter than wave 1, so that no wave 5
      can make it so
    - wave 4 ends above the end of wave 1
    - waves 3 and 5 go beyond the waves before them; a fifth wave that fails to is not counted
    - after wave 5, wave B ends below the start of wave A, and wave C below the end of wave A but above the start of wave 1.

    Args:
        pivots: Highs and lows in turn, oldest first, from :func:`~optarb.experts.pivots.find_pivots`.
        tolerance: By which share of a usual ratio one may miss it before it scores nothing, greater than 0.

    Returns:
        The counts, the one with the fewest waves first; most often none.
    """
    return tuple(_counts(pivots, tolerance))


def _counts(pivots: Sequence[Pivot], tolerance: float) -> Iterator[WaveCount]:
    for end, number in _PIVOTS.items():
        if len(pivots) < number:
            return
        newest = tuple(pivots[-number:])
        sign = -1.0 if newest[-1].high else 1.0
        if not _allowed([sign * pivot.price for pivot in newest]):
            continue
        ratios = tuple(_ratios(newest, tolerance))
        yield WaveCount(
            end=end,
            rising=not newest[-1].high,
            pivots=newest,
            ratios=ratios,
            score=sum(one.score for one in ratios) / len(ratios),
            invalidation=newest[{"wave 2": 0, "wave 4": 1, "wave C": 8}[end]].price,
        )


def _allowed(prices: Sequence[float]) -> bool:
    """Whether the pivots of a rising count break no rule; those of a falling one are given with their signs changed."""
    if not prices[0] < prices[2] < prices[1]:
        return False
    if len(prices) == _PIVOTS["wave 2"]:
        return True
    first, third = prices[1] - prices[0], prices[3] - prices[2]
    if not prices[1] < prices[4] < prices[3]:
        return False
    if len(prices) == _PIVOTS["wave 4"]:
        return third >= first
    *_, end_of_3, end_of_4, end_of_5, end_of_a, end_of_b, end_of_c = prices
    return (
        end_of_3 < end_of_5
        and third >= min(first, end_of_5 - end_of_4)
        and end_of_a < end_of_b < end_of_5
        and prices[0] < end_of_c < end_of_a
    )


def _ratios(pivots: Sequence[Pivot], tolerance: float) -> Iterator[WaveRatio]:
    for name, (start, end), (base_start, base_end), usual in _PROPORTIONS:
        if max(end, base_end) >= len(pivots):
            continue
        ratio = abs(pivots[end].price - pivots[start].price) / abs(pivots[base_end].price - pivots[base_start].price)
        missed, nearest = min((abs(ratio / target - 1.0), target) for target in usual)
        yield WaveRatio(name=name, ratio=ratio, usual=nearest, score=max(0.0, 1.0 - missed / tolerance))
