"""Cleaned option quotes of one underlying over many sessions: the layout that views read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from optarb.domain.contract_keys import pack_keys, renumber_roots
from optarb.domain.contracts import FIRST_EXPIRY, LAST_EXPIRY, STRIKE_LIMIT, OptionContract, Right, Settlement
from optarb.domain.quotes import Chain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.quote_table import QuoteTable
    from optarb.protocols import TradingCalendar

__all__ = ["ChainSource", "ChainTable", "clean_quotes", "joined", "usable_rows"]

_ONE = Decimal(1)


class ChainSource(Protocol):
    """Gives the chain of a session: a table, or one that opens its parts as they are asked for."""

    def chain(self, session: date) -> Chain | None:
        """Returns the chain of one session, or None if it has no usable quote."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class ChainTable:
    """Usable quotes of one underlying, sorted by session and packed contract.

    ``offsets`` has one entry more than ``sessions``; the quotes of session ``i`` are rows ``offsets[i]`` to ``offsets[i + 1]``.
    """

    symbol: str
    """Underlying."""
    modelled: bool
    """Whether the quotes come from a model."""
    roots: tuple[str, ...]
    """Root table of the keys, sorted."""
    sessions: NDArray[np.datetime64]
    """Sessions with at least one usable quote, ``datetime64[D]``, increasing."""
    offsets: NDArray[np.int64]
    """Where each session's rows begin."""
    taken_first: NDArray[np.int64]
    """Earliest quote of each session, seconds since 1970 UTC; -1 if any is unknown."""
    taken_last: NDArray[np.int64]
    """Latest quote of each session, seconds since 1970 UTC; -1 if any is unknown."""
    underlying_prices: NDArray[np.float64]
    """Median price of the underlying beside the quotes of each session; NaN if the source has none."""
    keys: NDArray[np.int64]
    """Packed contracts."""
    bids: NDArray[np.float64]
    """Bids, zero or more."""
    asks: NDArray[np.float64]
    """Asks, positive."""
    bid_sizes: NDArray[np.float64] | None = None
    """Contracts bid for; NaN where unknown; None if no quote tells it."""
    ask_sizes: NDArray[np.float64] | None = None
    """Contracts offered, likewise."""

    @cached_property
    def _sessions(self) -> list[tuple[int, int, int, float]]:
        """For each session where its rows begin and end, its last quote and the underlying's price, as plain numbers."""
        offsets = self.offsets.tolist()
        return list(zip(offsets[:-1], offsets[1:], self.taken_last.tolist(), self.underlying_prices.tolist(), strict=True))

    @cached_property
    def _rows(self) -> dict[date, int]:
        return {session: i for i, session in enumerate(self.sessions.tolist())}

    def months(self) -> Iterator[tuple[str, ChainTable]]:
        """Splits the table by calendar month, as ``("2018-01", table)``."""
        months = self.sessions.astype("datetime64[M]")
        for month in np.unique(months):
            lo, hi = (int(np.searchsorted(months, month, side)) for side in ("left", "right"))
            yield str(month), self._sliced(lo, hi)

    def _sliced(self, lo: int, hi: int) -> ChainTable:
        start, stop = int(self.offsets[lo]), int(self.offsets[hi])
        return ChainTable(
            symbol=self.symbol,
            modelled=self.modelled,
            roots=self.roots,
            sessions=self.sessions[lo:hi],
            offsets=self.offsets[lo : hi + 1] - start,
            taken_first=self.taken_first[lo:hi],
            taken_last=self.taken_last[lo:hi],
            underlying_prices=self.underlying_prices[lo:hi],
            keys=self.keys[start:stop],
            bids=self.bids[start:stop],
            asks=self.asks[start:stop],
            bid_sizes=_some(self.bid_sizes, slice(start, stop)),
            ask_sizes=_some(self.ask_sizes, slice(start, stop)),
        )

    def chain(self, session: date) -> Chain | None:
        """Returns the chain of one session, or None if it has no usable quote."""
        i = self._rows.get(session)
        if i is None:
            return None
        lo, hi, taken, underlying_price = self._sessions[i]
        return Chain(
            symbol=self.symbol,
            session=session,
            taken_at=None if taken < 0 else datetime.fromtimestamp(taken, UTC),
            modelled=self.modelled,
            underlying_price=underlying_price,
            roots=self.roots,
            keys=self.keys[lo:hi],
            bids=self.bids[lo:hi],
            asks=self.asks[lo:hi],
            bid_sizes=_some(self.bid_sizes, slice(lo, hi)),
            ask_sizes=_some(self.ask_sizes, slice(lo, hi)),
        )


