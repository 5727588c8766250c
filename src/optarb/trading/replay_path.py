"""A session's course made of daily data, for want of intraday quotes. Everything priced on it is modelled and labelled.

The path of an underlying: its open until 09:35, its high and its low at one and two thirds of the session, straight lines
between, its close at the end. Which extreme comes first is decided by the parity of SHA-256 of the date, for all symbols alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from optarb.domain.contract_keys import KeyColumns, pack_keys, renumber_roots, unpack_key
from optarb.domain.contracts import Settlement
from optarb.domain.money import price
from optarb.domain.quotes import Chain
from optarb.domain.time import NEW_YORK
from optarb.errors import BadData
from optarb.pricing import black76, implied_volatility, quote_down, quote_up, settles_at, year_fraction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Quote

__all__ = ["DayCourse", "PathFeed", "high_comes_first"]

_FIRST_LOOK = time(9, 35)


def high_comes_first(session: date) -> bool:
    """Whether a session's high is taken to come before its low: where the last bit of SHA-256 of its ISO date is 0."""
    return hashlib.sha256(session.isoformat().encode()).digest()[-1] % 2 == 0


@dataclass(frozen=True, kw_only=True)
class DayCourse:
    """What a session's path is drawn from, for one underlying. Prices in dollars per share, positive.

    Raises:
        BadData: The extremes do not enclose open and close, or a value is not positive.
    """

    open: float
    """Official open."""
    high: float
    """Highest price."""
    low: float
    """Lowest price."""
    close: float
    """Official close."""
    volatility_open: float = 1.0
    """Level of the volatility index at the open, in any unit; only its change over the day is used."""
    volatility_close: float = 1.0
    """Its level at the close."""

    def __post_init__(self) -> None:
        values = (self.open, self.high, self.low, self.close, self.volatility_open, self.volatility_close)
        enclosed = self.low <= min(self.open, self.close) <= max(self.open, self.close) <= self.high
        if not enclosed or not all(0.0 < value < float("inf") for value in values):
            raise BadData(f"a course needs 0 < low <= open, close <= high and positive volatilities, got {self!r}")


