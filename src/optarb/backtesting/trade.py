"""Phase 4: positions are managed, candidates decided and orders filled, session after session."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from optarb.backtesting.market_loader import load_market
from optarb.engine.evaluation import ChosenSignal
from optarb.engine.recorder import Recorder
from optarb.engine.session import SessionEngine
from optarb.ledger.book import Book
from optarb.ledger.rows import session_number
from optarb.protocols.stores import BlockKey, checkpoint_digest

if TYPE_CHECKING:
    from optarb.backtesting.context import RunContext, Tick
    from optarb.brokers.simulator import SimulatedBroker
    from optarb.engine.market import Market
    from optarb.engine.view import View
    from optarb.ledger.rows import Row

__all__ = ["PHASE", "counts_of", "sessions_traded", "trade_blocks"]

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
    signals = _Signals(context)
    began = time.monotonic()
    standing = _standing(context)
    while standing.number < len(blocks):
        rows, after = _trade(context, engine, standing, signals, tick)
        won = context.store.commit(
            context.book_id,
            context.epoch,
            BlockKey(phase=PHASE, unit="", first=blocks[standing.number].first),
            last=blocks[standing.number].last,
            parent=standing.parent,
            state=after.state(),
            rows=rows,
            tip=True,
        )
        standing = after if won else _standing(context)
        if budget_seconds is not None and time.monotonic() - began >= budget_seconds:
            break
    return standing.number == len(blocks)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Standing:
    """Where the phase stands after a checkpoint."""

    book: Book
    counts: dict[str, int]
    parent: str
    """Digest of the checkpoint."""
    number: int
    """Number of the next block."""

    def state(self) -> bytes:
        fields = {"book": self.book.dump(), "counts": self.counts}
        return json.dumps(fields, separators=(",", ":"), sort_keys=True).encode()


def _standing(context: RunContext) -> _Standing:
    """Reads where the phase stands, all from one checkpoint: another copy may commit between two reads."""
    checkpoint = context.store.checkpoint(context.book_id, PHASE)
    if checkpoint is None:
        return _Standing(book=Book(context.book_id, context.spec.capital), counts={}, parent="", number=0)
    state: dict[str, Any] = json.loads(checkpoint.state)
    firsts = [block.first for block in context.plan.blocks]
    return _Standing(
        book=Book.load(context.book_id, state["book"]),
        counts=state["counts"],
        parent=checkpoint.digest,
        number=firsts.index(checkpoint.key.first) + 1,
    )


class _Signals:
    """The signals of phase 3, read for several blocks at a time: asking a database costs more than what it answers."""

    _AHEAD = 10

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._read = range(0)
        self._by_session: dict[int, list[ChosenSignal]] = {}

    def of(self, number: int) -> Mapping[int, Sequence[ChosenSignal]]:
        """Returns the signals by session, those of a block among them."""
        if number not in self._read:
            blocks = self._context.plan.blocks[number : number + self._AHEAD]
            self._read = range(number, number + len(blocks))
            self._by_session = {}
            for row in self._context.store.rows(self._context.book_id, "signals", blocks[0].first, blocks[-1].last):
                self._by_session.setdefault(int(row[0] or 0), []).append(ChosenSignal.from_row(row))
        return self._by_session


def counts_of(context: RunContext) -> dict[str, int]:
    """Returns what the phase counted that is no part of the ledger."""
    return _standing(context).counts


def sessions_traded(context: RunContext) -> int:
    """Counts the sessions whose block is committed."""
    checkpoint = context.store.checkpoint(context.book_id, PHASE)
    if checkpoint is None:
        return 0
    return sum(len(block.sessions) for block in context.plan.blocks if block.first <= checkpoint.key.first)


def _engine(context: RunContext, market: Market) -> SessionEngine:
    sessions = context.plan.sessions
    after = context.desk.calendar.sessions(sessions[-1] + timedelta(days=1), sessions[-1] + timedelta(days=14))[0]
    return SessionEngine(
        strategy=context.setup.strategy,
        simulator=context.setup.simulator,
        market=market,
        data=context.desk.market_data,
        mark=context.spec.mark,
        am_settlement=context.spec.am_settlement,
        next_session=dict(pairwise((*sessions, after))),
    )


def _trade(
    context: RunContext, engine: SessionEngine, standing: _Standing, signals: _Signals, tick: Tick
) -> tuple[Mapping[str, list[Row]], _Standing]:
    """Trades the next block; returns its rows and where the phase then stands. The book of ``standing`` is used up."""
    plan = context.plan
    block = plan.blocks[standing.number]
    recorder = Recorder()
    chosen = signals.of(standing.number)
    for number, session in enumerate(block.sessions, start=1):
        view = engine.market.view(session)
        broker = context.setup.simulator.broker()

        def pump(broker: SimulatedBroker = broker, view: View = view) -> bool:
            broker.advance(view)
            return False

        engine.run(
            view,
            chosen.get(session_number(session), ()),
            book=standing.book,
            broker=broker,
            pump=pump,
            recorder=recorder,
            last_session=session == plan.sessions[-1],
        )
        tick(PHASE, standing.number * plan.block_sessions + number, len(plan.sessions))
    rows, counted = recorder.drain()
    counts = dict(Counter(standing.counts) + Counter(counted))
    after = _Standing(book=standing.book, counts=counts, parent="", number=standing.number + 1)
    return rows, replace(after, parent=checkpoint_digest(standing.parent, after.state()))
