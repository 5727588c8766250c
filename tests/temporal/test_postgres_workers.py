from __future__ import annotations

import asyncio
import dataclasses

import pytest
from temporalio.client import Client
from tests.temporal import rig
from tests.temporal.workers import history, processes

import optarb
from optarb.caches import RedisCache
from optarb.stores import SqlStore

pytestmark = pytest.mark.timeout(300)  # four processes import the library at the same time

WORKERS = 4
BLOCK = 4
RANGE = {"end": rig.session(59)}
"""Sixty sessions, from March to May."""


@pytest.fixture(scope="module")
def alone(market, tmp_path_factory):
    """Summary of the range, run in this process on SQLite and files."""
    with rig.make_desk(market, tmp_path_factory.mktemp("alone")) as desk:
        return optarb.backtest(rig.make_spec(**RANGE), desk).summary


@pytest.fixture(scope="module")
def database(postgres_server):
    """Address of an empty database."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(scope="module")
def cache(redis_url):
    """An empty cache in Redis."""
    cache = RedisCache(url=redis_url, prefix="four-workers:")
    assert cache.usage().entries == 0
    yield cache
    cache.clear()
    cache.close()


@pytest.fixture(scope="module")
def run(temporal_address, market, database, cache, tmp_path_factory):
    """Summary and history of the range, run by four worker processes on PostgreSQL and Redis, and what both hold."""
    folder = tmp_path_factory.mktemp("postgres-workers")
    desk = dataclasses.replace(rig.make_desk(market, folder), store=SqlStore(url=database), cache=cache)
    # Every block is an activity of its own, so that the workers pass the book from hand to hand.
    spec = rig.make_spec(**RANGE, block_sessions=BLOCK, time_slice_seconds=0, parallelism=WORKERS)

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        async with processes(temporal_address, desk, "postgres-workers", folder, count=WORKERS):
            handle = await optarb.start_backtest(client, spec, task_queue="postgres-workers")
            return await handle.result(), await history(handle)

    with desk:
        summary, seen = asyncio.run(run())
        rows = {name: list(desk.store.rows(summary.backtest_id, name)) for name in ("fills", "equity")}
    return summary, seen, rows


def test_run_when_four_workers_share_postgres_and_redis_then_the_digest_of_one_process_alone(run, alone, cache):
    summary, seen, rows = run

    assert summary.digest == alone.digest
    # An equal digest proves something only if these workers computed every block themselves.
    assert summary.blocks_computed == {"ingest": 2, "features": 2, "signals": 30, "trade": 15}
    assert seen.activities["optarb.backtest.trade"] == 15
    assert seen.retries == 0
    assert cache.usage("chain/").entries == 6  # three months of two symbols
    assert len(rows["equity"]) == 60
    assert len(rows["fills"]) > 200


def test_work_when_there_are_four_workers_then_several_do_some(run):
    _, seen, _ = run

    # Which of them a task goes to is the server's choice; blocks one after the other must have met more than one.
    assert len(seen.workers) >= 2
