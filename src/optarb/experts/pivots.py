"""Swings of a price: highs and lows that are known once the price has turned far enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Pivot", "find_pivots"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pivot:
    """A high or a low between two swings."""

    row: int
    """Row of the extreme."""
    price: float
    """The extreme, in price units: the row's high or low."""
    high: bool
    """Whether it is a high."""
    known_row: int
    """Row whose bar confirmed it, later than :attr:`row`; before its end nobody knew the pivot."""


def find_pivots(high: Sequence[float], low: Sequence[float], reversal: Sequence[float]) -> tuple[Pivot, ...]:
    """Finds the highs and lows between swings, none of which a later bar can change.

    A running high becomes a pivot at the first later bar whose low lies that bar's reversal or more below it; a low the other
    way round. A bar that extends its swing confirms nothing, since nobody knows which of its extremes came first. At first both
    directions are open; a bar that would confirm both starts the search anew. The first extreme is not among the pivots: what
    was before it, and so whether a swing ended there, is not known. Of equal extremes the first counts.

    Args:
        high: Highs in price units, oldest first, shape ``(n,)``.
        low: Lows, of the same length, none above its high.
        reversal: For each bar how far the price must have turned, in price units; a bar where it is NaN or not greater than
            zero confirms nothing.

    Returns:
        Highs and lows in turn, in the order of their rows and of the rows that confirmed them. Those known by a row are the
        same whatever follows it.

    Raises:
        ValueError: The lengths differ.
    """
    pivots: list[Pivot] = []
    top = bottom = 0
    rising = falling = True  # the swings that may be running
    for row, (highest, lowest, distance) in enumerate(zip(high, low, reversal, strict=True)):
        higher, lower = highest > high[top], lowest < low[bottom]
        turned_down = rising and not higher and 0.0 < distance <= high[top] - lowest
        turned_up = falling and not lower and 0.0 < distance <= highest - low[bottom]
        if turned_down and turned_up:
            top = bottom = row
        elif turned_down:
            pivots.append(Pivot(row=top, price=high[top], high=True, known_row=row))
            rising, falling = False, True
            bottom = min(range(top + 1, row + 1), key=low.__getitem__)
        elif turned_up:
            pivots.append(Pivot(row=bottom, price=low[bottom], high=False, known_row=row))
            rising, falling = True, False
            top = max(range(bottom + 1, row + 1), key=high.__getitem__)
        else:
            top, bottom = (row if higher else top), (row if lower else bottom)
    return tuple(pivots[1:])
