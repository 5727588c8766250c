from __future__ import annotations

import asyncio

from tests.temporal import rig
from tests.temporal.workers import working

import optarb
from optarb.temporal import server


def test_backtest_when_server_suggests_it_then_continues_as_new_with_book_and_progress(
    *, monkeypatch, temporal_cli, make_desk, keeper, market, tmp_path
):
    few = "limit.historyCount.suggestContinueAsNew=60"
    monkeypatch.setattr(server, "_FAST_SETTINGS", (*server._FAST_SETTINGS, few))
    short = {"start": rig.START, "end": rig.session(24)}
    (tmp_path / "alone").mkdir()
    with rig.make_desk(market, tmp_path / "alone") as alone:
        expected = optarb.backtest(rig.make_spec(**short), alone).summary
    desk = make_desk(policy_gate=keeper.gate(rig.session(22)))
    spec = rig.make_spec(**short, backtest_id="long", block_sessions=1, time_slice_seconds=0)

    async def run():
        async with (
            optarb.EmbeddedServer(cli=temporal_cli) as embedded,
            working(embedded.address, desk, "long", keeper=keeper) as client,
        ):
            handle = await optarb.start_backtest(client, spec, task_queue="long")
            await keeper.reached()
            progress = await optarb.follow_backtest(client, "long").progress()
            now = await optarb.follow_backtest(client, "long").workflow.describe()
            keeper.open()
            return handle.workflow.first_execution_run_id, now.run_id, progress, await handle.result()

    first, last, progress, summary = asyncio.run(run())

    assert last != first
    assert progress == optarb.Progress(backtest_id="long", phase="trade", done=22, total=25)
    assert desk.store.book("long").epoch == 1  # one run to the store, which nobody had to take over
    assert summary.digest == expected.digest
    assert summary.blocks_computed == {"ingest": 2, "features": 2, "signals": 50, "trade": 25}
