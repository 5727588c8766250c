"""Acme's own market data: a made-up share and options on it, written against optarb's protocol from nothing."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np

import optarb

_NEW_YORK = ZoneInfo("America/New_York")
_FIRST, _LAST = date(2021, 1, 4), date(2022, 12, 30)
_VERSION = "1"
"""Raised when the same fields would give other data: it is part of the fingerprint."""


@dataclass(frozen=True, kw_only=True)
class SyntheticShare:
    """Bars and weekly options of one share that does not exist; the same fields always give the same data."""

    symbol: str = "ACME"
    """The only symbol there is."""
    seed: int = 7
    """Seed of the closes."""
    volatility: float = 0.25
    """Annual volatility of the closes, and of the options, as a fraction."""
    calendar: optarb.TradingCalendar = field(default_factory=optarb.ExchangeCalendar)
    """Which days are sessions."""

    def fingerprint(self, symbol: str, kind: Literal["bars", "quotes"]) -> str:
        """Names the data: equal fingerprints mean equal data."""
        self._check(symbol)
        return hashlib.sha256(f"{_VERSION} {kind} {self!r}".encode()).hexdigest()

    def bars(self, symbol: str) -> optarb.Bars:
        """Returns all bars; optarb checks and cuts them."""
        self._check(symbol)
        sessions = np.array(self.calendar.sessions(_FIRST, _LAST), dtype="datetime64[D]")
        steps = np.random.default_rng(self.seed).normal(0.0, self.volatility / math.sqrt(252), len(sessions))
        close = np.round(100.0 * np.exp(np.cumsum(steps)), 2)
        opened = np.round(np.concatenate(([100.0], close[:-1])), 2)
        return optarb.Bars(
            symbol=symbol,
            sessions=sessions,
            open=opened,
            high=np.maximum(opened, close),
            low=np.minimum(opened, close),
            close=close,
            volume=np.full(len(close), 1e6),
        )

    def chains(self, symbol: str, start: date, end: date) -> Iterator[optarb.QuoteTable]:
        """Yields one table of raw quotes a session, taken at its close."""
        bars = self.bars(symbol)
        for session, close in zip(bars.sessions, bars.close, strict=True):
            if start <= session.item() <= end:
                yield self._quotes(session, float(close))

    def _quotes(self, session: np.datetime64, close: float) -> optarb.QuoteTable:
        fridays = np.busday_offset(session, np.arange(1, 9), roll="backward", weekmask="Fri")
        strikes = 2.5 * (round(close / 2.5) + np.arange(-10, 11))
        expiry, call, strike = (grid.ravel() for grid in np.meshgrid(fridays, [True, False], strikes, indexing="ij"))
        years = (expiry - session).astype(np.float64) / 365
        price = _value(close, strike, years, call, self.volatility * close)
        count = len(price)
        return optarb.QuoteTable(
            sessions=np.full(count, session),
            roots=(self.symbol,),
            root_indices=np.zeros(count, np.int64),
            expiries=expiry,
            calls=call,
            strikes=strike,
            bids=np.floor(np.maximum(price - 0.05, 0.0) * 100) / 100,
            asks=np.ceil((price + 0.05) * 100) / 100,
            underlying_prices=np.full(count, close),
            taken_at=np.full(count, _closing_time(session.item())),
            modelled=True,
        )

    def _check(self, symbol: str) -> None:
        if symbol != self.symbol:
            raise optarb.BadData(f"there are data of {self.symbol!r} only, not of {symbol!r}")


def _value(
    spot: float,
    strike: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    years: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    call: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    dollars_a_year: float,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Bachelier's price: the share moves by dollars, normally distributed."""
    deviation = dollars_a_year * np.sqrt(years)
    gain = np.where(call, spot - strike, strike - spot)
    distance = gain / deviation
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in distance])
    density = np.exp(-0.5 * distance**2) / math.sqrt(2 * math.pi)
    price: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = gain * below + deviation * density
    return price


def _closing_time(session: date) -> np.datetime64:
    closing = datetime.combine(session, time(16), _NEW_YORK)
    return np.datetime64(int(closing.timestamp()), "s")
