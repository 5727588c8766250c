"""Phase 3: experts judge their sessions, block by block, in parallel."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from optarb.backtesting.market_loader import load_market
from optarb.backtesting.once import OnceCalls
from optarb.backtesting.training import ModelShelf
from optarb.engine.judging import judge, warm_up_of
from optarb.ledger.rows import Row, session_number
from optarb.protocols.stores import BlockKey

if TYPE_CHECKING:
    from datetime import date

    from optarb.backtesting.context import Block, RunContext, Tick
    from optarb.engine.market import Market
    from optarb.engine.view import Once

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
    warm_up = warm_up_of(name, expert)
    rows: list[Row] = []
    counts: Counter[str] = Counter()
    for number, session in enumerate(block.sessions, start=1):
        view = market.view(session)
        judged = judge(
            name,
            expert,
            view,
            underlyings,
            warm_up=warm_up,
            once_of=partial(_once, context, session, name),
            model_of=partial(shelf.newest, through=view.bars_through),
            skipped=lambda why: counts.update((why,)),
        )
        rows.extend(signal.row(session_number(session), position * len(underlyings) + at) for at, signal in judged)
        beat(number)
    return rows, dict(counts)


def _once(context: RunContext, session: date, expert: str, underlying: str) -> Once:
    return OnceCalls(context, f"{session}/{underlying}/{expert}").call
