"""Price increments of option quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["quote_down", "quote_up"]

_PENNY_ROOTS = frozenset({"XSP", "SPY", "QQQ", "IWM"})
_SLACK = 1e-9


def quote_down(root: str, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounds prices down to the increments of a root, as a bid is quoted.

    Increments are 0.01 for XSP, SPY, QQQ and IWM; for all others 0.05 below 3.00 and 0.10 from there on.

    Args:
        root: Option root, such as ``"SPXW"``.
        prices: Dollars per share, zero or more.
    """
    return _rounded(np.floor, prices, _increments(root, prices), _SLACK)


def quote_up(root: str, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounds prices up to the increments of a root, as an ask is quoted; see :func:`quote_down`.

    Args:
        root: Option root.
        prices: Dollars per share, zero or more.
    """
    return _rounded(np.ceil, prices, _increments(root, prices), -_SLACK)


def _increments(root: str, prices: NDArray[np.float64]) -> NDArray[np.float64]:
    if root in _PENNY_ROOTS:
        return np.full_like(prices, 0.01)
    return np.where(prices < 3.0, 0.05, 0.10)


def _rounded(
    toward: np.ufunc, prices: NDArray[np.float64], increments: NDArray[np.float64], slack: float
) -> NDArray[np.float64]:
    # The slack lets a price that is a multiple but for float noise stay where it is.
    result: NDArray[np.float64] = np.round(toward(prices / increments + slack) * increments, 2)
    return result
