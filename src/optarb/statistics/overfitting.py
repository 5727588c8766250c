"""The probability of backtest overfitting, by combinatorially symmetric cross-validation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optarb.errors import ComponentError, ConfigurationError
from optarb.statistics._arguments import matrix_of, whole
from optarb.statistics.sharpe import sharpe_of_moments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BacktestOverfitting", "backtest_overfitting"]

Metric = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]
"""Takes returns, shape (rows, N), and gives what is to be large, shape (N,)."""

_MOST_BLOCKS = 24
_CHUNK_VALUES = 500_000
"""Figures of settings worked on at once: 4 MB for each intermediate array."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacktestOverfitting:
    """What happens out of sample to the setting that is best in sample, over all ways to halve the blocks.

    Arrays are read-only, one value a combination, in the lexicographic order of the blocks in sample.
    """

    pbo: float
    """Probability of backtest overfitting, 0..1: the share of combinations in which the best setting in sample is at or
    below the median out of sample. About 0.5 where picking is a coin toss."""
    logits: NDArray[np.float64]
    """ln(w / (1 - w)) of the relative rank w = rank / (N + 1) out of sample of the best setting in sample."""
    in_sample: NDArray[np.float64]
    """The metric in sample of the best setting there."""
    out_of_sample: NDArray[np.float64]
    """The metric out of sample of that setting."""
    degradation_slope: float
    """Slope of the least-squares line of ``out_of_sample`` on ``in_sample``; NaN if ``in_sample`` does not vary."""
    probability_of_loss: float
    """Share of combinations in which that setting's metric is below zero out of sample, 0..1."""
    combinations: int
    """Ways to choose half of the blocks."""
    rows_dropped: int
    """Oldest rows left out, so that the blocks are equally long."""

    def __str__(self) -> str:
        return (
            f"probability of backtest overfitting {self.pbo:.3f}, probability of loss {self.probability_of_loss:.3f}, "
            f"degradation slope {self.degradation_slope:.3f} ({self.combinations:,} combinations)"
        )


def backtest_overfitting(returns: ArrayLike, *, blocks: int = 16, metric: Metric | None = None) -> BacktestOverfitting:
    """Estimates how likely it is that picking the best setting picks noise.

    The rows are cut into blocks. For each choice of half of them, the setting with the best metric on the chosen blocks
    (in sample) is ranked among all settings on the other blocks (out of sample). Rows of one half are put together in
    their order in time.

    Source: D. Bailey, J. Borwein, M. López de Prado and Q. J. Zhu, "The probability of backtest overfitting", Journal of
    Computational Finance 20 (2017). Equal values share their mean rank; of equal best settings the first is taken.

    Args:
        returns: Simple returns a period, shape (T, N), a column a setting, two columns or more. All settings that were tried
            belong here, not only the good ones.
        blocks: Even, 2 to 24, with two rows a block at least. 16 gives 12,870 combinations.
        metric: What to pick by; None for the Sharpe ratio (0 where a setting's returns do not vary within a half). It is
            called twice a combination or fewer times, with returns of shape (rows, N), and gives shape (N,).

    Returns:
        The result. With the Sharpe ratio, 16 blocks and 1,000 settings take about a second.

    Raises:
        ConfigurationError: Another shape, too few rows or columns, not all finite, or blocks that are odd or out of range.
        ComponentError: The metric gave another shape or values that are not finite.
    """
    if whole(blocks, "blocks", least=2) % 2 or blocks > _MOST_BLOCKS:
        raise ConfigurationError(f"blocks must be even and at most {_MOST_BLOCKS}, got {blocks!r}")
    matrix = matrix_of(returns, least=2 * blocks)
    if matrix.shape[1] < 2:
        raise ConfigurationError(f"the matrix of returns must have two settings at least, got {matrix.shape[1]!r}")
    dropped = len(matrix) % blocks
    # Equal settings get equal figures, to the last bit, because each is computed once.
    distinct, place = np.unique(matrix[dropped:], axis=1, return_inverse=True)
    pieces = distinct.reshape(blocks, -1, distinct.shape[1])
    halves = _sharpe_halves(pieces) if metric is None else _metric_halves(pieces, metric)
    place = place.ravel()  # numpy 2.0 gives it a dimension more
    picked = [_pick(left[:, place], right[:, place]) for left, right in halves]
    # Each combination with the first block stands for its complement too: the k-th and the k-th from the end.
    in_sample, out_of_sample, logits = (
        np.concatenate([*(there[name] for there, _ in picked), *(back[name][::-1] for _, back in reversed(picked))])
        for name in range(3)
    )
    for array in (in_sample, out_of_sample, logits):
        array.setflags(write=False)
    return BacktestOverfitting(
        pbo=float(np.mean(logits <= 0)),
        logits=logits,
        in_sample=in_sample,
        out_of_sample=out_of_sample,
        degradation_slope=_slope(in_sample, out_of_sample),
        probability_of_loss=float(np.mean(out_of_sample < 0)),
        combinations=len(logits),
        rows_dropped=dropped,
    )


