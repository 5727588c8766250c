"""An activity whose run was taken over goes on in a worker that was only held up, and must not write a row."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta

import pytest
from temporalio.client import Client
from tests.temporal import rig
from tests.temporal.books import contents, difference, everything
from tests.temporal.faults import Fault
from tests.temporal.fleet import Fleet

import optarb

WRITES = (
    ("claim", "commit"),
    ("claim", "committed"),
    ("ingest", "commit"),
    ("training", "commit"),
    ("signals", "reply"),
    ("signals", "commit"),
    ("trade", "commit"),
    ("close", "inside"),
    ("close", "commit"),
)
"""Where a run writes: the book, its answer, checkpoints, replies of outside calls, blocks, documents, the end of the book."""
PATIENCE = 90  # seconds until a test that hangs says so
SPEC = {"strategy": "learning", "end": rig.session(59), "max_in_flight": 1}


@pytest.fixture(scope="module")
def expected(market, tmp_path_factory):
    """Summary and contents of the run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("alone")
    with rig.make_desk(market, folder) as desk:
        summary = optarb.backtest(rig.make_spec(backtest_id="alone", **SPEC), desk).summary
    return summary, contents(folder / "books.db", "alone")


@pytest.mark.timeout(400)
def test_write_when_its_run_was_taken_over_then_superseded_and_not_a_row(harbour, tmp_path, expected):
    folder = tmp_path / "taken"
    desk = rig.make_desk(harbour.market, folder)
    fleet = Fleet(harbour, desk, "taken", folder)
    spec = rig.make_spec(backtest_id="taken", **SPEC)
    faults = [Fault(phase=phase, point=point, nth=1, hits="stop") for phase, point in WRITES]
    database = folder / "books.db"

    async def start(client, number):
        # A queue for each run: the server goes on giving tasks to workers that are stopped.
        fleet.queue = f"taken-{number}"
        fleet.fork()
        return await optarb.start_backtest(client, spec, task_queue=fleet.queue, task_timeout=timedelta(seconds=1))

    async def run():
        client = await Client.connect(harbour.server.address, plugins=[optarb.OptarbPlugin()])
        zombies = {}
        async with fleet.sailing(faults, workers=0):
            for number in range(len(WRITES)):
                handle = await start(client, number)
                zombie = await asyncio.wait_for(fleet.stopped.get(), PATIENCE)
                zombies[zombie] = fleet.struck[-1].place
                # Terminated, it is taken over at once: a newer run of one workflow id proves that the older one ended.
                await handle.workflow.terminate()
            summary = await asyncio.wait_for((await start(client, len(WRITES))).result(), PATIENCE)
            before = everything(database)
            for zombie in zombies:
                os.kill(zombie, signal.SIGCONT)
            ends = {}
            while len(ends) < len(zombies):
                zombie, _, error = await asyncio.wait_for(fleet.outlived.get(), PATIENCE)
                ends.setdefault(zombies[zombie], error)
            return summary, before, ends

    summary, before, ends = asyncio.run(run())

    # The one whose claim is written has nothing left to write.
    assert ends == {place: None if place == ("claim", "committed") else "Superseded" for place in WRITES}
    assert everything(database) == before
    assert summary.digest == expected[0].digest
    assert difference(contents(database, "taken"), expected[1]) == ""
    assert desk.store.book("taken").epoch == len(WRITES)  # the run before the first claim claimed nothing
    desk.close()


async def cancel_while_stopped(harbour, fleet, desk, book, fault):
    """Cancels a run whose only activity is in a stopped worker, starts it again, and wakes the zombie in the end."""
    spec = rig.make_spec(backtest_id=book, heartbeat_timeout_seconds=1.5, retry_interval_seconds=0.05, **SPEC)
    client = await Client.connect(harbour.server.address, plugins=[optarb.OptarbPlugin()])
    async with fleet.sailing([fault], workers=1):
        handle = await optarb.start_backtest(client, spec, task_queue=book, task_timeout=timedelta(seconds=1))
        zombie = await asyncio.wait_for(fleet.stopped.get(), PATIENCE)
        fleet.fork()
        await handle.cancel()
        with pytest.raises(optarb.Cancelled):
            await asyncio.wait_for(handle.result(), PATIENCE)
        stopped = desk.store.book(book)
        assert (stopped.status, stopped.lease_until, stopped.error) == ("cancelled", None, None)
        again = await optarb.start_backtest(client, spec, task_queue=book, task_timeout=timedelta(seconds=1))
        summary = await asyncio.wait_for(again.result(), PATIENCE)
        os.kill(zombie, signal.SIGCONT)
        _, *end = await asyncio.wait_for(fleet.outlived.get(), PATIENCE)
        return summary, end


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("phase", "point", "error"), [("claim", "committed", None), ("trade", "commit", "Superseded")])
def test_cancel_when_the_worker_cannot_say_that_it_stopped_then_cancelled_and_resumable(
    *, harbour, tmp_path, expected, phase, point, error
):
    book = f"cancelled-{phase}"
    folder = tmp_path / book
    desk = rig.make_desk(harbour.market, folder)
    fleet = Fleet(harbour, desk, book, folder)

    summary, end = asyncio.run(cancel_while_stopped(harbour, fleet, desk, book, Fault(phase=phase, point=point, hits="stop")))

    assert end == [phase, error]
    assert summary.digest == expected[0].digest
    assert difference(contents(folder / "books.db", book), expected[1]) == ""
    desk.close()
