"""Quotes of any historical session, made of its daily chain and bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from optarb.domain.time import NEW_YORK
from optarb.engine.chain_table import clean_quotes
from optarb.errors import BadData, ConfigurationError
from optarb.trading._same import Same
from optarb.trading.replay_path import DayCourse, PathFeed

if TYPE_CHECKING:
    from optarb.domain.bars import Bars
    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Chain, Quote
    from optarb.protocols import MarketData, TradingCalendar

__all__ = ["ReplayFeed"]

_BEFORE = timedelta(days=14)
_KEPT = 8
"""Sessions of underlyings that stay built in a process."""


@dataclass(frozen=True, kw_only=True)
class ReplayFeed:
    """Quotes as of any instant of a historical session, for want of intraday ones. All of them are marked as modelled.

    The underlying walks from its open to its close by the session's high and low, and the session's chain is repriced on that
    walk, see :class:`~optarb.trading.replay_path.PathFeed`. A bar whose open or close lies outside its high and low, as index
    data have now and then, is taken to reach as far. A chain that does not say when it was taken, or at which price of the
    underlying, counts as one of the close. Contracts on their last day, which no chain of the close has any more, are priced
    by the chain of the session before.

    Before the open, on days that are no sessions and in sessions without a usable chain there are no quotes, which is what a
    silent feed does to a day: nothing is decided, and what is held is not exited but by time.

    Raises:
        ConfigurationError: ``order`` is none of those allowed.
    """

    market_data: MarketData
    """Where daily bars and chains are."""
    calendar: TradingCalendar
    """Sessions, and when they open and close."""
    volatility: str | None = "VIX"
    """Symbol of the index whose change over the session moves all volatilities alike; None to leave them as they are. Where a
    bar of the index is its close alone, the open is the close before."""
    order: Literal["by_date", "high_first", "low_first"] = "by_date"
    """Which extreme comes first; ``by_date`` draws it from the date, alike for all symbols."""

    def __post_init__(self) -> None:
        if self.order not in {"by_date", "high_first", "low_first"}:
            raise ConfigurationError(f"order must be 'by_date', 'high_first' or 'low_first', got {self.order!r}")

    def chain(self, symbol: str, at: datetime) -> Chain | None:
        """Returns the chain of an underlying at an instant, or None if there is none.

        Raises:
            BadData: The source has no quotes or bars of the symbol, no bar in the session, or cannot be read.
        """
        feed = self._feed(symbol, at)
        return None if feed is None else feed.chain(symbol, at)

    def quotes(self, contracts: Sequence[OptionContract], at: datetime) -> Mapping[OptionContract, Quote]:
        """Returns the quotes of some contracts at an instant; those without one are absent.

        Raises:
            BadData: As for :meth:`chain`.
        """
        found: dict[OptionContract, Quote] = {}
        for symbol in dict.fromkeys(contract.underlying for contract in contracts):
            feed = self._feed(symbol, at)
            if feed is not None:
                found |= feed.quotes([contract for contract in contracts if contract.underlying == symbol], at)
        return found

    def underlying_price(self, symbol: str, at: datetime) -> Decimal | None:
        """Returns the price of an underlying at an instant, or None before the open and on days that are no sessions.

        Raises:
            BadData: As for :meth:`chain`.
        """
        feed = self._feed(symbol, at)
        return None if feed is None else feed.underlying_price(symbol, at)

    def check_bars(self, symbols: Sequence[str], sessions: Sequence[date]) -> None:
        """Refuses sessions that cannot be drawn, before any of them is begun.

        Args:
            symbols: Underlyings.
            sessions: Sessions of the calendar.

        Raises:
            BadData: An underlying or the volatility index has no bar in one of them, or the source cannot be read.
        """
        for symbol in (*symbols, *(() if self.volatility is None else (self.volatility,))):
            bars = self.market_data.bars(symbol)
            for session in sessions:
                _row(bars, session)

    def _feed(self, symbol: str, at: datetime) -> PathFeed | None:
        session = at.astimezone(NEW_YORK).date()
        if not self.calendar.sessions(session, session) or at < self.calendar.opens_at(session):
            return None
        return _path_feed(Same(self), symbol, session)


@lru_cache(maxsize=_KEPT)
def _path_feed(same: Same[ReplayFeed], symbol: str, session: date) -> PathFeed:
    feed = same.held
    data, calendar = feed.market_data, feed.calendar
    earlier = calendar.sessions(session - _BEFORE, session - timedelta(days=1))
    bars = data.bars(symbol)
    course = _course(bars, session, None if feed.volatility is None else data.bars(feed.volatility), earlier)
    chain = _chain(data, calendar, symbol, session)
    before = None if chain is None or not earlier else _chain(data, calendar, symbol, earlier[-1])
    if before is not None and not before.underlying_price > 0.0 and earlier[-1] in bars.rows:
        before.underlying_price = float(bars.close[bars.rows[earlier[-1]]])
    return PathFeed(
        {} if chain is None else {symbol: chain},
        {symbol: course},
        opens_at=calendar.opens_at(session),
        closes_at=calendar.closes_at(session),
        order=feed.order,
        before={} if before is None else {symbol: before},
    )


def _course(bars: Bars, session: date, index: Bars | None, earlier: Sequence[date]) -> DayCourse:
    row = _row(bars, session)
    opening, closing = float(bars.open[row]), float(bars.close[row])
    levels = (1.0, 1.0) if index is None else _levels(index, session, earlier)
    return DayCourse(
        open=opening,
        high=max(float(bars.high[row]), opening, closing),
        low=min(float(bars.low[row]), opening, closing),
        close=closing,
        volatility_open=levels[0],
        volatility_close=levels[1],
    )


def _levels(index: Bars, session: date, earlier: Sequence[date]) -> tuple[float, float]:
    """The volatility index at open and close."""
    row = _row(index, session)
    opening, high, low, closing = (float(getattr(index, name)[row]) for name in ("open", "high", "low", "close"))
    known = index.rows.get(earlier[-1]) if earlier else None
    if opening == high == low == closing and known is not None:
        opening = float(index.close[known])
    return opening, closing


def _row(bars: Bars, session: date) -> int:
    row = bars.rows.get(session)
    if row is None:
        raise BadData(f"{bars.symbol!r} has no bar on {session}; a session is replayed on its open, high, low and close")
    return row


def _chain(data: MarketData, calendar: TradingCalendar, symbol: str, session: date) -> Chain | None:
    for raw in data.chains(symbol, session, session):
        table, _ = clean_quotes(raw, symbol, calendar)
        chain = table.chain(session)
        if chain is not None:
            return chain
    return None
