"""All market data of one run in memory or mapped, and the views cut from it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isnan
from typing import TYPE_CHECKING

from optarb.engine.view import View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optarb.domain.bars import Bars
    from optarb.domain.quotes import Chain
    from optarb.engine.chain_table import ChainSource
    from optarb.engine.features import FeatureTable
    from optarb.protocols import TradingCalendar

__all__ = ["Market"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Market:
    """Bars, features and chains of a run's symbols, over all its history. The engine's own: components only see views."""

    sessions: Sequence[date]
    """Sessions to trade, oldest first."""
    previous: Mapping[date, date]
    """For each session to trade the session before it."""
    bars: Mapping[str, Bars]
    """By symbol, from ``history_start`` to the last session."""
    features: Mapping[str, FeatureTable]
    """By symbol."""
    chains: Mapping[str, ChainSource]
    """By underlying."""
    calendar: TradingCalendar
    """Opening and closing times."""
    same_session: bool
    """Whether views show the session's own bar."""

    def view(self, session: date) -> View:
        """Cuts what may be known when the session's chains were taken.

        An underlying without a bar in the session (a gap that the spec allows) has no chain either: it is not traded.
        """
        chains = {
            symbol: chain
            for symbol, table in self.chains.items()
            if self.has_bar(symbol, session) and (chain := table.chain(session)) is not None
        }
        through = session if self.same_session else self.previous[session]
        if self.same_session:
            for symbol, chain in chains.items():
                if isnan(chain.underlying_price):
                    chain.underlying_price = self.close(symbol, session)
        return View(
            at=self._instant(session, chains),
            session=session,
            bars_through=through,
            bars=self.bars,
            features=self.features,
            chains=chains,
            underlyings=tuple(self.chains),
        )

    def view_at_cutoff(self, cutoff: date) -> View:
        """Cuts what may be known after the close of a session, without chains: for training."""
        return View(
            at=self.calendar.closes_at(cutoff),
            session=cutoff,
            bars_through=cutoff,
            bars=self.bars,
            features=self.features,
            chains={},
            underlyings=tuple(self.chains),
        )

    def close(self, symbol: str, session: date) -> float:
        """Returns the official close of a session; NaN without a bar. For settlement, never for a view."""
        return self._price(symbol, session, "close")

    def open(self, symbol: str, session: date) -> float:
        """Returns the official open of a session; NaN without a bar. For settlement, never for a view."""
        return self._price(symbol, session, "open")

    def last_session_by(self, day: date) -> date:
        """Returns the last session of the run that is not after a day; the first session for days before the run."""
        return self.sessions[max(bisect_right(self.sessions, day) - 1, 0)]

    def has_bar(self, symbol: str, session: date) -> bool:
        """Whether a symbol has a bar in a session."""
        return session in self.bars[symbol].rows

    def _price(self, symbol: str, session: date, column: str) -> float:
        bars = self.bars[symbol]
        row = bars.rows.get(session)
        return float("nan") if row is None else float(getattr(bars, column)[row])

    def _instant(self, session: date, chains: Mapping[str, Chain]) -> datetime:
        """When the last of the chains was taken; the opening where that is unknown, so that nothing later counts as known."""
        taken = [chain.taken_at for chain in chains.values()]
        known = [instant for instant in taken if instant is not None]
        if not known or len(known) < len(taken):
            return self.calendar.opens_at(session)
        return max(known)
