"""Calls on a store with everything filled in that a test does not care about."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from optarb.ledger.rows import TABLES, Row, Rows
from optarb.protocols.stores import BacktestStore, BlockKey, Claim

__all__ = ["at_once", "claim_book", "commit_block", "sample_rows", "tip_of"]

ResultT = TypeVar("ResultT")


def claim_book(
    store: BacktestStore,
    book_id: str,
    *,
    owner: str = "first",
    identity: str = "same",
    documents: Mapping[str, str] | None = None,
    lease_seconds: float = 60,
    replace: bool = False,
) -> Claim:
    """Claims a book."""
    return store.claim(
        book_id,
        owner=owner,
        identity=identity,
        documents=documents or {},
        lease_seconds=lease_seconds,
        replace=replace,
    )


def commit_block(
    store: BacktestStore,
    book_id: str,
    epoch: int,
    *,
    phase: str = "trade",
    unit: str = "",
    first: int = 20140103,
    last: int | None = None,
    parent: str = "",
    state: bytes = b"",
    rows: Rows | None = None,
    tip: bool = False,
) -> bool:
    """Commits a block of one session, without rows unless given."""
    return store.commit(
        book_id,
        epoch,
        BlockKey(phase=phase, unit=unit, first=first),
        last=first if last is None else last,
        parent=parent,
        state=state,
        rows=rows or {},
        tip=tip,
    )


def tip_of(store: BacktestStore, book_id: str) -> str:
    """Returns the digest of the trade phase's newest checkpoint."""
    found = store.checkpoint(book_id, "trade")
    if found is None:
        raise AssertionError("the trade phase has no checkpoint")
    return found.digest


def sample_rows(table: str, *sessions: int) -> list[Row]:
    """Two rows a session, with values that a careless store changes: great integers, thirds, quotes, absent ones."""
    samples: dict[str, tuple[int | str | float, ...]] = {
        "int": (2**53 + 1, -1),
        "text": ("it's ☃; --", ""),
        "real": (1 / 3, 0.0),
    }
    rows: list[Row] = []
    for session in sessions:
        for seq in range(2):
            values = (None if column.nullable and seq else samples[column.kind][seq] for column in TABLES[table].columns[2:])
            rows.append((session, seq, *values))
    return rows


def at_once(call: Callable[[int], ResultT]) -> list[ResultT]:
    """Calls it from three threads that start together."""
    threads = 3
    barrier = threading.Barrier(threads)

    def run(number: int) -> ResultT:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
