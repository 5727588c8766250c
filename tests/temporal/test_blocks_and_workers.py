from __future__ import annotations

import asyncio
from math import ceil

import pytest
from temporalio.client import Client
from tests.temporal import rig
from tests.temporal.workers import history, processes

import optarb

BLOCKS = (1, 7, 30, 2000)
SLICES = (0, 600)
SHORT = {"end": rig.session(79)}


@pytest.fixture(scope="module")
def alone(market, tmp_path_factory):
    """Digest of eighty sessions, run in this process."""
    with rig.make_desk(market, tmp_path_factory.mktemp("alone")) as desk:
        return optarb.backtest(rig.make_spec(**SHORT), desk).summary.digest


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def runs(request, temporal_address, market, tmp_path_factory):
    """Summary and history by block size and time slice, all run by one or two worker processes."""
    folder = tmp_path_factory.mktemp("workers")
    desk = rig.make_desk(market, folder)
    queue = f"workers-{request.param}"

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        found = {}
        async with processes(temporal_address, desk, queue, folder, count=request.param) as workers:
            for block in BLOCKS:
                for slice_ in SLICES:
                    spec = rig.make_spec(**SHORT, block_sessions=block, time_slice_seconds=slice_)
                    handle = await optarb.start_backtest(client, spec, task_queue=queue)
                    found[block, slice_] = (await handle.result(), await history(handle))
            return found, len(workers)

    return asyncio.run(run())


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("slice_", SLICES)
def test_digest_when_cut_otherwise_then_equal(runs, alone, block, slice_):
    summary, seen = runs[0][block, slice_]

    blocks = ceil(80 / block)
    assert summary.digest == alone
    assert summary.blocks_computed == {"ingest": 2, "features": 2, "signals": 2 * blocks, "trade": blocks}
    assert seen.activities["optarb.backtest.trade"] == (1 if slice_ else blocks)
    assert seen.retries == 0


def test_work_when_there_are_two_workers_then_both_do_some(runs):
    found, count = runs

    # Eighty activities one after the other: a queue that fed one worker alone would show here.
    assert len(found[1, 0][1].workers) == count
