"""The future of a market taken away or made other: what a component must not notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from optarb.domain.bars import Bars

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.engine.chain_table import ChainTable

__all__ = ["BAR_COLUMNS", "CHAIN_COLUMNS", "REARRANGED", "Change", "Source", "changed_bars", "changed_chains"]

Floats = "NDArray[np.float64]"

BAR_COLUMNS = ("open", "high", "low", "close", "volume")
CHAIN_COLUMNS = ("bids", "asks", "underlying_price")


class Source(NamedTuple):
    """One input of a component."""

    symbol: str
    kind: str
    """``bars`` or ``chain``."""
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to all that comes after the last session that may be known."""

    name: str
    """``cut``, ``replace``, ``shuffle``, ``shift``, ``nan`` or ``memory``."""
    seed: int = 0
    """Of the numbers drawn. An even one replaces values by higher ones, an odd one by lower ones."""
    only: Source | None = None
    """Change this input alone; None for all."""
    first: date | None = None
    """Change nothing before this session; None for all that may not be known."""


Values = Callable[["NDArray[np.float64]", int], "NDArray[np.float64]"]
"""Turns the coming values of the columns, shape ``(rows, columns)``, into others of that shape; with a seed."""


def _replaced(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    # One factor a row keeps a high above its low and a bid below its ask; no value stays as it was. Rows change places, so
    # that what is told by the columns of one row changes too.
    steps = np.random.default_rng(seed).normal(0.0, 0.02, len(values))
    factors: NDArray[np.float64] = (1 / 1.5 if seed % 2 else 1.5) * np.exp(np.cumsum(steps))
    return (values[::-1] + 0.05) * factors[:, None]


def _shuffled(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    return values[np.random.default_rng(seed).permutation(len(values))]


def _shifted(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:  # noqa: ARG001 - as the others
    return np.roll(values, -1, axis=0)


def _gone(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:  # noqa: ARG001 - as the others
    return np.full_like(values, np.nan)


REARRANGED: Mapping[str, Values] = MappingProxyType(
    {"replace": _replaced, "shuffle": _shuffled, "shift": _shifted, "nan": _gone}
)
"""Changes that leave the number of sessions as it is."""


def changed_bars(bars: Bars, change: Change, through: date, *, session: date | None) -> Bars:
    """Returns bars whose rows after a session are changed; those through it stay as they are, to the last bit.

    Args:
        bars: Bars of one symbol.
        change: What to do.
        through: Last session that may be known.
        session: A session after it that keeps a bar when the rest is cut off, since a chain is shown only in a session with a
            bar; it holds the prices of the session before. None for none.
    """
    known = int(np.searchsorted(bars.sessions, np.datetime64(through, "D"), "right"))
    if change.name in {"cut", "memory"}:
        cut = _cut(bars, known, session)
        return _with_memory_behind(cut, bars, change.seed) if change.name == "memory" else cut
    start = known
    if change.first is not None:
        start = max(known, int(np.searchsorted(bars.sessions, np.datetime64(change.first, "D"))))
    names = [name for name in BAR_COLUMNS if change.only in {None, Source(bars.symbol, "bars", name)}]
    values: dict[str, Any] = dict(zip(names, _other([getattr(bars, name) for name in names], start, change), strict=True))
    return replace(bars, **values)


def _cut(bars: Bars, known: int, session: date | None) -> Bars:
    cut = bars.sliced(0, known)
    if session is None or session not in bars.rows or bars.rows[session] != known or not known:
        return cut
    last = {name: np.append(getattr(cut, name), getattr(cut, name)[-1]) for name in BAR_COLUMNS}
    return Bars(symbol=bars.symbol, sessions=bars.sessions[: known + 1].copy(), **last)


def _with_memory_behind(cut: Bars, bars: Bars, seed: int) -> Bars:
    """The same bars, whose arrays are the beginning of longer ones with other numbers behind."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {}
    for name in BAR_COLUMNS:
        column: NDArray[np.float64] = getattr(cut, name)
        behind = rng.uniform(0.5, 2.0, max(len(bars) - len(cut), 1)) * bars.close[-1]
        columns[name] = np.concatenate((column, behind))[: len(column)]
    return replace(cut, **columns)


def changed_chains(table: ChainTable, change: Change, through: date) -> ChainTable:
    """Returns chains whose quotes after a session are changed; those through it stay as they are, to the last bit.

    Args:
        table: Chains of one underlying.
        change: What to do.
        through: Last session whose quotes may be known.
    """
    known = int(np.searchsorted(table.sessions, np.datetime64(through, "D"), "right"))
    if change.name in {"cut", "memory"}:
        return _cut_chains(table, known, behind=change if change.name == "memory" else None)
    start = known
    if change.first is not None:
        start = max(known, int(np.searchsorted(table.sessions, np.datetime64(change.first, "D"))))
    row = int(table.offsets[start])
    names = [name for name in CHAIN_COLUMNS if change.only in {None, Source(table.symbol, "chain", name)}]
    quotes = [name for name in names if name != "underlying_price"]
    changed: dict[str, Any] = {}
    if quotes:
        changed |= zip(quotes, _other([getattr(table, name) for name in quotes], row, change), strict=True)
    if "underlying_price" in names:
        changed["underlying_prices"] = _other([table.underlying_prices], start, change)[0]
    return replace(table, **changed)


def _cut_chains(table: ChainTable, known: int, behind: Change | None) -> ChainTable:
    rows = int(table.offsets[known])
    sizes = [name for name in ("bid_sizes", "ask_sizes") if getattr(table, name) is not None]
    quotes = {name: getattr(table, name)[:rows].copy() for name in ("keys", "bids", "asks", *sizes)}
    if behind is not None:
        rng = np.random.default_rng(behind.seed)
        for name in ("bids", "asks"):
            quotes[name] = np.concatenate((quotes[name], rng.uniform(1.0, 99.0, max(len(table.keys) - rows, 1))))[:rows]
    by_session = {
        name: getattr(table, name)[:known].copy() for name in ("sessions", "taken_first", "taken_last", "underlying_prices")
    }
    return replace(table, offsets=table.offsets[: known + 1].copy(), **quotes, **by_session)


def _other(columns: list[NDArray[np.float64]], start: int, change: Change) -> list[NDArray[np.float64]]:
    """Copies of columns of equal length whose values from a row on are others."""
    if not columns:
        return []
    values = np.column_stack(columns)
    if start < len(values):
        values[start:] = REARRANGED[change.name](values[start:], change.seed)
    return [np.ascontiguousarray(values[:, number]) for number in range(len(columns))]
