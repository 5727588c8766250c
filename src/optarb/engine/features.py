"""Indicator columns of one symbol, computed once over the whole history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from optarb._component import component_name
from optarb.errors import ComponentError, OptarbError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars
    from optarb.protocols import Indicator

__all__ = ["FeatureTable", "compute_indicator"]

Loader = Callable[["Indicator"], dict[str, "NDArray[np.float64]"]]


class FeatureTable:
    """Columns by name, each as long as the symbol's bars. Safe for several threads.

    A column that no indicator of the table has is computed when it is first asked for: it depends on the whole history from
    ``history_start`` like every other, so it does not matter when that happens.
    """

    def __init__(self, resolve: Callable[[str], Indicator], load: Loader) -> None:
        """Builds an empty table.

        Args:
            resolve: Finds the indicator of a column; raises UnknownName.
            load: Returns all columns of an indicator, from the cache or computed.
        """
        self._resolve = resolve
        self._load = load
        self._columns: dict[str, NDArray[np.float64]] = {}
        self._lock = threading.Lock()

    def column(self, name: str) -> NDArray[np.float64]:
        """Returns a whole column; only the engine may see it.

        Raises:
            UnknownName: No indicator has that column.
        """
        found = self._columns.get(name)
        if found is not None:
            return found
        indicator = self._resolve(name)
        columns = self._load(indicator)
        with self._lock:
            self._columns.update(columns)
        return self._columns[name]


def compute_indicator(indicator: Indicator, bars: Bars) -> dict[str, NDArray[np.float64]]:
    """Runs an indicator and checks what it returns.

    Args:
        indicator: The indicator.
        bars: All bars from ``history_start`` on.

    Raises:
        ComponentError: It raised, or returned columns other than declared or of another length or type.
    """
    shown = f"indicator {component_name(indicator)} on {bars.symbol!r}"
    try:
        computed = indicator.compute(bars)
    except OptarbError:
        raise
    except Exception as error:
        raise ComponentError(f"{shown} raised {type(error).__name__}: {error}") from error
    _check_columns(shown, indicator.columns, list(computed))
    columns: dict[str, NDArray[np.float64]] = {}
    for name in indicator.columns:
        column = np.asarray(computed[name])
        if column.dtype != np.float64 or column.shape != (len(bars),):
            raise ComponentError(
                f"{shown}: column {name!r} must be float64 of shape ({len(bars)},), got {column.dtype} of {column.shape}"
            )
        columns[name] = column
    return columns


def _check_columns(shown: str, declared: Sequence[str], returned: Sequence[str]) -> None:
    if sorted(declared) != sorted(returned):
        raise ComponentError(f"{shown} declares columns {sorted(declared)} but returned {sorted(returned)}")
