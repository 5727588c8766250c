"""The store or the cache fails a run while it is at work on Temporal."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, Interceptor
from tests.temporal import rig
from tests.temporal.books import contents, difference
from tests.temporal.faults import Fault
from tests.temporal.fleet import Fleet
from tests.temporal.workers import working

import optarb
from optarb.ledger.rows import TABLES

SHORT = {"end": rig.session(59)}
LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
connection.rollback()
"""


@contextmanager
def locked(database):
    """Another process holds the database's lock; gives the function that makes it let go."""
    command = [sys.executable, "-c", LOCK, str(database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        yield process.stdin.close


def test_backtest_when_the_store_is_locked_for_longer_than_it_waits_then_tried_again_by_temporal(
    temporal_address, market, tmp_path, keeper
):
    (tmp_path / "alone").mkdir()
    with rig.make_desk(market, tmp_path / "alone") as alone:
        expected = optarb.backtest(rig.make_spec(backtest_id="alone", **SHORT), alone).summary
    desk = rig.make_desk(market, tmp_path, policy_gate=keeper.gate(rig.session(40)))
    store = optarb.SqlStore(url=desk.store.url, timeout_seconds=0.1)
    desk = dataclasses.replace(desk, store=store)
    # The block that is held cannot be committed, nor can the tries after it, until the lock is gone.
    spec = rig.make_spec(backtest_id="locked", retry_interval_seconds=0.1, max_attempts=1000, **SHORT)
    errors = ActivityErrors()

    async def run():
        async with working(temporal_address, desk, "locked", keeper=keeper, interceptors=[errors]) as client:
            handle = await optarb.start_backtest(client, spec, task_queue="locked")
            await keeper.reached()
            with locked(tmp_path / "books.db") as let_go:
                keeper.open()
                failures = [await asyncio.wait_for(errors.raised.get(), 90) for _ in range(3)]
                let_go()
            return failures, await handle.result()

    failures, summary = asyncio.run(run())

    assert [(error.type, error.non_retryable) for error in failures] == [("StoreUnavailable", False)] * 3
    assert summary.digest == expected.digest
    books = [contents(tmp_path / "books.db", "locked"), contents(tmp_path / "alone" / "books.db", "alone")]
    for book in books:
        del book["documents"]  # they name the gate
    assert difference(*books) == ""


@pytest.mark.timeout(400)
def test_backtest_when_the_cache_is_damaged_between_phases_then_made_again_and_the_same_book(harbour, tmp_path):
    (tmp_path / "alone").mkdir()
    with rig.make_desk(harbour.market, tmp_path / "alone") as alone:
        expected = optarb.backtest(rig.make_spec(backtest_id="alone", strategy="learning", **SHORT), alone).summary
    folder = tmp_path / "damaged"
    desk = rig.make_desk(harbour.market, folder)
    fleet = Fleet(harbour, desk, "damaged", folder)
    faults = [Fault(phase=phase, point="start", hits="stop") for phase in ("features", "signals", "trade")]
    spec = rig.make_spec(
        backtest_id="damaged",
        strategy="learning",
        heartbeat_timeout_seconds=1.5,
        retry_interval_seconds=0.05,
        max_attempts=100,
        **SHORT,
    )

    async def run():
        client = await Client.connect(harbour.server.address, plugins=[optarb.OptarbPlugin()])
        damaged = []
        async with fleet.sailing(faults, workers=1):
            handle = await optarb.start_backtest(client, spec, task_queue="damaged", task_timeout=timedelta(seconds=1))
            for _ in faults:
                stopped = await asyncio.wait_for(fleet.stopped.get(), 90)
                damaged.append(await asyncio.to_thread(damage, folder / "cache"))
                os.kill(stopped, signal.SIGKILL)  # whose memory still holds what was right
                fleet.fork()
            return damaged, await asyncio.wait_for(handle.result(), 90)

    damaged, summary = asyncio.run(run())

    assert [fault.phase for fault in fleet.struck] == [fault.phase for fault in faults]
    assert all(damaged)
    assert summary.digest == expected.digest
    books = [contents(folder / "books.db", "damaged"), contents(tmp_path / "alone" / "books.db", "alone")]
    assert difference(*books) == ""
    desk.close()


@pytest.mark.parametrize(("lost", "noticed"), [("signals", "trade"), ("trade", "close")])
def test_backtest_when_the_store_lost_commits_then_fails_by_name_and_a_new_start_computes_them(
    temporal_address, market, tmp_path, lost, noticed
):
    """A power cut may take a store's last commits, which Temporal's history remembers."""
    (tmp_path / "alone").mkdir()
    with rig.make_desk(market, tmp_path / "alone") as alone:
        expected = optarb.backtest(rig.make_spec(backtest_id="alone", **SHORT), alone).summary
    desk = rig.make_desk(market, tmp_path)
    spec = rig.make_spec(backtest_id="lost", **SHORT)
    losing = Losing(tmp_path / "books.db", lost=lost, before=noticed)

    async def run():
        async with working(temporal_address, desk, f"lost-{lost}", interceptors=[losing]) as client:
            handle = await optarb.start_backtest(client, spec, task_queue=f"lost-{lost}")
            with pytest.raises(optarb.StoreError, match=f"'lost': {lost} of 1 unit.* is not in the store before {noticed}"):
                await handle.result()
            return await (await optarb.start_backtest(client, spec, task_queue=f"lost-{lost}")).result()

    assert asyncio.run(run()).digest == expected.digest
    books = [contents(tmp_path / "books.db", "lost"), contents(tmp_path / "alone" / "books.db", "alone")]
    assert difference(*books) == ""


class Losing(Interceptor):
    """Takes the last block of a phase out of the store, once, before another phase begins."""

    def __init__(self, database, *, lost, before):
        self.database, self.lost, self.before = database, lost, before

    def intercept_activity(self, next):  # noqa: A002 - the SDK's name
        return _Losing(next, self)


class _Losing(ActivityInboundInterceptor):
    def __init__(self, following, losing):
        super().__init__(following)
        self.losing = losing

    async def execute_activity(self, input):  # noqa: A002 - the SDK's name
        losing = self.losing
        if losing.before and activity.info().activity_type.endswith(f".{losing.before}"):
            losing.before = ""
            with closing(sqlite3.connect(losing.database)) as connection, connection:
                last, unit = connection.execute(
                    "SELECT max(first), max(unit) FROM blocks WHERE phase = ?", (losing.lost,)
                ).fetchone()
                connection.execute("DELETE FROM blocks WHERE phase = ? AND first = ? AND unit = ?", (losing.lost, last, unit))
                tables = [losing.lost] if losing.lost == "signals" else [*TABLES][1:]
                for table in tables:
                    own = " AND expert = ?" if table == "signals" else ""
                    values = (last, unit) if own else (last,)
                    connection.execute(f"DELETE FROM {table} WHERE session >= ?{own}", values)
        return await super().execute_activity(input)


def damage(cache):
    """Flips a bit in the middle of every file of a cache; returns how many there were."""
    files = [path for path in sorted(cache.rglob("*")) if path.is_file() and path.stat().st_size]
    for path in files:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        changed = path.with_name(path.name + ".changed")
        changed.write_bytes(content)
        changed.replace(path)  # what is mapped by somebody stays as it was
    return len(files)


class ActivityErrors(Interceptor):
    """Collects what activities of a worker raise."""

    def __init__(self) -> None:
        self.raised = asyncio.Queue()

    def intercept_activity(self, next):  # noqa: A002 - the SDK's name
        return _Collecting(next, self.raised)


class _Collecting(ActivityInboundInterceptor):
    def __init__(self, following, raised):
        super().__init__(following)
        self.raised = raised

    async def execute_activity(self, input):  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except ApplicationError as error:
            self.raised.put_nowait(error)
            raise
