"""The phases as data: what is done in which order, in which units, and what may run at once."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from optarb.backtesting import features, ingest, signals, trade, training

if TYPE_CHECKING:
    from optarb.backtesting.context import Plan, RunContext
    from optarb.specs import ExecutionSpec

__all__ = ["PHASES", "Phase", "Unit", "remaining_units", "units_of", "weight_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase between claim and close."""

    name: str
    """Stable name, as it stands in checkpoints."""
    parallel: bool
    """Whether its units may run at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One piece of a phase."""

    name: str
    """Symbol, training or expert; empty for the trade phase."""
    first: int = 0
    """Number of the first block; 0 where the unit is no range of blocks."""
    last: int = 0
    """Number of the block after the last."""


PHASES: tuple[Phase, ...] = (
    Phase(name=ingest.PHASE, parallel=True),
    Phase(name=features.PHASE, parallel=True),
    Phase(name=training.PHASE, parallel=True),
    Phase(name=signals.PHASE, parallel=True),
    Phase(name=trade.PHASE, parallel=False),
)
"""In the order in which they run."""


def units_of(phase: str, plan: Plan, execution: ExecutionSpec) -> tuple[Unit, ...]:
    """Cuts a phase into units.

    The signals phase gives each expert its blocks in ranges of about ``sessions / (4 x parallelism)`` sessions.

    Args:
        phase: Name of the phase.
        plan: The plan.
        execution: How to run it.
    """
    if phase in {ingest.PHASE, features.PHASE}:
        return tuple(Unit(name=symbol) for symbol in plan.symbols)
    if phase == training.PHASE:
        return tuple(Unit(name=one.unit) for one in plan.trainings)
    blocks = ceil(len(plan.sessions) / plan.block_sessions)
    if phase == trade.PHASE:
        return (Unit(name="", last=blocks),)
    step = max(1, round(len(plan.sessions) / (4 * execution.parallelism) / plan.block_sessions))
    return tuple(
        Unit(name=expert, first=first, last=min(first + step, blocks))
        for expert in plan.experts
        for first in range(0, blocks, step)
    )


def weight_of(unit: Unit, plan: Plan) -> int:
    """Returns what a unit counts in the progress: its sessions, or 1 for a symbol."""
    if not unit.last:
        return 1
    size = plan.block_sessions
    return min(unit.last * size, len(plan.sessions)) - unit.first * size


def remaining_units(context: RunContext, phase: str) -> tuple[list[tuple[Unit, int]], int, int]:
    """Tells what of a phase is not committed yet.

    Args:
        context: The run.
        phase: Name of the phase.

    Returns:
        The units with something left, with their weights; the weight that is committed; the weight of all.
    """
    committed = context.store.done(context.book_id, phase)
    units = units_of(phase, context.plan, context.spec.execution)
    weights = {unit: weight_of(unit, context.plan) for unit in units}
    blocks = context.plan.blocks
    left: list[tuple[Unit, int]] = []
    done = 0
    for unit in units:
        mine = blocks[unit.first : unit.last]
        finished = sum(len(block.sessions) for block in mine if (unit.name, block.first) in committed)
        if not mine:
            finished = int((unit.name, 0) in committed)
        done += finished
        if finished < weights[unit]:
            left.append((unit, weights[unit]))
    return left, done, sum(weights.values())
