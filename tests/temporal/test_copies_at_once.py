from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from temporalio.testing import ActivityEnvironment
from tests.temporal import rig

import optarb
from optarb.backtesting.claim import claim_book
from optarb.backtesting.close import close_book
from optarb.backtesting.context import RunContext
from optarb.backtesting.phases import remaining_units
from optarb.backtesting.runner import run_phase_unit
from optarb.temporal.messages import UnitDone, UnitRequest, WorkUnit

COPIES = 3


class Rendezvous:
    """Lets copies commit a block together, each time another one first."""

    def __init__(self) -> None:
        self.meeting = threading.Barrier(COPIES, timeout=60)
        self.won: dict[int, list[int]] = {}

    def commit(self, copy, key, commit):
        self.meeting.wait()
        first = len(self.won) % COPIES
        self.meeting.wait()
        if copy == first:
            self._do(copy, key, commit)
        self.meeting.wait()
        return copy == first or self._do(copy, key, commit)

    def _do(self, copy, key, commit):
        written = commit()
        if written:
            self.won.setdefault(key.first, []).append(copy)
        return written


@dataclass(frozen=True, kw_only=True)
class MeetingStore:
    """A copy's store: the others' too, but its trade blocks are committed when all copies have come to them."""

    inner: optarb.SqlStore
    copy: int
    rendezvous: Rendezvous

    def commit(self, book_id, epoch, key, **what):
        return self.rendezvous.commit(self.copy, key, lambda: self.inner.commit(book_id, epoch, key, **what))

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.mark.parametrize("block", [7, 30])
def test_trade_when_three_copies_run_at_once_then_one_ledger_and_one_writer_a_block(make_desk, undisturbed, block):
    desk = make_desk()
    spec = rig.make_spec(block_sessions=block, time_slice_seconds=3600)
    epoch = claim_book(desk, spec, "thrice", "test").epoch
    context = RunContext.open(desk, spec, "thrice", epoch)
    for phase in ("ingest", "features", "signals"):
        for unit, _ in remaining_units(context, phase)[0]:
            run_phase_unit(context, phase, unit, None, lambda *_: None)
    meeting = Rendezvous()
    request = UnitRequest(
        spec=spec,
        backtest_id="thrice",
        epoch=epoch,
        phase="trade",
        unit=WorkUnit(name="", first=0, last=len(context.plan.blocks), weight=len(rig.SESSIONS)),
    )

    def trade(copy: int) -> UnitDone:
        store = MeetingStore(inner=desk.store, copy=copy, rendezvous=meeting)
        return ActivityEnvironment().run(optarb.BacktestActivities(replace(desk, store=store)).trade, request)

    with ThreadPoolExecutor(COPIES) as pool:
        replies = list(pool.map(trade, range(COPIES)))

    assert replies == [UnitDone(complete=True, done=len(rig.SESSIONS))] * COPIES
    blocks = context.plan.blocks
    assert meeting.won == {one.first: [number % COPIES] for number, one in enumerate(blocks)}
    assert close_book(context).digest == undisturbed.digest
