"""Option quotes priced from an underlying and a volatility index, for want of real ones."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from optarb._component import canonical
from optarb.domain.contracts import OptionContract, Right, Settlement
from optarb.domain.quote_table import QuoteTable
from optarb.errors import BadData
from optarb.pricing import black76, quote_down, quote_up, session_close, session_open
from optarb.protocols import MarketData, SupportsDividends, SupportsSettlement, TradingCalendar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars
    from optarb.domain.dividends import Dividend
    from optarb.protocols import DataKind

__all__ = ["ModelledOptions"]

_YEAR_SECS = 365 * 86_400
_REFERENCE_YEARS = 30 / 365
_FLAT_BEYOND = 4.0
_DAY = np.timedelta64(1, "D")
_RANGES = (
    ("strike_step", 0.001, 10_000.0),
    ("rate", -0.2, 1.0),
    ("dividend_yield", -0.2, 1.0),
    ("level", 0.01, 10.0),
    ("skew", -0.2, 0.2),
    ("term", -1.0, 1.0),
    ("spread_fraction", 0.0, 1.0),
    ("spread_minimum", 0.0, 100.0),
)


@dataclass(frozen=True, kw_only=True)
class ModelledOptions:
    """Weekly options priced by Black-76 from daily bars of an underlying and of its volatility index.

    Every quote is marked as modelled. The volatility of a contract with ``tau`` years left is::

        level x index / 100 x (tau / 30 days) ** term x (1 + skew x 4 tanh(z / 4))

    where ``z = ln(strike / forward) / (level x index / 100 x sqrt(tau))`` counts standard deviations. Bid and ask lie
    half the spread below and above the model price, rounded outward to the root's increments; the bid is never below
    zero.

    Raises:
        ValueError: A parameter out of its range, or a root that settles in the morning.
    """

    data: MarketData
    """Where the bars are. Bars of every symbol are passed on unchanged."""
    underlying: str = "SPX"
    """Symbol whose options are modelled."""
    volatility: str = "VIX"
    """Symbol of the volatility index, in points: 20 stands for an annual fraction of 0.20."""
    root: str = "SPXW"
    """Option root of the contracts. Weekly contracts settle in the afternoon, so not ``"SPX"``."""
    snapshot: Literal["close", "open"] = "close"
    """When quotes are taken: at the close of a session, from that session's closes; or at its opening, from the open
    of the underlying and the index's close of the session before."""
    calendar: TradingCalendar | None = None
    """Knows holidays and half days. None: sessions are the days with a bar of the underlying, after the last bar every
    weekday, from 09:30 to 16:00 in New York."""
    expiries: int = 6
    """Weekly expiries quoted each session, 1 or more: Fridays, or the session before where Friday is none. A contract
    expiring today is quoted at the opening and not at the close."""
    strikes: int = 21
    """Strikes of each expiry, odd, around the multiple of ``strike_step`` that is nearest to the underlying."""
    strike_step: float = 25.0
    """Dollars between strikes, positive."""
    rate: float = 0.0
    """Interest rate, continuous, an annual fraction."""
    dividend_yield: float = 0.0
    """Dividend yield of the underlying, continuous, an annual fraction."""
    level: float = 1.0
    """At-the-money volatility at 30 days over the volatility index, positive."""
    skew: float = -0.15
    """Relative change of volatility for each standard deviation that a strike lies above the forward, from -0.2 to 0.2.
    It flattens beyond four deviations."""
    term: float = 0.0
    """Exponent of time in the at-the-money volatility; 0 for the same at all expiries, positive to rise with time."""
    spread_fraction: float = 0.01
    """Ask less bid over the model price, before rounding; 0 or more."""
    spread_minimum: float = 0.10
    """Smallest ask less bid before rounding, dollars per share; 0 or more."""

    def __post_init__(self) -> None:
        if self.snapshot not in {"close", "open"}:
            msg = f'snapshot must be "close" or "open", got {self.snapshot!r}'
            raise ValueError(msg)
        if self._settlement() is Settlement.AM:
            msg = f"root {self.root!r} settles in the morning and has no weekly contracts; use 'SPXW' for 'SPX'"
            raise ValueError(msg)
        if self.expiries < 1 or self.strikes < 1 or self.strikes % 2 == 0:
            msg = f"expiries must be 1 or more and strikes odd, got {self.expiries!r} and {self.strikes!r}"
            raise ValueError(msg)
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                msg = f"{name} must be from {low} to {high}, got {value!r}"
                raise ValueError(msg)

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns the digest of the bars passed on, or of what the quotes are computed from: bars, parameters and code.

        Raises:
            BadData: Quotes of a symbol other than ``underlying``, or the bars are absent.
        """
        if kind == "bars":
            return self.data.fingerprint(symbol, kind)
        self._check(symbol)
        inputs = {
            "code": _code_digest(),
            "parameters": {field.name: canonical(getattr(self, field.name)) for field in fields(self) if field.name != "data"},
            "bars": [self.data.fingerprint(name, "bars") for name in (self.underlying, self.volatility)],
        }
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()

    def bars(self, symbol: str) -> Bars:
        """Returns the bars of any symbol of ``data``, unchanged."""
        return self.data.bars(symbol)

    def settlement_value(self, symbol: str, session: date) -> Decimal | None:
        """Passes on what ``data`` knows of settlement values; None where it knows none."""
        return self.data.settlement_value(symbol, session) if isinstance(self.data, SupportsSettlement) else None

    def dividends(self, symbol: str, first: date, last: date) -> Sequence[Dividend]:
        """Passes on what ``data`` knows of dividends; none where it knows none.

        Raises:
            BadData: ``data`` knows nothing of the symbol, or cannot be read.
        """
        return self.data.dividends(symbol, first, last) if isinstance(self.data, SupportsDividends) else ()

    def chains(self, symbol: str, start: date, end: date) -> Iterator[QuoteTable]:
        """Yields the quotes of the sessions from start to end, both inclusive, a month at a time.

        A session is quoted if both the underlying and the volatility index have the bars it needs. Rows are sorted by
        session, expiry, right (calls first) and strike.

        Raises:
            BadData: Another symbol than ``underlying``, or bars that are absent or unusable.
        """
        self._check(symbol)
        market = self._market()
        low = int(np.searchsorted(market.sessions, np.datetime64(start, "D")))
        high = int(np.searchsorted(market.sessions, np.datetime64(end, "D"), "right"))
        months = market.sessions.astype("datetime64[M]")
        while low < high:
            stop = min(int(np.searchsorted(months, months[low], "right")), high)
            yield self._quotes(market, slice(low, stop))
            low = stop

    def _check(self, symbol: str) -> None:
        if symbol != self.underlying:
            msg = f"only quotes of {self.underlying!r} are modelled here, got {symbol!r}; combine several sources"
            raise BadData(msg)

    def _settlement(self) -> Settlement:
        some = OptionContract(root=self.root, expiry=date(2000, 1, 7), right=Right.CALL, strike=Decimal(1))
        return some.settlement

    def _market(self) -> _Market:
        spot, index = self.data.bars(self.underlying).checked(), self.data.bars(self.volatility).checked()
        sessions, mine, theirs = np.intersect1d(spot.sessions, index.sessions, assume_unique=True, return_indices=True)
        at_open = self.snapshot == "open"
        if at_open:
            # The index as of the session before, which is the underlying's and must have a close of the index.
            before = np.flatnonzero(mine[1:] == mine[:-1] + 1)
            sessions, mine, theirs = sessions[before + 1], mine[before + 1], theirs[before]
        levels = index.close[theirs] / 100.0 * self.level
        days = self._trading_days(spot)
        expiries = _weekly_expiries(days, sessions, self.expiries) if len(sessions) else days[:0]
        return _Market(
            sessions=sessions,
            prices=(spot.open if at_open else spot.close)[mine],
            levels=levels,
            taken_at=np.array([self._clock(day.item(), at_open=at_open) for day in sessions], "datetime64[s]"),
            expiries=expiries,
            settled_at=np.array([self._clock(day.item(), at_open=False) for day in expiries], "datetime64[s]"),
        )

    def _trading_days(self, spot: Bars) -> NDArray[np.datetime64]:
        first, last = spot.sessions[0], spot.sessions[-1]
        ahead = last + (self.expiries + 2) * 7 * _DAY
        if self.calendar is not None:
            return np.array(self.calendar.sessions(first.item(), ahead.item()), "datetime64[D]")
        coming = np.arange(last + _DAY, ahead)
        return np.concatenate((spot.sessions, coming[np.is_busday(coming)]))

    def _clock(self, session: date, *, at_open: bool) -> np.datetime64:
        if self.calendar is None:
            at = session_open(session) if at_open else session_close(session)
        else:
            at = self.calendar.opens_at(session) if at_open else self.calendar.closes_at(session)
        return np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "s")

    def _quotes(self, market: _Market, rows: slice) -> QuoteTable:
        """Prices sessions as an array of session x expiry x right x strike."""
        sessions, spot, taken_at = market.sessions[rows], market.prices[rows], market.taken_at[rows]
        first = np.searchsorted(market.settled_at, taken_at, "right")
        chosen = first[:, None] + np.arange(self.expiries)
        tau = (market.settled_at[chosen] - taken_at[:, None]).astype(np.float64) / _YEAR_SECS
        steps = np.arange(self.strikes) - self.strikes // 2
        # Of a low-priced underlying the strikes begin one step above zero.
        middle = np.maximum(np.floor(spot / self.strike_step + 0.5), self.strikes // 2 + 1)
        strikes = (middle[:, None] + steps) * self.strike_step
        shape = (len(sessions), self.expiries, 2, self.strikes)
        forward: NDArray[np.float64] = (spot[:, None] * np.exp((self.rate - self.dividend_yield) * tau))[:, :, None, None]
        calls = np.array([True, False])[None, None, :, None]
        years, listed = tau[:, :, None, None], np.asarray(strikes, np.float64)[:, None, None, :]
        volatility = self._volatility(market.levels[rows][:, None, None, None], forward, listed, years)
        discount = np.exp(-self.rate * years)
        prices = black76(forward, listed, years, volatility, discount, call=calls)
        half = np.maximum(self.spread_fraction * prices, self.spread_minimum) / 2
        return QuoteTable(
            sessions=_rows(sessions[:, None, None, None], shape),
            roots=(self.root,),
            root_indices=np.zeros(math.prod(shape), np.int64),
            expiries=_rows(market.expiries[chosen][:, :, None, None], shape),
            calls=_rows(calls, shape),
            strikes=_rows(listed, shape),
            bids=_rows(quote_down(self.root, np.maximum(prices - half, 0.0)), shape),
            asks=_rows(quote_up(self.root, prices + half), shape),
            underlying_prices=_rows(spot[:, None, None, None], shape),
            taken_at=_rows(taken_at[:, None, None, None], shape),
            modelled=True,
        )

    def _volatility(
        self,
        level: NDArray[np.float64],
        forward: NDArray[np.float64],
        strike: NDArray[np.float64],
        years: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        z = np.log(strike / forward) / (level * np.sqrt(years))
        smile = 1 + self.skew * _FLAT_BEYOND * np.tanh(z / _FLAT_BEYOND)
        result: NDArray[np.float64] = level * (years / _REFERENCE_YEARS) ** self.term * smile
        return result


class _Market(NamedTuple):
    """What quotes are computed from, one entry a session that can be quoted."""

    sessions: NDArray[np.datetime64]
    prices: NDArray[np.float64]
    levels: NDArray[np.float64]
    taken_at: NDArray[np.datetime64]
    expiries: NDArray[np.datetime64]
    """All weekly expiries, ascending; not one a session."""
    settled_at: NDArray[np.datetime64]
    """When each of them settles."""


def _weekly_expiries(days: NDArray[np.datetime64], sessions: NDArray[np.datetime64], count: int) -> NDArray[np.datetime64]:
    """Returns the weekly expiries from the first session to ``count`` weeks after the last.

    Args:
        days: Every trading day.
        sessions: Sessions to be quoted.
        count: Weeks ahead.
    """
    friday = np.busday_offset(sessions[0], 0, roll="forward", weekmask="Fri")
    fridays = np.arange(friday, sessions[-1] + (count + 1) * 7 * _DAY, 7 * _DAY)
    return np.unique(days[np.searchsorted(days, fridays, "right") - 1])


def _rows(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    return np.broadcast_to(values, shape).ravel()


@lru_cache(maxsize=1)
def _code_digest() -> str:
    digest = hashlib.sha256()
    for name in (__name__, "optarb.pricing.black", "optarb.pricing.ticks"):
        digest.update(inspect.getsource(sys.modules[name]).encode())
    return digest.hexdigest()
