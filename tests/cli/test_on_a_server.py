"""Commands about a backtest that a real server and a real worker run."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.reports import load_result

DESK = ("--desk", "light_desk:desk")
SPEC = """
strategy = "holds"
start = 2024-06-03
end = 2024-06-07
allow_gaps = true
backtest_id = "{}"
"""
# A background job of a shell is born deaf to SIGINT, and so would be what a test starts in it.
COMMAND = [
    sys.executable,
    "-c",
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from optarb.cli import main; main()",
]
pytestmark = pytest.mark.timeout(300)


def test_backtest_when_a_worker_runs_it_then_shown_cancelled_and_resumed(
    *, run, home, command, queue, backtest_at_work, until, temporal_address
):
    command("workers")
    store = load_desk("light_desk:desk").store
    with backtest_at_work():
        shown = json.loads(run("show", queue, *DESK, "--address", temporal_address, "--json").stdout)
        text = run("show", queue, *DESK, "--address", temporal_address).stdout
        cancelled = run("cancel", queue, *DESK, "--address", temporal_address, "--json")
        (home / "hold").unlink()
        until(lambda: store.book(queue).status == "cancelled")

    assert shown["status"] == "running"
    assert shown["workflow"] == {"status": "running", "task_queue": queue}
    phases = {one["name"]: (one["done"], one["total"]) for one in shown["phases"]}
    assert (phases["ingest"], phases["signals"], phases["trade"]) == ((1, 1), (0, 5), (0, 5))
    assert f"workflow running on task queue '{queue}'" in text
    assert text.splitlines()[-1] == f"ask it to stop: optarb cancel {queue}"
    assert json.loads(cancelled.stdout) == {
        "backtest_id": queue,
        "status": "running",
        "workflow_cancelled": True,
        "store_asked": True,
    }

    resumed = run("resume", queue, *DESK, "--address", temporal_address, "--task-queue", queue, "--json")

    assert resumed.exit_code == 0, resumed.stderr
    summary = load_result(load_desk("light_desk:desk"), queue).summary
    assert json.loads(resumed.stdout) == {"summary": summary.model_dump(mode="json")}
    assert summary.sessions == 5


def test_backtest_when_interrupted_then_the_run_stops_and_the_command_that_goes_on_is_told(
    *, run, home, command, queue, until, temporal_address
):
    command("workers")
    (home / "hold").touch()
    (home / "spec.toml").write_text(SPEC.format(queue))
    words = ["backtest", "spec.toml", *DESK, "--address", temporal_address, "--task-queue", queue]
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            until((home / "arrived").exists)
            process.send_signal(signal.SIGINT)
            (home / "hold").unlink()
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()

    assert (process.returncode, out) == (ExitCode.INTERRUPTED, ""), err
    assert "Traceback" not in err
    assert (
        f"go on with: optarb resume {queue} --desk light_desk:desk --address {temporal_address} --task-queue {queue}\n" in err
    )
    # Where the interruption came too late, the run had nothing left to stop.
    assert load_desk("light_desk:desk").store.book(queue).status == "cancelled"


def test_backtest_when_no_worker_has_taken_it_then_shown_as_waiting_and_cancelled(run, home, queue, temporal_address):
    import asyncio
    from datetime import date

    import optarb

    async def start():
        client = await optarb.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        spec = optarb.BacktestSpec(strategy="holds", start=date(2024, 6, 3), end=date(2024, 6, 7), backtest_id=queue)
        await optarb.start_backtest(client, spec, task_queue=queue)

    asyncio.run(start())
    place = (queue, *DESK, "--address", temporal_address)

    text = run("show", *place).stdout
    shown = json.loads(run("show", *place, "--json").stdout)
    cancelled = json.loads(run("cancel", *place, "--json").stdout)

    assert text.splitlines()[0] == f"{queue}  waiting"
    assert shown == {"backtest_id": queue, "status": "waiting", "workflow": {"status": "running", "task_queue": queue}}
    assert (cancelled["status"], cancelled["workflow_cancelled"], cancelled["store_asked"]) == ("waiting", True, False)


def test_backtest_when_the_server_is_away_then_the_store_tells_what_it_can(run, home, nowhere):
    store = load_desk("light_desk:desk").store
    documents = {
        "spec": json.dumps({"strategy": "holds", "start": "2024-06-03", "end": "2024-06-07", "backtest_id": "lost"}),
        "plan": json.dumps(
            {
                "sessions": [20240603, 20240604],
                "before": 20240531,
                "block_sessions": 30,
                "symbols": ["SPX"],
                "underlyings": ["SPX"],
                "experts": ["holds"],
                "trainings": [],
            }
        ),
    }
    store.claim("lost", owner="temporal:w:r", identity="i", documents=documents, lease_seconds=600.0)

    done = run("show", "lost", *DESK, "--address", nowhere, "--json")

    found = json.loads(done.stdout)
    assert (done.exit_code, found["status"], found["workflow"]) == (0, "running", None)
    assert {one["name"]: one["total"] for one in found["phases"]}["signals"] == 2
    assert done.stderr.startswith("the workflow could not be asked: no Temporal server answers at")
