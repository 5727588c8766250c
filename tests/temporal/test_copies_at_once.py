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


class Relay:
    """Lets copies begin together, and then one at a time commit three blocks while the others hold what they traded."""

    def __init__(self) -> None:
        self.start = threading.Barrier(COPIES, timeout=60)
        self.turn = threading.Condition()
        self.holder = 0
        self.running = set(range(COPIES))
        self.waiting = set(range(COPIES))
        self.winners: dict[int, list[int]] = {}

    def commit(self, copy, key, commit):
        if copy in self.waiting:
            self.waiting.remove(copy)
            self.start.wait()
        with self.turn:
            assert self.turn.wait_for(lambda: self.holder == copy, 60)
            written = commit()
            if written:
                self.winners.setdefault(key.first, []).append(copy)
                if len(self.winners) % 3 == 0:
                    self._pass_on()
            return written

    def finish(self, copy):
        with self.turn:
            self.running.remove(copy)
            if self.holder == copy:
                self._pass_on()

    def _pass_on(self):
        following = [(self.holder + step) % COPIES for step in range(1, COPIES + 1)]
        self.holder = next((one for one in following if one in self.running), self.holder)
        self.turn.notify_all()


@dataclass(frozen=True, kw_only=True)
class RelayStore:
    """The store that all copies share, as one of them sees it."""

    inner: optarb.SqlStore
    copy: int
    relay: Relay

    def commit(self, book_id, epoch, key, **what):
        return self.relay.commit(self.copy, key, lambda: self.inner.commit(book_id, epoch, key, **what))

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
    relay = Relay()
    request = UnitRequest(
        spec=spec,
        backtest_id="thrice",
        epoch=epoch,
        phase="trade",
        unit=WorkUnit(name="", first=0, last=len(context.plan.blocks), weight=len(rig.SESSIONS)),
    )

    def trade(copy: int) -> UnitDone:
        store = RelayStore(inner=desk.store, copy=copy, relay=relay)
        try:
            return ActivityEnvironment().run(optarb.BacktestActivities(replace(desk, store=store)).trade, request)
        finally:
            relay.finish(copy)

    with ThreadPoolExecutor(COPIES) as pool:
        replies = list(pool.map(trade, range(COPIES)))

    assert replies == [UnitDone(complete=True, done=len(rig.SESSIONS))] * COPIES
    # Whoever gets its turn has lost the block it holds, and others after it: it must take the book as they left it.
    blocks = context.plan.blocks
    assert relay.winners == {one.first: [number // 3 % COPIES] for number, one in enumerate(blocks)}
    assert close_book(context).digest == undisturbed.digest
