from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client
from tests.temporal import rig
from tests.temporal.workers import WorkerProcess, history

import optarb


@pytest.mark.parametrize(("phase", "unit", "gate"), [("signals", "swing", "expert_gate"), ("trade", "", "policy_gate")])
def test_backtest_when_worker_is_killed_then_another_finishes_with_the_same_ledger(
    *, temporal_address, make_desk, tmp_path, keeper, undisturbed, phase, unit, gate
):
    desk = make_desk(**{gate: keeper.gate(rig.session(115))})
    spec = rig.make_spec(
        backtest_id="killed",
        block_sessions=7,
        parallelism=1,
        heartbeat_timeout_seconds=2,
        retry_interval_seconds=0.1,
        lease_seconds=3600,
    )
    queue = f"kill-{phase}"

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        async with (
            WorkerProcess(temporal_address, desk, queue, tmp_path) as first,
            WorkerProcess(temporal_address, desk, queue, tmp_path) as second,
        ):
            await first.work()
            handle = await optarb.start_backtest(client, spec, task_queue=queue, task_timeout=timedelta(seconds=1))
            assert await keeper.reached() == first.pid
            first.kill()
            left = desk.store.done("killed", phase)
            await second.work()
            return left, await handle.result(), await history(handle)

    left, summary, seen = asyncio.run(run())

    # It died in the middle of the phase, and in the middle of the activity that was held.
    held = {"signals": {14, 15}, "trade": set(range(16))}[phase]
    assert {(unit, _first(block)) for block in held} <= left
    assert (unit, _first(16)) not in left
    assert seen.retries >= 1
    assert len(seen.workers) == 2
    assert summary.digest == undisturbed.digest
    assert summary.blocks_computed == {"ingest": 2, "features": 2, "signals": 58, "trade": 29}


def _first(block: int) -> int:
    """First session of a block of seven, as the store writes it."""
    return int(f"{rig.session(7 * block):%Y%m%d}")