def clean_quotes(table: QuoteTable, symbol: str, calendar: TradingCalendar) -> tuple[ChainTable, dict[str, int]]:
    """Drops the rows that must never be traded on, sorts the rest, and counts what was dropped by kind.

    Kinds: ``bad_contract`` (a strike or an expiry that no contract can have), ``unquoted`` (bid or ask missing, or both zero),
    ``negative``, ``crossed`` (bid above ask; or a bid without an ask), ``adjusted`` (a root whose deliverable is not standard),
    ``expired``, ``dead`` (taken after the contract ended trading, or on its last day at an unknown time), ``duplicate`` (a
    contract twice in a session: every row but the first). A zero bid with a positive ask is a quote and stays; ``zero_bid``
    counts those.

    Args:
        table: Raw quotes of whole sessions.
        symbol: The underlying.
        calendar: Knows the sessions and when they close.
    """
    rows, counts = usable_rows(table, calendar)
    roots = tuple(sorted({table.roots[i] for i in np.unique(table.root_indices[rows])}))
    cleaned, duplicates = _sorted(table, rows, symbol, roots)
    if duplicates:
        counts["duplicate"] = duplicates
    zero = int((cleaned.bids == 0).sum())
    if zero:
        counts["zero_bid"] = zero
    return cleaned, counts


def usable_rows(table: QuoteTable, calendar: TradingCalendar) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Finds the rows that may be traded on, in their order, and counts the others by kind; see :func:`clean_quotes`.

    Args:
        table: Raw quotes; several of one contract in a session are no error here.
        calendar: Knows the sessions and when they close.
    """
    bids, asks = table.bids, table.asks
    counts: dict[str, int] = {}
    keep = np.ones(len(table), dtype=np.bool_)
    for kind, bad in (
        ("bad_contract", _impossible(table)),
        ("unquoted", ~np.isfinite(bids) | ~np.isfinite(asks) | ((bids == 0) & (asks == 0))),
        ("negative", (bids < 0) | (asks < 0)),
        ("crossed", bids > asks),
        ("adjusted", _adjusted(table)),
        ("expired", table.expiries < table.sessions),
        ("dead", _dead(table, calendar)),
    ):
        dropped = keep & bad
        if dropped.any():
            counts[kind] = int(dropped.sum())
            keep &= ~bad
    return np.flatnonzero(keep), counts


def _impossible(table: QuoteTable) -> NDArray[np.bool_]:
    """Rows whose strike or expiry is outside what :class:`OptionContract` allows."""
    thousandths = table.strikes * 1000.0
    fits = np.isfinite(thousandths) & (table.strikes > 0) & (table.strikes < STRIKE_LIMIT)
    fits &= np.abs(np.where(fits, thousandths, 0.0) - np.rint(np.where(fits, thousandths, 0.0))) < 1e-3
    fits &= (table.expiries >= np.datetime64(FIRST_EXPIRY)) & (table.expiries <= np.datetime64(LAST_EXPIRY))
    return ~fits


def _adjusted(table: QuoteTable) -> NDArray[np.bool_]:
    odd = [not root.isalpha() or not root.isupper() or len(root) > 6 for root in table.roots]
    adjusted: NDArray[np.bool_] = np.array([*odd, False], dtype=np.bool_)[table.root_indices]
    return adjusted


def _dead(table: QuoteTable, calendar: TradingCalendar) -> NDArray[np.bool_]:
    """Rows taken when their contract could not be traded any more.

    AM-settled contracts end the session before; PM-settled index contracts at the close of their last session. Physically
    settled ones trade on for a quarter of an hour, so that a quote taken at the close is alive.
    """
    last_day = _last_sessions(table, calendar) == table.sessions
    if not last_day.any():
        return np.zeros(len(table), dtype=np.bool_)
    settlements = [_settlement(root) for root in table.roots]
    am = np.array([s is Settlement.AM for s in settlements], dtype=np.bool_)[table.root_indices]
    pm = np.array([s is Settlement.PM for s in settlements], dtype=np.bool_)[table.root_indices]
    rows = np.flatnonzero(last_day)
    days, inverse = np.unique(table.sessions[rows], return_inverse=True)
    closes = np.array([int(calendar.closes_at(day.item()).timestamp()) for day in days], dtype=np.int64)
    taken = table.taken_at[rows].astype("datetime64[s]")
    late = np.zeros(len(table), dtype=np.bool_)
    late[rows] = np.isnat(taken) | (taken.astype(np.int64) >= closes[inverse])
    unknown = np.isnat(table.taken_at)
    dead: NDArray[np.bool_] = last_day & (am | unknown | (pm & late))
    return dead


def _last_sessions(table: QuoteTable, calendar: TradingCalendar) -> NDArray[np.datetime64]:
    """The session in which each row's contract ends trading: the last one not after its listed expiry.

    A listed expiry may be a Saturday (standard contracts before 2015) or a holiday.
    """
    expiries, inverse = np.unique(table.expiries.astype("datetime64[D]"), return_inverse=True)
    if not len(expiries):
        return table.expiries
    last = expiries.copy()
    for i in np.flatnonzero(expiries < np.sort(table.sessions)[-1] + np.timedelta64(8, "D")):
        day: date = expiries[i].item()
        sessions = calendar.sessions(day - timedelta(days=7), day)
        if sessions:
            last[i] = np.datetime64(sessions[-1], "D")
    return last[inverse]


def _settlement(root: str) -> Settlement:
    try:
        return OptionContract(root=root, expiry=date(2000, 1, 1), right=Right.CALL, strike=_ONE).settlement
    except ValueError:
        return Settlement.PHYSICAL


def _sorted(table: QuoteTable, rows: NDArray[np.int64], symbol: str, roots: Sequence[str]) -> tuple[ChainTable, int]:
    renumber = np.array([roots.index(root) if root in roots else 0 for root in table.roots], dtype=np.int64)
    sessions = table.sessions[rows].astype("datetime64[D]")
    keys = pack_keys(renumber[table.root_indices[rows]], table.expiries[rows], table.calls[rows], table.strikes[rows])
    days = sessions.astype(np.int64)
    ordered = len(rows) < 2 or bool(np.all((days[1:] > days[:-1]) | ((days[1:] == days[:-1]) & (keys[1:] > keys[:-1]))))
    duplicates = 0
    if not ordered:
        order = np.lexsort((keys, days))
        rows, days, keys = rows[order], days[order], keys[order]
        again = np.concatenate(([False], (days[1:] == days[:-1]) & (keys[1:] == keys[:-1])))
        duplicates = int(again.sum())
        rows, days, keys = rows[~again], days[~again], keys[~again]
    unique, starts = np.unique(days, return_index=True)
    offsets = np.append(starts, len(days)).astype(np.int64)
    taken = table.taken_at[rows].astype("datetime64[s]").astype(np.int64)
    taken[np.isnat(table.taken_at[rows])] = -1
    return (
        ChainTable(
            symbol=symbol,
            modelled=table.modelled,
            roots=tuple(roots),
            sessions=unique.astype("datetime64[D]"),
            offsets=offsets,
            taken_first=_by_session(taken, offsets, np.minimum),
            taken_last=_latest(taken, offsets),
            underlying_prices=_medians(table.underlying_prices[rows], offsets),
            keys=keys,
            bids=np.ascontiguousarray(table.bids[rows]),
            asks=np.ascontiguousarray(table.asks[rows]),
            bid_sizes=_whole(_some(table.bid_sizes, rows)),
            ask_sizes=_whole(_some(table.ask_sizes, rows)),
        ),
        duplicates,
    )


def _by_session(values: NDArray[np.int64], offsets: NDArray[np.int64], reduce: np.ufunc) -> NDArray[np.int64]:
    if len(offsets) < 2:
        return np.empty(0, dtype=np.int64)
    return np.asarray(reduce.reduceat(values, offsets[:-1]), dtype=np.int64)


def _latest(taken: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    latest, first = _by_session(taken, offsets, np.maximum), _by_session(taken, offsets, np.minimum)
    return np.where(first < 0, -1, latest)


def _medians(values: NDArray[np.float64], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Median of each session's known prices; one price for all is the common case and is taken as it is."""
    out = np.full(max(len(offsets) - 1, 0), np.nan)
    for i in range(len(out)):
        known = values[offsets[i] : offsets[i + 1]]
        first = known[0]
        out[i] = first if bool(np.all(known == first)) else np.nanmedian(known) if np.isfinite(known).any() else np.nan
    return out