class PathFeed:
    """Quotes on the path: the session's chain, each contract's volatility kept but for the change of the index, and repriced.

    A contract whose quotes carry no time value is priced at intrinsic value. Half the spread of the chain's own quotes is kept
    and rounded outward to the root's increments. The forward is the underlying's price: rates and dividends are left out.

    A chain that does not say when it was taken counts as one of the close, as most daily chains are. One without a price of its
    underlying is set against the path's price of that instant, which at the close is the official close.
    """

    name = "daily path"
    """What stands on fills."""

    def __init__(
        self,
        chains: Mapping[str, Chain],
        courses: Mapping[str, DayCourse],
        *,
        opens_at: datetime,
        closes_at: datetime,
        order: Literal["by_date", "high_first", "low_first"] = "by_date",
        before: Mapping[str, Chain] | None = None,
    ) -> None:
        """Draws the paths and finds every contract's volatility.

        Args:
            chains: The session's chain by underlying.
            courses: Open, high, low and close by underlying.
            opens_at: When the session opens, aware.
            closes_at: When it closes, aware.
            order: Which extreme comes first; ``by_date`` as :func:`high_comes_first` says.
            before: Chains of the session before, by underlying. Contracts that end trading at this session's close are taken
                from there where the session's own chain lacks them: a chain of the close has none of them left.

        Raises:
            BadData: A chain without a course.
        """
        self._opens_at, self._closes_at = opens_at, closes_at
        self._session = opens_at.astimezone(NEW_YORK).date()
        high_first = high_comes_first(self._session) if order == "by_date" else order == "high_first"
        self._first_at = datetime.combine(self._session, _FIRST_LOOK, NEW_YORK)
        self._courses = courses
        self._paths = {symbol: self._path(course, high_first=high_first) for symbol, course in courses.items()}
        self._surfaces = {symbol: self._surface(symbol, chain) for symbol, chain in chains.items()}
        for symbol, chain in (before or {}).items():
            if symbol in self._surfaces:
                self._surfaces[symbol] = _with_ending(self._surfaces[symbol], self._surface(symbol, chain), self._session)
        self._made: dict[tuple[str, datetime], Chain] = {}

    def chain(self, symbol: str, at: datetime) -> Chain | None:
        """Returns the chain of an underlying repriced at an instant; None before the open, or for a symbol without one."""
        surface = self._surfaces.get(symbol)
        if surface is None or at < self._opens_at:
            return None
        at = min(at, self._closes_at)
        made = self._made.get((symbol, at))
        if made is None:
            made = self._priced(symbol, surface, at)
            # Threads may be at different instants: each keeps what is of its own, and none looks into what another has put.
            self._made = {**{key: chain for key, chain in self._made.items() if key[1] == at}, (symbol, at): made}
        return made

    def quotes(self, contracts: Sequence[OptionContract], at: datetime) -> Mapping[OptionContract, Quote]:
        """Returns the quotes of some contracts at an instant; those not in the session's chain are absent."""
        found: dict[OptionContract, Quote] = {}
        for contract in contracts:
            chain = self.chain(contract.underlying, at)
            quote = None if chain is None else chain.quote(contract)
            if quote is not None:
                found[contract] = quote
        return found

    def underlying_price(self, symbol: str, at: datetime) -> Decimal | None:
        """Returns the path's price at an instant, or None before the open."""
        if symbol not in self._paths or at < self._opens_at:
            return None
        return price(self.spot(symbol, at))

    def spot(self, symbol: str, at: datetime) -> float:
        """Returns the path's price at an instant, dollars per share; outside the session that of its nearer end.

        Args:
            symbol: An underlying with a course.
            at: The instant, aware.
        """
        seconds, values = self._paths[symbol]
        return float(np.interp((at - self._opens_at).total_seconds(), seconds, values))

    def _path(self, course: DayCourse, *, high_first: bool) -> tuple[list[float], list[float]]:
        length = (self._closes_at - self._opens_at).total_seconds()
        start = (self._first_at - self._opens_at).total_seconds()
        extremes = [course.high, course.low] if high_first else [course.low, course.high]
        return [0.0, start, length / 3, length * 2 / 3, length], [course.open, course.open, *extremes, course.close]

    def _volatility_level(self, symbol: str, at: datetime) -> float:
        course = self._courses[symbol]
        length = (self._closes_at - self._opens_at).total_seconds()
        seconds = (at - self._opens_at).total_seconds()
        return float(np.interp(seconds, [0.0, length], [course.volatility_open, course.volatility_close]))

    def _surface(self, symbol: str, chain: Chain) -> _Surface:
        if symbol not in self._courses:
            raise BadData(f"the chain of {symbol!r} has no course; there are {', '.join(sorted(self._courses)) or 'none'}")
        taken_at = chain.taken_at or self._closes_at
        spot = chain.underlying_price if chain.underlying_price > 0.0 else self.spot(symbol, taken_at)
        columns = chain.columns
        expiries = _expiries(chain)
        middle = (chain.bids + chain.asks) / 2
        found = implied_volatility(middle, spot, chain.strikes, expiries.years(taken_at), 1.0, call=chain.calls)
        return _Surface(
            roots=chain.root_names,
            keys=pack_keys(columns.root_indices, columns.expiries, columns.calls, chain.strikes),
            expiries=expiries,
            volatility=np.nan_to_num(found.volatility, nan=0.0) / self._volatility_level(symbol, taken_at),
            half_spread=(chain.asks - chain.bids) / 2,
        )

    def _priced(self, symbol: str, surface: _Surface, at: datetime) -> Chain:
        spot, columns = self.spot(symbol, at), surface.columns
        volatility = surface.volatility * self._volatility_level(symbol, at)
        middle = black76(spot, columns.strikes, surface.expiries.years(at), volatility, 1.0, call=columns.calls)
        bids, asks = np.maximum(middle - surface.half_spread, 0.0), middle + surface.half_spread
        for number, root in enumerate(surface.roots):
            rows = columns.root_indices == number
            bids[rows], asks[rows] = quote_down(root, bids[rows]), np.maximum(quote_up(root, asks[rows]), 0.01)
        return Chain(
            symbol=symbol,
            session=self._session,
            taken_at=at,
            modelled=True,
            underlying_price=spot,
            roots=surface.roots,
            keys=surface.keys,
            bids=bids,
            asks=asks,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Expiries:
    """When each contract of a chain settles."""

    kinds: tuple[tuple[Settlement, date], ...]
    """Each kind of settlement and expiry once."""
    which: NDArray[np.int64]
    """Which of them a contract has."""

    def years(self, at: datetime) -> NDArray[np.float64]:
        return np.array([year_fraction(*kind, at) for kind in self.kinds], np.float64)[self.which]

    def ending(self, session: date) -> NDArray[np.bool_]:
        """Which contracts can be traded until the close of a session and no longer."""
        last = [
            settlement is not Settlement.AM and settles_at(settlement, expiry).astimezone(NEW_YORK).date() == session
            for settlement, expiry in self.kinds
        ]
        return np.array(last, np.bool_)[self.which]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Surface:
    """A chain with what stays of it when its underlying moves, one entry a contract, sorted by key."""

    roots: tuple[str, ...]
    """Root table of the keys."""
    keys: NDArray[np.int64]
    """Packed contracts."""
    expiries: _Expiries
    """When they settle."""
    volatility: NDArray[np.float64]
    """Implied volatility over the level of the index; 0 where there is none."""
    half_spread: NDArray[np.float64]
    """Dollars per share."""

    @cached_property
    def columns(self) -> KeyColumns:
        return unpack_key(self.keys)


def _expiries(chain: Chain) -> _Expiries:
    columns = chain.columns
    kinds = np.stack((columns.root_indices, columns.expiries.astype(np.int64)))
    _, first, which = np.unique(kinds, axis=1, return_index=True, return_inverse=True)
    contracts = [chain.contract(int(row)) for row in first]
    return _Expiries(kinds=tuple((one.settlement, one.expiry) for one in contracts), which=which.ravel())


def _with_ending(surface: _Surface, before: _Surface, session: date) -> _Surface:
    """Adds the contracts that end trading in a session, and that its own chain lacks, as the chain before had them."""
    roots = tuple(sorted({*surface.roots, *before.roots}))
    own, theirs = (renumber_roots(one.keys, [roots.index(root) for root in one.roots]) for one in (surface, before))
    rows = np.flatnonzero(before.expiries.ending(session) & ~np.isin(theirs, own))
    if not len(rows):
        return surface
    keys = np.concatenate((own, theirs[rows]))
    order = np.argsort(keys)
    kinds = (*surface.expiries.kinds, *before.expiries.kinds)
    which = np.concatenate((surface.expiries.which, before.expiries.which[rows] + len(surface.expiries.kinds)))
    return _Surface(
        roots=roots,
        keys=keys[order],
        expiries=_Expiries(kinds=kinds, which=which[order]),
        volatility=np.concatenate((surface.volatility, before.volatility[rows]))[order],
        half_spread=np.concatenate((surface.half_spread, before.half_spread[rows]))[order],
    )
