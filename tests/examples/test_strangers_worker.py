from __future__ import annotations

import json

IN_PROCESS = """
import dataclasses, optarb
from acme_trading.desk import SPEC, build_desk
desk = dataclasses.replace(build_desk(), store=optarb.SqlStore(url="sqlite://"), cache=optarb.MemoryCache())
print(optarb.backtest(SPEC, desk).summary.model_dump_json())
"""
LOADED = """
import optarb
from acme_trading.desk import build_desk
with build_desk() as desk:
    result = optarb.load_result(desk, "acme-1")
    print(len(result.trades()), result.trades()["exit_reason"].value_counts().to_dict())
"""


def test_strangers_worker_when_run_on_temporal_then_digest_is_that_of_a_run_in_process(example, temporal_address, tmp_path):
    acme = example("strangers_worker")
    variables = {
        "TEMPORAL_ADDRESS": temporal_address,
        "ACME_STORE": f"sqlite:///{tmp_path / 'acme.db'}",
        "ACME_CACHE": str(tmp_path / "cache"),
    }
    worker = acme.start("-m", "acme_trading.worker", **variables)
    try:
        told = acme.run("-m", "acme_trading.starter", "acme-1", **variables).splitlines()
    finally:
        worker.terminate()
        output, _ = worker.communicate(timeout=30)

    assert worker.returncode == 0, output
    summary = json.loads(told[0])
    assert summary["backtest_id"] == "acme-1"
    assert summary["trades"] > 30
    assert told[1] == "ingest features signals trade"
    # Both computed every block: the run here has a store and a cache of its own.
    alone = json.loads(acme.run("-c", IN_PROCESS))
    assert alone["blocks_computed"] == summary["blocks_computed"]
    assert alone["digest"] == summary["digest"]
    assert acme.run("-c", LOADED, **variables).startswith(f"{summary['trades']} {{'three_sessions': ")


def test_strangers_worker_when_its_workflow_is_imported_then_pandas_stays_out(example):
    code = "import sys, acme_trading.workflow; print('pandas' in sys.modules)"

    assert example("strangers_worker").run("-c", code).strip() == "False"
