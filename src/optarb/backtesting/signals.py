"""Phase 3: experts judge their sessions, block by block, in parallel."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from optarb.backtesting.market_loader import load_market
from optarb.backtesting.once import OnceCalls
from optarb.backtesting.training import ModelShelf
from optarb.engine.evaluation import evaluate_expert
from optarb.engine.view import ExpertView
from optarb.errors import ComponentError
from optarb.ledger.rows import Row, session_number
from optarb.protocols.experts import SupportsWarmUp
from optarb.protocols.stores import BlockKey

if TYPE_CHECKING:
    from optarb.backtesting.context import Block, RunContext, Tick
    from optarb.engine.market import Market

__all__ = ["PHASE", "evaluate_blocks"]

PHASE = "signals"


def evaluate_blocks(context: RunContext, expert: str, blocks: Sequence[Block], tick: Tick) -> int:
    """Lets one expert judge blocks of sessions and commits each.

    Args:
        context: The run, after its features.
        expert: The expert's name.
        blocks: Blocks of the plan; those committed before are passed over.
        tick: Called after each session.

    Returns:
        How many blocks this call committed.

    Raises:
        ComponentError: The expert raised or returned what it may not.
    """
    done = context.store.done(context.book_id, PHASE)
    todo = [block for block in blocks if (expert, block.first) not in done]
    if not todo:
        return 0
    market, shelf = load_market(context), ModelShelf(context, expert)
    total = sum(len(block.sessions) for block in todo)
    finished = written = 0
    for block in todo:

        def beat(number: int, before: int = finished) -> None:
            tick(PHASE, before + number, total)

        rows, counts = _evaluate(context, market, shelf, block, beat)
        finished += len(block.sessions)
        written += context.store.commit(
            context.book_id,
            context.epoch,
            BlockKey(phase=PHASE, unit=expert, first=block.first),
            last=block.last,
            parent="",
            state=json.dumps(counts, sort_keys=True).encode(),
            rows={"signals": rows},
        )
    return written


def _evaluate(
    context: RunContext, market: Market, shelf: ModelShelf, block: Block, beat: Callable[[int], None]
) -> tuple[list[Row], dict[str, int]]:
    name = shelf.expert
    expert: Any = context.setup.strategy.experts[name]
    position = context.plan.experts.index(name)
    underlyings = context.plan.underlyings
    warm_up = _warm_up(name, expert)
    rows: list[Row] = []
    counts: dict[str, int] = {}
    for number, session in enumerate(block.sessions, start=1):
        view = market.view(session)
        for at, underlying in enumerate(underlyings):
            if view.visible(underlying) < warm_up:
                counts["not_warmed_up"] = counts.get("not_warmed_up", 0) + 1
                continue
            if not view.chains:
                counts["no_chain"] = counts.get("no_chain", 0) + 1
                continue
            once = OnceCalls(context, f"{session}/{underlying}/{name}")
            model = shelf.newest(underlying, view.bars_through)
            seen = ExpertView(underlying=underlying, model=model, view=view, once_by_key=once.call)
            signal = evaluate_expert(name, expert, seen)
            if signal is not None:
                rows.append(signal.row(session_number(session), position * len(underlyings) + at))
        beat(number)
    return rows, counts


def _warm_up(name: str, expert: object) -> int:
    if not isinstance(expert, SupportsWarmUp):
        return 1
    bars: object = expert.warm_up
    if not isinstance(bars, int) or bars < 0:
        raise ComponentError(f"expert {name!r}: warm_up must be a whole number of bars, got {bars!r}")
    return max(bars, 1)