def joined(tables: Sequence[ChainTable]) -> ChainTable:
    """Joins tables of one symbol whose sessions follow each other.

    Args:
        tables: At least one, in time.
    """
    if len(tables) == 1:
        return tables[0]
    roots = tuple(sorted({root for table in tables for root in table.roots}))
    starts = np.cumsum([0, *(len(table.keys) for table in tables)])
    offsets = [table.offsets[:-1] + start for table, start in zip(tables, starts, strict=False)]
    return ChainTable(
        symbol=tables[0].symbol,
        modelled=any(table.modelled for table in tables),
        roots=roots,
        sessions=np.concatenate([table.sessions for table in tables]),
        offsets=np.append(np.concatenate(offsets), starts[-1]).astype(np.int64),
        taken_first=np.concatenate([table.taken_first for table in tables]),
        taken_last=np.concatenate([table.taken_last for table in tables]),
        underlying_prices=np.concatenate([table.underlying_prices for table in tables]),
        keys=np.concatenate([renumber_roots(table.keys, [roots.index(root) for root in table.roots]) for table in tables]),
        bids=np.concatenate([table.bids for table in tables]),
        asks=np.concatenate([table.asks for table in tables]),
        bid_sizes=_joined_sizes([(table.bid_sizes, len(table.keys)) for table in tables]),
        ask_sizes=_joined_sizes([(table.ask_sizes, len(table.keys)) for table in tables]),
    )


def _some(sizes: NDArray[np.float64] | None, rows: slice | NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Some rows of a column that may not be there."""
    return None if sizes is None else sizes[rows]


def _whole(sizes: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """What is no number of contracts counts as unknown; parts of a contract are not displayed."""
    if sizes is None:
        return None
    return np.where(np.isfinite(sizes) & (sizes >= 0), np.floor(sizes), np.nan)


def _joined_sizes(parts: Sequence[tuple[NDArray[np.float64] | None, int]]) -> NDArray[np.float64] | None:
    """Joins columns of which some may not be there; None if none is."""
    if all(sizes is None for sizes, _ in parts):
        return None
    return np.concatenate([np.full(rows, np.nan) if sizes is None else sizes for sizes, rows in parts])
