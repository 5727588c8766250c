"""What the settings of a sweep have in common is computed once in a process, and written into each one's book.

A unit of work is shared if all that it can read is equal: the key names it. Nothing is shared beyond a sweep, nothing that
asked the outside world, and nothing of a component whose source cannot be had.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optarb.backtesting import ingest, signals, training
from optarb.backtesting.ingest import ingested
from optarb.backtesting.market_loader import market_key
from optarb.desk.intake import component_identity
from optarb.protocols.stores import BlockKey

if TYPE_CHECKING:
    from optarb.backtesting.context import RunContext
    from optarb.backtesting.phases import Unit
    from optarb.ledger.rows import Row

__all__ = ["shared"]

_KEPT_ROWS = 50_000
"""Rows kept in a process, some 40 MB at most; the units used longest ago go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Committed:
    """One block as it was committed into a book."""

    first: int
    last: int
    state: bytes
    rows: tuple[Row, ...]


_kept: OrderedDict[str, tuple[_Committed, ...]] = OrderedDict()
_lock = threading.Lock()


def shared(context: RunContext, phase: str, unit: Unit, work: Callable[[], object]) -> None:
    """Does a unit of work, or writes what it came to for another setting of the same sweep.

    Args:
        context: The run; one that is no setting of a sweep does its own work.
        phase: ``"ingest"`` or ``"signals"``.
        unit: The unit.
        work: Does it and commits it.
    """
    key = _key(context, phase, unit)
    if key is None:
        work()
        return
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
    if found is not None:
        _write(context, phase, unit, found)
        return
    begun = _is_begun(context, phase, unit)
    work()
    if not (begun or context.outside_calls):
        _keep(key, _read(context, phase, unit))


def _key(context: RunContext, phase: str, unit: Unit) -> str | None:
    """Names all that a unit of work can read; None if it is not to be shared."""
    if context.sweep_id is None:
        return None
    parts = _ingest_parts(context, unit.name) if phase == ingest.PHASE else _signals_parts(context, unit)
    if parts is None:
        return None
    return hashlib.sha256(json.dumps([context.sweep_id, phase, *parts], sort_keys=True).encode()).hexdigest()


def _ingest_parts(context: RunContext, symbol: str) -> list[Any]:
    plan, spec, desk = context.plan, context.spec, context.desk
    return [
        symbol,
        symbol in plan.underlyings,
        context.inputs["data"][symbol],
        context.inputs["libraries"],
        [str(plan.before), str(plan.sessions[0]), str(plan.sessions[-1])],
        [str(spec.history_start), spec.allow_gaps, spec.bars],
        component_identity(desk.calendar),
        component_identity(desk.cache),
        id(desk.market_data),
    ]


def _signals_parts(context: RunContext, unit: Unit) -> list[Any] | None:
    plan = context.plan
    expert = context.inputs["components"][f"experts.{unit.name}"]
    indicators = [part for name, part in context.inputs["components"].items() if name.startswith("indicators.")]
    if any(part["source"] is None for part in (expert, *indicators)):
        return None
    models = [
        [checkpoint.key.unit, checkpoint.state.decode()]
        for checkpoint in context.store.checkpoints(context.book_id, training.PHASE)
        if checkpoint.key.unit.startswith(f"{unit.name}/")
    ]
    return [
        [unit.name, unit.first, unit.last, plan.block_sessions, plan.experts.index(unit.name)],
        expert,
        models,
        market_key(context, ingested(context)),
        context.inputs["libraries"],
    ]


def _is_begun(context: RunContext, phase: str, unit: Unit) -> bool:
    """Whether part of the unit was committed before: what was asked outside for that is not known here."""
    done = context.store.done(context.book_id, phase)
    return any((unit.name, first) in done for first in _firsts(context, unit))


def _firsts(context: RunContext, unit: Unit) -> set[int]:
    return {block.first for block in context.plan.blocks[unit.first : unit.last]} or {0}


def _read(context: RunContext, phase: str, unit: Unit) -> tuple[_Committed, ...]:
    """Reads back what the unit committed."""
    blocks = [one for one in context.store.checkpoints(context.book_id, phase) if one.key.unit == unit.name]
    by_session: dict[Any, list[Row]] = {}
    if phase == signals.PHASE:
        for row in context.store.rows(context.book_id, "signals"):
            if row[2] == unit.name:
                by_session.setdefault(row[0], []).append(row)
    chosen = _firsts(context, unit)
    return tuple(
        _Committed(
            first=block.key.first,
            last=block.last,
            state=block.state,
            rows=tuple(row for session, rows in by_session.items() if block.key.first <= session <= block.last for row in rows),
        )
        for block in blocks
        if block.key.first in chosen
    )


def _write(context: RunContext, phase: str, unit: Unit, blocks: Iterable[_Committed]) -> None:
    for block in blocks:
        context.store.commit(
            context.book_id,
            context.epoch,
            BlockKey(phase=phase, unit=unit.name, first=block.first),
            last=block.last,
            parent="",
            state=block.state,
            rows={"signals": block.rows} if block.rows else {},
        )


def _keep(key: str, blocks: tuple[_Committed, ...]) -> None:
    with _lock:
        _kept[key] = blocks
        # Each unit counts for one row more, so that units without rows do not pile up either.
        while sum(len(block.rows) + 1 for one in _kept.values() for block in one) > _KEPT_ROWS and len(_kept) > 1:
            _kept.popitem(last=False)
