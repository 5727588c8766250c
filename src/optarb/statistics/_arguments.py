"""What the statistics accept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from optarb.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["finite", "fraction", "matrix_of", "series_of", "whole"]


def series_of(returns: ArrayLike, *, least: int) -> NDArray[np.float64]:
    """Reads returns into a new array.

    Args:
        returns: Shape (T,).
        least: Fewest returns that will do.

    Raises:
        ConfigurationError: Another shape, too few, or not all finite.
    """
    return _finite_array(returns, "returns", dimensions=1, least=least)


def matrix_of(returns: ArrayLike, *, least: int) -> NDArray[np.float64]:
    """Reads the returns of several settings into a new array.

    Args:
        returns: Shape (T, N), a column a setting.
        least: Fewest rows that will do.

    Raises:
        ConfigurationError: Another shape, too few, or not all finite.
    """
    return _finite_array(returns, "the matrix of returns", dimensions=2, least=least)


def _finite_array(returns: ArrayLike, what: str, *, dimensions: int, least: int) -> NDArray[np.float64]:
    array = np.array(returns, dtype=np.float64)
    if array.ndim != dimensions:
        raise ConfigurationError(f"{what} must have {dimensions} dimension(s), got the shape {array.shape!r}")
    if len(array) < least:
        raise ConfigurationError(f"{what} must have at least {least} rows, got {len(array)!r}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row = int(bad[0][0])
        raise ConfigurationError(
            f"{what} must be finite, got {float(array[tuple(bad[0])])!r} in row {row}; drop the row, or fill it on purpose"
        )
    return array


def finite(value: float, what: str) -> float:
    """Refuses NaN and infinity."""
    if not math.isfinite(value):
        raise ConfigurationError(f"{what} must be a finite number, got {value!r}")
    return float(value)


def fraction(value: float, what: str) -> float:
    """Refuses what does not lie between 0 and 1, both excluded."""
    if not 0 < value < 1:
        raise ConfigurationError(f"{what} must lie between 0 and 1, both excluded, got {value!r}")
    return float(value)


def whole(value: object, what: str, *, least: int) -> int:
    """Refuses what is no whole number or too small."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ConfigurationError(f"{what} must be a whole number of at least {least}, got {value!r}")
    return int(value)
