"""What optarb asks of experts and of the indicators they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars
    from optarb.domain.signals import Signal
    from optarb.protocols.views import MarketView

__all__ = ["Expert", "Indicator", "SupportsFeatures", "SupportsTraining", "SupportsWarmUp"]


class Expert(Protocol):
    """Reads a view and answers with a signal or none. A module-level function of the same signature serves too."""

    def evaluate(self, view: MarketView) -> Signal | None:
        """Judges one underlying at one instant.

        Called once per session and underlying; must be pure, since a retry calls it again.

        Args:
            view: All that may be known.

        Returns:
            A signal, or None for no opinion.
        """
        ...


@runtime_checkable
class SupportsWarmUp(Protocol):
    """An expert that needs more than one bar before it is asked."""

    @property
    def warm_up(self) -> int:
        """Bars of the underlying that must be visible; sessions with fewer are not evaluated and are counted."""
        ...


@runtime_checkable
class SupportsFeatures(Protocol):
    """An expert that names the features it reads, so that they are computed ahead and misspellings are found early."""

    @property
    def features(self) -> Sequence[str]:
        """Columns, such as ``("rsi_14", "sma_50")``."""
        ...


@runtime_checkable
class SupportsTraining(Protocol):
    """An expert with a model that is refitted as time goes on."""

    def cutoffs(self, sessions: Sequence[date]) -> Sequence[date]:
        """Chooses after which sessions to train.

        Args:
            sessions: Every session of the backtest and its history, oldest first.
        """
        ...

    def fit(self, view: MarketView) -> bytes:
        """Trains on what the view shows, whose ``bars_through`` is the cut-off.

        Must give the same bytes for the same view.

        Args:
            view: The view at the cut-off.
        """
        ...


@runtime_checkable
class Indicator(Protocol):
    """A causal computation on bars. Row i of every column depends on bars 0..i only."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the columns, such as ``("bb_upper_20", "bb_lower_20")``."""
        ...

    @property
    def warm_up(self) -> int:
        """Rows at the beginning that may be NaN; from there on every column is defined."""
        ...

    def compute(self, bars: Bars) -> Mapping[str, NDArray[np.float64]]:
        """Computes every column over all bars.

        Args:
            bars: ``n`` bars of one symbol, oldest first.

        Returns:
            For each column a float64 array of shape ``(n,)``.
        """
        ...
