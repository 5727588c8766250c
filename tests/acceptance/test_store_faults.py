"""Runs whose store or cache fails in the middle: what passes is waited for, what stays is told, and nothing is half-written.

A policy calls the test at one session, so that each fault comes while a block is being traded. Waits are the test's too: the
fault ends at the second one, however fast the machine is.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace

import pytest
from tests import servers
from tests.acceptance import small_desk
from tests.acceptance.test_cache_use import cache_files, cut, damage

import optarb
from optarb.backtesting import runner
from optarb.caches import FileCache, RedisCache
from optarb.stores import SqlStore

MIDDLE = date(2016, 2, 1)
BLOCKS = 8
"""39 sessions in blocks of five."""
AT: dict[date, Callable[[], object]] = {}
"""What the policy calls at a session, once."""
SEEN: dict[date, Callable[[], object]] = {}
"""What the expert calls at a session, once."""


@dataclass(frozen=True, kw_only=True)
class Watched(optarb.RiskPolicy):
    def decide(self, candidates, account, view):
        AT.pop(view.session, bool)()
        return super().decide(candidates, account, view)


@dataclass(frozen=True, kw_only=True)
class WatchedBuyer(small_desk.Buyer):
    def evaluate(self, view):
        SEEN.pop(view.session, bool)()
        return super().evaluate(view)


def desk(files, folder, *, store=None, cache=None):
    store = store or SqlStore(url="sqlite://", name=str(folder))
    cache = cache or FileCache(path=str(folder / "cache"))
    return small_desk.desk(files, expert=WatchedBuyer(), policy=Watched(), store=store, cache=cache)


def run(desk, **execution):
    fields = {"block_sessions": 5, "retry_interval_seconds": 0.5, "lease_seconds": 0.001, **execution}
    return small_desk.run(desk, backtest_id="mine", execution=optarb.ExecutionSpec(**fields))


@pytest.fixture(autouse=True)
def _nothing_left():
    yield
    AT.clear()
    SEEN.clear()


@pytest.fixture(scope="module")
def undisturbed(files, tmp_path_factory):
    """Digest and ledger of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with desk(files, folder) as plain:
        summary = run(plain).summary
        assert summary.blocks_computed["trade"] == BLOCKS
        assert summary.trades > 5
        return summary, small_desk.ledger(plain.store, "mine")


