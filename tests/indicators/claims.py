"""Claims that a column of the catalogue is, or is not, what another library computes; and what proves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optarb.domain.bars import Bars

Column = NDArray[np.float64]

TOLERANCE = 1e-9
"""Largest distance of equal values, by the greater of their size and the usual size of the column."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A column and a function of another library that should be equal, or that differ for a reason."""

    function: str
    """Name of the function."""
    parameters: tuple[tuple[float, ...], ...]
    """Parameters of the indicator to compare at."""
    how: str = ""
    """What else belongs to the equality, such as a factor."""
    differs: str = ""
    """Why the two differ; empty where they are equal."""
    settled: int | None = None
    """Row from which on two that differ by their seed alone are equal."""

    @property
    def cell(self) -> str:
        """What the reference page says."""
        if not self.differs:
            return f"equal to `{self.function}`{self.how}"
        return f"`{self.function}` differs: {self.differs}" + (f"; equal from row {self.settled} on" if self.settled else "")

    def check(self, ours: Column, theirs: Column, warm_up: int) -> None:
        """Fails unless the two columns relate as claimed in every row from the warm-up on."""
        assert np.isfinite(ours[warm_up:]).all()
        if not self.differs:
            assert distance(ours, theirs, warm_up) <= TOLERANCE
            return
        assert not distance(ours, theirs, warm_up) <= 1e-6
        if self.settled is not None:
            assert distance(ours, theirs, self.settled) <= TOLERANCE


def distance(ours: Column, theirs: Column, first: int) -> float:
    """Returns the largest relative distance from a row on; infinity where only one has a number."""
    a, b = ours[first:], theirs[first:]
    if not np.isfinite(b).all():
        return float("inf")
    usual = np.median(np.abs(b))
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), usual if usual > 0 else 1.0)
    return float(np.max(np.abs(a - b) / size))


def moving_bars() -> Bars:
    """1,500 bars that gap and move every day, with volume: what two libraries are compared on."""
    rng = np.random.default_rng(20_190_103)
    n = 1_500
    close = 2_000.0 * np.exp(np.cumsum(rng.normal(0.0002, 0.011, n)))
    opened = np.concatenate((close[:1], close[:-1])) * np.exp(rng.normal(0.0, 0.004, n))
    return Bars(
        symbol="SPY",
        sessions=np.datetime64("2001-01-01", "D") + np.arange(n),
        open=opened,
        high=np.maximum(opened, close) * (1.0 + rng.uniform(0.0, 0.008, n)),
        low=np.minimum(opened, close) * (1.0 - rng.uniform(0.0, 0.008, n)),
        close=close,
        volume=np.round(rng.lognormal(15.0, 0.5, n)),
    ).checked()