_Halves = Iterator[tuple["NDArray[np.float64]", "NDArray[np.float64]"]]
"""Metrics of the two halves, shape (combinations, N) each, for the combinations that hold the first block."""
_Picked = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.float64]"]


def _members(blocks: int, chunk: int) -> Iterator[NDArray[np.float64]]:
    """Yields 0/1 rows of the blocks in each combination that holds the first block."""
    chosen = itertools.combinations(range(1, blocks), blocks // 2 - 1)
    while some := list(itertools.islice(chosen, chunk)):
        members = np.zeros((len(some), blocks))
        members[:, 0] = 1
        np.put_along_axis(members, np.array(some, dtype=np.intp).reshape(len(some), -1), 1, axis=1)
        yield members


def _sharpe_halves(pieces: NDArray[np.float64]) -> _Halves:
    """Adds up each block's sums instead of going through its rows again."""
    blocks, rows, settings = pieces.shape
    shift = pieces.mean(axis=(0, 1))
    centred = pieces - shift
    sums, squares = centred.sum(axis=1), (centred**2).sum(axis=1)
    for members in _members(blocks, max(1, _CHUNK_VALUES // settings)):
        left, right = (
            sharpe_of_moments(rows * blocks // 2, half @ sums, half @ squares, shift) for half in (members, 1 - members)
        )
        yield left, right


def _metric_halves(pieces: NDArray[np.float64], metric: Metric) -> _Halves:
    def measured(half: NDArray[np.bool_]) -> NDArray[np.float64]:
        values = np.asarray(metric(pieces[half].reshape(-1, pieces.shape[2])), dtype=np.float64)
        if values.shape != pieces.shape[2:] or not np.isfinite(values).all():
            raise ComponentError(f"the metric must give {pieces.shape[2]} finite values, one a setting, got {values!r}")
        return values

    for members in _members(len(pieces), max(1, _CHUNK_VALUES // pieces.shape[2])):
        inside = members == 1
        yield np.stack([measured(half) for half in inside]), np.stack([measured(~half) for half in inside])


def _pick(left: NDArray[np.float64], right: NDArray[np.float64]) -> tuple[_Picked, _Picked]:
    return _ranked(left, right), _ranked(right, left)


def _ranked(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> _Picked:
    """Picks the best inside, and gives its metric inside and outside and the logit of its rank outside."""
    best = inside.argmax(axis=1)[:, None]
    there, here = np.take_along_axis(outside, best, axis=1), np.take_along_axis(inside, best, axis=1)
    # The mean rank of equal values, from 1 for the smallest.
    rank = (outside < there).sum(axis=1) + ((outside == there).sum(axis=1) + 1) / 2
    relative = rank / (outside.shape[1] + 1)
    return here[:, 0], there[:, 0], np.log(relative / (1 - relative))


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    across = x - x.mean()
    spread = float(across @ across)
    return float(across @ (y - y.mean())) / spread if spread > 0 else math.nan