@dataclass
class Waits:
    """The runner's waits, which take no time; something may happen at one of them."""

    at: dict[int, Callable[[], object]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def sleep(self, seconds):
        self.seconds.append(seconds)
        self.at.get(len(self.seconds), bool)()


@pytest.fixture
def waits(monkeypatch):
    made = Waits()
    monkeypatch.setattr(runner, "time", SimpleNamespace(monotonic=time.monotonic, sleep=made.sleep))
    return made


# -- faults of a store ------------------------------------------------------------------------------------------------------


@dataclass
class Fault:
    """A store, and how to break and mend it."""

    store: SqlStore
    begin: Callable[[], object]
    end: Callable[[], object]
    said: str


@contextlib.contextmanager
def stopped_postgres(_folder):
    with servers.running_postgres() as server:
        yield Fault(SqlStore(url=server.create_database(), timeout_seconds=5), server.stop, server.start, "cannot be used")


@contextlib.contextmanager
def crashed_postgres(_folder):
    with servers.running_postgres() as server:
        yield Fault(SqlStore(url=server.create_database(), timeout_seconds=5), server.kill, server.start, "cannot be used")


@contextlib.contextmanager
def full_disk(folder):
    store = SqlStore(url=f"sqlite:///{folder / 'books.db'}")

    def limit(pages):
        with store._database().reading() as transaction:  # a run in one thread uses one connection
            transaction._cursor.execute(f"PRAGMA max_page_count = {pages}")

    yield Fault(store, lambda: limit(1), lambda: limit(2**30), "full")


LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def locked_file(folder):
    file = folder / "books.db"
    command = [sys.executable, "-c", LOCKING, str(file)]
    holders = []

    def lock():
        holders.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        assert holders[-1].stdout.readline() == "locked\n"

    def unlock():
        with holders.pop() as holder:
            holder.stdin.close()

    yield Fault(SqlStore(url=f"sqlite:///{file}", timeout_seconds=0.02), lock, unlock, "locked")
    while holders:
        unlock()


@contextlib.contextmanager
def moved_folder(folder):
    here, away = folder / "books", folder / "away"
    here.mkdir()
    store = SqlStore(url=f"sqlite:///{here / 'books.db'}")
    yield Fault(store, lambda: here.rename(away), lambda: away.rename(here), "gone")


@pytest.fixture(params=[stopped_postgres, crashed_postgres, full_disk, locked_file, moved_folder], ids=lambda one: one.__name__)
def fault(request, tmp_path):
    with request.param(tmp_path) as made:
        yield made
        made.store.close()


def test_run_when_the_store_fails_for_a_while_then_waited_for_and_one_digest(files, tmp_path, fault, waits, undisturbed):
    AT[MIDDLE] = fault.begin
    waits.at[2] = fault.end
    with desk(files, tmp_path / "run", store=fault.store) as plain:
        result = run(plain)
        ledger = small_desk.ledger(fault.store, "mine")

    assert not AT
    assert waits.seconds == [0.5, 1.0]  # of the spec, doubled
    assert ledger == undisturbed[1]
    assert result.summary.blocks_computed == undisturbed[0].blocks_computed
    assert result.summary.digest == undisturbed[0].digest


def test_run_when_the_store_stays_away_then_told_nothing_is_half_written_and_resumed(
    files, tmp_path, fault, waits, undisturbed
):
    AT[MIDDLE] = fault.begin
    with desk(files, tmp_path / "run", store=fault.store) as plain:
        with pytest.raises(optarb.StoreUnavailable, match=fault.said) as raised:
            run(plain, max_attempts=3)
        assert raised.value.retryable
        assert waits.seconds == [0.5, 1.0]
        fault.end()
        firsts = sorted(first for _, first in fault.store.done("mine", "trade"))
        assert len(firsts) == 3  # four weeks had been traded, 19 sessions
        rows = fault.store.rows("mine", "equity")
        assert rows == undisturbed[1]["equity"][:15]

        result = run(plain)
        ledger = small_desk.ledger(fault.store, "mine")

    assert ledger == undisturbed[1]
    assert result.summary.digest == undisturbed[0].digest


# -- faults of a cache ------------------------------------------------------------------------------------------------------


@pytest.fixture
def redis_cache(redis_url, redis_prefix):
    cache = RedisCache(url=redis_url, prefix=redis_prefix)
    yield cache
    cache.clear()


def test_run_when_every_value_in_redis_is_damaged_then_rebuilt_and_one_digest(files, tmp_path, redis_cache, undisturbed):
    import redis

    with desk(files, tmp_path / "first", cache=redis_cache) as plain:
        run(plain)
    # Under another prefix: nothing that this process remembers of the first run is used for the second.
    broken = RedisCache(url=redis_cache.url, prefix=f"{redis_cache.prefix}broken:")
    with redis.from_url(redis_cache.url) as client:
        names = sorted(client.scan_iter(f"{redis_cache.prefix}*"))
        whole = {name.decode().removeprefix(redis_cache.prefix): client.get(name) for name in names}
        assert len(whole) > 3
        for number, (key, content) in enumerate(whole.items()):
            harmed = content[:-1] if number % 2 else content[:-1] + bytes([content[-1] ^ 0xFF])
            client.set(f"{broken.prefix}{key}", harmed)

        with desk(files, tmp_path / "second", cache=broken) as plain:
            assert run(plain).summary.digest == undisturbed[0].digest

        assert {key: client.get(f"{broken.prefix}{key}") for key in whole} == whole


@pytest.mark.parametrize("harm", [damage, cut])
def test_run_when_files_of_the_cache_are_harmed_in_the_middle_then_one_digest(files, tmp_path, harm, undisturbed, caplog):
    def harm_all():
        for file in cache_files(tmp_path):
            harm(file)

    SEEN[small_desk.START] = harm_all
    with desk(files, tmp_path) as plain:
        assert run(plain).summary.digest == undisturbed[0].digest
    assert not SEEN
    assert "damaged" in caplog.text


def test_run_when_redis_goes_away_then_one_warning_and_one_digest(files, tmp_path, caplog, undisturbed):
    with servers.running_redis() as server:
        SEEN[small_desk.START] = server.kill
        caplog.set_level(logging.WARNING, logger="optarb")
        with desk(files, tmp_path / "run", cache=RedisCache(url=server.url)) as plain:
            assert run(plain).summary.digest == undisturbed[0].digest
    assert not SEEN
    assert ["computed anew" in record.getMessage() for record in caplog.records] == [True]


def test_run_when_the_cache_is_too_small_then_made_anew_and_one_digest(files, tmp_path, undisturbed):
    cache = FileCache(path=str(tmp_path / "cache"), max_bytes=20_000)
    with desk(files, tmp_path / "run", cache=cache) as plain:
        assert run(plain).summary.digest == undisturbed[0].digest
    assert 0 < cache.usage().size_bytes <= 40_000
