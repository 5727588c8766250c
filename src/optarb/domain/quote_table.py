"""Option quotes as a source delivers them, before cleaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["QuoteTable"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuoteTable:
    """Raw quotes of one underlying, one row a contract and session, in any order, uncleaned.

    All columns have one length ``n``. Cleaning, sorting and counting by kind is the ingest's work, not the source's.
    """

    sessions: NDArray[np.datetime64]
    """Session each row belongs to, ``datetime64[D]``."""
    roots: tuple[str, ...]
    """Root table."""
    root_indices: NDArray[np.int64]
    """Index into ``roots`` of each row."""
    expiries: NDArray[np.datetime64]
    """Listed expiry dates, ``datetime64[D]``."""
    calls: NDArray[np.bool_]
    """True for calls."""
    strikes: NDArray[np.float64]
    """Strikes, dollars."""
    bids: NDArray[np.float64]
    """Bids, dollars per share; NaN where there is none."""
    asks: NDArray[np.float64]
    """Asks, dollars per share; NaN where there is none."""
    underlying_prices: NDArray[np.float64]
    """Price of the underlying beside each quote; NaN if the source has none."""
    taken_at: NDArray[np.datetime64]
    """When each quote was taken, ``datetime64[s]`` in UTC; NaT if the source does not know."""
    modelled: bool
    """Whether the quotes come from a model."""
    bid_sizes: NDArray[np.float64] | None = None
    """Contracts bid for, whole numbers; NaN where unknown; None if the source has no sizes."""
    ask_sizes: NDArray[np.float64] | None = None
    """Contracts offered, likewise."""

    def __len__(self) -> int:
        return len(self.sessions)
