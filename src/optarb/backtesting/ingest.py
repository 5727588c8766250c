"""Phase 1: bars and chains are checked, cleaned and kept under the digest of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

from optarb.backtesting.arrow import bars_to_bytes, chains_to_bytes, digest_of
from optarb.backtesting.commit import commit_unit
from optarb.desk.intake import library_versions, load_bars
from optarb.engine.chain_table import ChainTable, clean_quotes, joined
from optarb.errors import BadData, ComponentError, ConfigurationError, OptarbError

if TYPE_CHECKING:
    from optarb.backtesting.context import RunContext, Tick
    from optarb.domain.quote_table import QuoteTable

__all__ = ["PHASE", "clean_months", "ingest_symbol", "ingested"]

PHASE = "ingest"
_VERSION = "2"
"""Raised when cleaning changes, so that what was cached before is not used."""


def ingest_symbol(context: RunContext, symbol: str, tick: Tick) -> bool:
    """Ingests one symbol: its bars and, for an underlying, its chains month by month.

    Args:
        context: The run.
        symbol: One of the plan's symbols.
        tick: Called after each month.

    Returns:
        True if this call did the work, False if it was done before.

    Raises:
        BadData: Data that cannot be used.
        ConfigurationError: ``bars="same_session"`` although quotes were taken before the close.
    """
    if (symbol, 0) in context.store.done(context.book_id, PHASE):
        return False
    state: dict[str, Any] = {"bars": _ingest_bars(context, symbol)}
    if symbol in context.plan.underlyings:
        state["quotes"] = _ingest_quotes(context, symbol, tick)
    return commit_unit(context, PHASE, symbol, state)


def ingested(context: RunContext) -> dict[str, dict[str, Any]]:
    """Returns what the phase left for each symbol."""
    found = context.store.checkpoints(context.book_id, PHASE)
    return {checkpoint.key.unit: json.loads(checkpoint.state) for checkpoint in found}


def _ingest_bars(context: RunContext, symbol: str) -> dict[str, Any]:
    spec, cache = context.spec, context.desk.cache
    range_ = f"{spec.history_start}:{context.plan.sessions[-1]}:{spec.allow_gaps}"
    key = _key(context, symbol, "bars", f"{context.plan.sessions[0]}:{range_}")
    known = _manifest(context, key)
    if known is not None and cache.get("bars/" + known["digest"]) is not None:
        return known
    bars, counts = load_bars(context.desk, spec, symbol, context.plan.sessions)
    content = bars_to_bytes(bars)
    digest = digest_of(content)
    cache.put("bars/" + digest, content)
    manifest = {"digest": digest, "rows": len(bars), "counts": counts}
    cache.put(key, json.dumps(manifest).encode())
    return manifest


def _ingest_quotes(context: RunContext, symbol: str, tick: Tick) -> dict[str, Any]:
    cache = context.desk.cache
    first, last = context.plan.sessions[0], context.plan.sessions[-1]
    key = _key(context, symbol, "quotes", f"{first}:{last}")
    manifest = _manifest(context, key)
    if manifest is None or any(cache.get("chain/" + month["digest"]) is None for month in manifest["months"]):
        months = []
        for number, (name, table, counts) in enumerate(_months(context, symbol, first, last)):
            content = chains_to_bytes(table)
            digest = digest_of(content)
            cache.put("chain/" + digest, content)
            months.append(_month_facts(context, name, table, counts, digest))
            tick(PHASE, number, 0)
        manifest = {"months": months}
        cache.put(key, json.dumps(manifest).encode())
    _check_same_session(context, symbol, manifest)
    return manifest


def _month_facts(context: RunContext, name: str, table: ChainTable, counts: dict[str, int], digest: str) -> dict[str, Any]:
    closes_at = context.desk.calendar.closes_at
    early = None
    for session, taken in zip(table.sessions.tolist(), table.taken_first.tolist(), strict=True):
        if taken < closes_at(session).timestamp():
            early = str(session)
            break
    return {
        "month": name,
        "digest": digest,
        "first": str(table.sessions[0]),
        "last": str(table.sessions[-1]),
        "sessions": len(table.sessions),
        "rows": len(table.keys),
        "modelled": table.modelled,
        "before_close": early,
        "counts": counts,
    }


def _check_same_session(context: RunContext, symbol: str, manifest: dict[str, Any]) -> None:
    if context.spec.bars != "same_session":
        return
    for month in manifest["months"]:
        if month["before_close"] is not None:
            raise ConfigurationError(
                f"bars='same_session' needs quotes taken at or after the close, but those of {symbol!r} on "
                f"{month['before_close']} were taken earlier or at an unknown time; use bars='previous_session'"
            )


def _months(context: RunContext, symbol: str, first: date, last: date) -> Iterator[tuple[str, ChainTable, dict[str, int]]]:
    tables = _asked(context, symbol, first, last)
    found = False
    for month in clean_months(tables, symbol, context):
        found = True
        yield month
    if not found:
        raise BadData(f"no usable option quotes of {symbol!r} from {first} to {last}; check the source and the range")


def clean_months(
    tables: Iterator[QuoteTable], symbol: str, context: RunContext
) -> Iterator[tuple[str, ChainTable, dict[str, int]]]:
    """Cleans raw tables and joins them by calendar month.

    Args:
        tables: Raw quotes in time.
        symbol: The underlying.
        context: For the calendar.

    Raises:
        BadData: A table goes back in time.
    """
    parts: list[ChainTable] = []
    counts: dict[str, int] = {}
    current = ""
    for raw in tables:
        table, dropped = clean_quotes(raw, symbol, context.desk.calendar)
        for kind, number in dropped.items():
            counts[kind] = counts.get(kind, 0) + number
        for month, part in table.months():
            if parts and (month < current or part.sessions[0] <= parts[-1].sessions[-1]):
                raise BadData(f"quotes of {symbol!r}: {part.sessions[0]} comes after {parts[-1].sessions[-1]}; sort by date")
            if parts and month != current:
                yield current, joined(parts), counts
                parts, counts = [], {}
            parts.append(part)
            current = month
    if parts:
        yield current, joined(parts), counts


def _asked(context: RunContext, symbol: str, first: date, last: date) -> Iterator[QuoteTable]:
    try:
        yield from context.desk.market_data.chains(symbol, first, last)
    except OptarbError:
        raise
    except Exception as error:
        raise ComponentError(f"market data, quotes of {symbol!r}: {type(error).__name__}: {error}") from error


def _key(context: RunContext, symbol: str, kind: str, range_: str) -> str:
    parts = [_VERSION, symbol, kind, range_, context.inputs["data"][symbol][kind], library_versions()]
    return f"ingest/{kind}/" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _manifest(context: RunContext, key: str) -> dict[str, Any] | None:
    value = context.desk.cache.get(key)
    if value is None:
        return None
    manifest: dict[str, Any] = json.loads(bytes(value))
    return manifest
