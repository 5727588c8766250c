"""Phase 4: positions are managed, candidates decided and orders filled, session after session."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optarb.backtesting.market_loader import load_market
from optarb.engine.evaluation import ChosenSignal
from optarb.engine.recorder import Recorder
from optarb.engine.session import SessionEngine
from optarb.ledger.book import Book
from optarb.ledger.rows import session_number
from optarb.protocols.stores import BlockKey, checkpoint_digest

if TYPE_CHECKING:
    from optarb.backtesting.context import Block, RunContext, Tick
    from optarb.engine.market import Market
    from optarb.ledger.rows import Row

__all__ = ["PHASE", "book_at", "sessions_traded", "trade_blocks"]

PHASE = "trade"


def trade_blocks(context: RunContext, budget_seconds: float | None, tick: Tick) -> bool:
    """Trades on from the newest checkpoint, committing block after block.

    After losing a block to another copy it goes on from what that copy stored, never from what it holds itself.

    Args:
        context: The run, after its signals.
        budget_seconds: No further block is begun once this time is used up; None for no limit. At least one is traded.
        tick: Called after each session.

    Returns:
        True once every block is committed.
    """
    market = load_market(context)
    engine = _engine(context, market)
    blocks = context.plan.blocks
    began = time.monotonic()
    total = len(context.plan.sessions)
    book, counts, parent, number = _resume(context, blocks)
    while number < len(blocks):
        block = blocks[number]
        recorder = Recorder()
        _trade(context, engine, market, book, block, recorder, tick, number * context.plan.block_sessions, total)
        rows, counted = recorder.drain()
        for what, n in counted.items():
            counts[what] = counts.get(what, 0) + n
        state = _state(book, counts)
        won = context.store.commit(
            context.book_id,
            context.epoch,
            BlockKey(phase=PHASE, unit="", first=block.first),
            last=block.last,
            parent=parent,
            state=state,
            rows=rows,
            tip=True,
        )
        if won and number + 1 < len(blocks) and not _used_up(began, budget_seconds):
            parent, number = checkpoint_digest(parent, state), number + 1
            continue
        if won:
            return number + 1 == len(blocks)
        book, counts, parent, number = _resume(context, blocks)
    return True


def book_at(context: RunContext) -> tuple[Book, dict[str, int]]:
    """Returns the book as the newest checkpoint of the phase left it, and what was counted."""
    checkpoint = context.store.checkpoint(context.book_id, PHASE)
    if checkpoint is None:
        return Book(context.book_id, context.spec.capital), {}
    state: dict[str, Any] = json.loads(checkpoint.state)
    return Book.load(context.book_id, json.dumps(state["book"]).encode()), state["counts"]


def sessions_traded(context: RunContext) -> int:
    """Counts the sessions whose block is committed."""
    checkpoint = context.store.checkpoint(context.book_id, PHASE)
    if checkpoint is None:
        return 0
    return sum(len(block.sessions) for block in context.plan.blocks if block.first <= checkpoint.key.first)


def _used_up(began: float, budget_seconds: float | None) -> bool:
    return budget_seconds is not None and time.monotonic() - began >= budget_seconds


def _resume(context: RunContext, blocks: Sequence[Block]) -> tuple[Book, dict[str, int], str, int]:
    """Reads book, counts, parent and the number of the next block from the newest checkpoint."""
    book, counts = book_at(context)
    checkpoint = context.store.checkpoint(context.book_id, PHASE)
    if checkpoint is None:
        return book, counts, "", 0
    firsts = [block.first for block in blocks]
    return book, counts, checkpoint.digest, firsts.index(checkpoint.key.first) + 1


def _state(book: Book, counts: dict[str, int]) -> bytes:
    return json.dumps({"book": json.loads(book.dump()), "counts": counts}, separators=(",", ":"), sort_keys=True).encode()


def _engine(context: RunContext, market: Market) -> SessionEngine:
    sessions = context.plan.sessions
    return SessionEngine(
        strategy=context.setup.strategy,
        simulator=context.setup.simulator,
        market=market,
        data=context.desk.market_data,
        mark=context.spec.mark,
        am_settlement=context.spec.am_settlement,
        next_session=dict(zip(sessions, sessions[1:], strict=False)),
    )


def _trade(
    context: RunContext,
    engine: SessionEngine,
    market: Market,
    book: Book,
    block: Block,
    recorder: Recorder,
    tick: Tick,
    finished: int,
    total: int,
) -> None:
    by_session: dict[int, list[Row]] = {}
    for row in context.store.rows(context.book_id, "signals", block.first, block.last):
        by_session.setdefault(int(row[0] or 0), []).append(row)
    for number, session in enumerate(block.sessions, start=1):
        view = market.view(session)
        broker = context.setup.simulator.broker()

        def pump(broker: Any = broker, view: Any = view) -> bool:
            broker.advance(view)
            return False

        engine.run(
            view,
            [ChosenSignal.from_row(row) for row in by_session.get(session_number(session), ())],
            book=book,
            broker=broker,
            pump=pump,
            recorder=recorder,
            last_session=session == context.plan.sessions[-1],
        )
        tick(PHASE, finished + number, total)
