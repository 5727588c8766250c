"""PostgreSQL and Redis give what SQLite and files give: the same ledger, row by row."""

from __future__ import annotations

import pytest
from tests.acceptance import small_desk, two_years
from tests.acceptance.test_digest import reference_session
from tests.stores import old_store

import optarb
from optarb.caches import RedisCache
from optarb.stores import SqlStore


@pytest.fixture
def cache(redis_url, redis_prefix):
    """An empty cache."""
    cache = RedisCache(url=redis_url, prefix=redis_prefix)
    assert cache.usage().entries == 0
    yield cache
    cache.clear()


def test_run_when_on_postgres_and_redis_then_the_ledger_of_sqlite_and_files(
    two_year_files, tmp_path, reference, postgres_database, cache
):
    store = SqlStore(url=postgres_database())
    with two_years.desk(two_year_files, tmp_path, store=store, cache=cache) as desk:
        result = two_years.run(desk, backtest_id="mine")
        ledger = small_desk.ledger(store, "mine")
        kept = {kind: cache.usage(kind).entries for kind in ("bars/", "chain/", "feature/", "ingest/")}

    # An equal digest proves something only if this run computed all by itself: own store, own cache, every block.
    assert result.summary.blocks_computed == reference[0].blocks_computed
    assert result.summary.blocks_computed["trade"] == 17
    assert kept["bars/"] == 1
    assert kept["chain/"] == 24  # two years of months
    assert kept["feature/"] > 1
    assert ledger == reference[1]
    assert result.summary.digest == reference[0].digest


def test_run_when_interrupted_and_resumed_on_postgres_then_one_digest(
    two_year_files, tmp_path, reference, postgres_database, cache
):
    two_years.FUSE["policy"] = (reference_session(reference), KeyboardInterrupt())
    store = SqlStore(url=postgres_database())
    with two_years.desk(two_year_files, tmp_path, store=store, cache=cache) as desk:
        with pytest.raises(KeyboardInterrupt):
            two_years.run(desk, block_sessions=7, backtest_id="mine")
        assert 0 < len(store.done("mine", "trade")) < 72
        assert two_years.run(desk, backtest_id="mine").summary.digest == reference[0].digest


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_run_when_begun_in_an_older_store_then_resumed_after_its_upgrade(two_year_files, tmp_path, reference, kind, request):
    two_years.FUSE["policy"] = (reference_session(reference), KeyboardInterrupt())
    with two_years.desk(two_year_files, tmp_path) as desk:
        with pytest.raises(KeyboardInterrupt):
            two_years.run(desk, block_sessions=7, backtest_id="mine")
        begun = desk.store
    old = f"sqlite:///{tmp_path / 'old.db'}" if kind == "sqlite" else request.getfixturevalue("postgres_database")()
    old_store.copy(begun.url, old, 1)

    with two_years.desk(two_year_files, tmp_path, store=SqlStore(url=old)) as desk:
        with pytest.raises(optarb.SchemaMismatch):
            two_years.run(desk, block_sessions=7, backtest_id="mine")
        desk.store.upgrade()
        assert small_desk.ledger(desk.store, "mine") == small_desk.ledger(begun, "mine")  # the book's own cash of each fill
        assert small_desk.ledger(desk.store, "mine")["fills"]
        result = two_years.run(desk, block_sessions=7, backtest_id="mine")
        assert small_desk.ledger(desk.store, "mine") == reference[1]
    begun.close()

    assert result.summary.digest == reference[0].digest
