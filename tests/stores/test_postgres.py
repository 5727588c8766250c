"""The SQL store on a real PostgreSQL server."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests import servers

from optarb.errors import ConfigurationError, MissingExtra, StoreError, StoreUnavailable
from optarb.protocols.stores import BlockKey
from optarb.stores import SqlStore
from optarb.testing import BacktestStoreConformance

SESSION = 20140103


@pytest.fixture(scope="module")
def url(postgres_server):
    """A database that the tests of this module share; each has a book of its own."""
    made = postgres_server.create_database()
    yield made
    postgres_server.drop_database(made)


@pytest.fixture
def store(url):
    store = SqlStore(url=url, timeout_seconds=60)
    yield store
    store.close()


@pytest.fixture
def book_id():
    return uuid.uuid4().hex


class TestSqlStoreOnPostgres(BacktestStoreConformance):
    @pytest.fixture
    def store(self, url):
        store = SqlStore(url=url, timeout_seconds=60)
        yield store
        store.close()


def claim(store, book_id, **changes):
    arguments = {"owner": "first", "identity": "same", "documents": {}, "lease_seconds": 60} | changes
    return store.claim(book_id, **arguments)


def commit(store, book_id, note="note", **changes):
    arguments = {"last": SESSION, "parent": "", "state": b"{}", "rows": {"notes": [(SESSION, 0, "p", note)]}} | changes
    return store.commit(book_id, 1, BlockKey(phase="trade", unit="", first=SESSION), **arguments)


def touch_twice(store, book_id, between):
    database = store._database()
    with database.writing() as transaction:
        transaction.run(database.statements.touch_book, book_id=book_id, now=1)
        between()
        transaction.run(database.statements.touch_book, book_id=book_id, now=2)


# Several processes


def _claim_and_commit_in_child(url, book_id, number, barrier, answers):
    store = SqlStore(url=url, timeout_seconds=60)
    barrier.wait()  # three processes make the tables, claim and commit at the same moment
    kind = claim(store, book_id).kind
    answers.put((number, kind, commit(store, book_id, f"copy {number}", tip=True)))
    store.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_store_when_processes_race_in_a_new_database_then_one_wins(postgres_database, book_id):
    url = postgres_database()
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(3), context.SimpleQueue()
    arguments = [(url, book_id, number, barrier, answers) for number in range(3)]
    children = [context.Process(target=_claim_and_commit_in_child, args=one) for one in arguments]
    for child in children:
        child.start()
    results = [answers.get() for _ in children]
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert sorted(kind for _, kind, _ in results) == ["mine", "mine", "new"]
    (winner,) = [number for number, _, won in results if won]
    store = SqlStore(url=url)
    assert store.rows(book_id, "notes") == [(SESSION, 0, "p", f"copy {winner}")]
    store.close()


# Faults


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_store_when_the_server_is_away_then_unavailable_until_it_is_back(book_id, end):
    with servers.running_postgres() as server:
        store = SqlStore(url=server.create_database(), timeout_seconds=5)
        claim(store, book_id)
        getattr(server, end)()
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="cannot be used right now") as raised:
                commit(store, book_id)
            assert raised.value.retryable
        server.start()
        assert commit(store, book_id)
        assert store.rows(book_id, "notes") == [(SESSION, 0, "p", "note")]
        getattr(server, end)()
        server.start()
        assert store.book(book_id).epoch == 1  # nobody noticed
        store.close()


def test_write_when_the_server_dies_in_the_middle_then_unavailable_and_nothing_written(book_id):
    with servers.running_postgres() as server:
        store = SqlStore(url=server.create_database())
        claim(store, book_id)
        with pytest.raises(StoreUnavailable):
            touch_twice(store, book_id, server.kill)
        server.start()
        assert store.book(book_id).updated_at.year > 2000
        assert commit(store, book_id)
        store.close()


def test_write_when_a_row_stays_locked_then_unavailable_after_the_time_out(url, book_id):
    store = SqlStore(url=url, timeout_seconds=0.05)
    claim(store, book_id)
    database = store._database()
    with database.writing() as transaction:
        transaction.run(database.statements.touch_book, book_id=book_id, now=1)
        with pytest.raises(StoreUnavailable, match="lock timeout"):
            commit(store, book_id)
    assert commit(store, book_id)
    store.close()


def test_write_when_two_wait_for_each_other_then_one_is_told_to_try_again(store, book_id):
    books = [f"{book_id}-{number}" for number in range(2)]
    for name in books:
        claim(store, name)
    database = store._database()
    barrier = threading.Barrier(2)

    def cross(first, second):
        try:
            with database.writing() as transaction:
                transaction.run(database.statements.touch_book, book_id=first, now=1)
                barrier.wait(30)
                transaction.run(database.statements.touch_book, book_id=second, now=1)
        except StoreUnavailable as error:
            return str(error)
        return "written"

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(cross, books, reversed(books)))
    assert "deadlock" in told[0]
    assert told[1] == "written"


def test_write_when_it_cannot_be_put_in_order_with_another_then_unavailable(store, book_id):
    claim(store, book_id)

    def read_then_write():
        database = store._database()
        with database.writing() as transaction:
            transaction._cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            transaction.first(database.statements.read_book, book_id=book_id)
            store.request_cancel(book_id)
            transaction.run(database.statements.touch_book, book_id=book_id, now=1)

    with pytest.raises(StoreUnavailable, match="could not serialize"):
        read_then_write()


def test_write_when_the_server_takes_reads_only_then_unavailable(store, book_id):
    claim(store, book_id)

    def write_on_a_standby():
        database = store._database()
        with database.writing() as transaction:
            transaction._cursor.execute("SET TRANSACTION READ ONLY")
            transaction.run(database.statements.touch_book, book_id=book_id, now=1)

    with pytest.raises(StoreUnavailable, match="read-only"):
        write_on_a_standby()


def test_read_when_another_writes_in_between_then_one_picture(store, book_id):
    claim(store, book_id)
    database = store._database()
    with database.reading() as transaction:
        before = transaction.first(database.statements.read_book, book_id=book_id)
        store.request_cancel(book_id)
        assert transaction.first(database.statements.read_book, book_id=book_id) == before


def test_store_when_the_database_is_absent_then_unavailable_names_it(postgres_server):
    with pytest.raises(StoreUnavailable, match='database "absent" does not exist'):
        SqlStore(url=postgres_server.url("absent")).books()


def test_store_when_the_driver_is_missing_then_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "optarb.stores._postgres", raising=False)
    with pytest.raises(MissingExtra, match=r"optarb\[postgres\]"):
        SqlStore(url="postgresql://nobody@localhost/books").books()


@pytest.mark.parametrize("options", ["connect_timeout=x", "unknown=1"])
def test_store_when_an_option_of_the_address_is_wrong_then_error(postgres_server, options):
    with pytest.raises((StoreError, ConfigurationError)):
        SqlStore(url=f"{postgres_server.url()}&{options}").books()


# Passwords

PASSWORD = "correct horse"


@pytest.fixture
def guarded(postgres_server):
    """Address of a database whose owner needs a password."""
    name = f"guarded_{uuid.uuid4().hex}"
    postgres_server.run(f"CREATE ROLE {servers.GUARDED} LOGIN PASSWORD '{PASSWORD}'")
    postgres_server.run(f"CREATE DATABASE {name} OWNER {servers.GUARDED}")
    url = postgres_server.url(name).replace("postgres@", f"{servers.GUARDED}@")
    yield url
    postgres_server.drop_database(url)
    postgres_server.run(f"DROP ROLE {servers.GUARDED}")


def test_password_when_in_the_environment_then_used_and_never_shown(guarded, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    store = SqlStore(url=guarded)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    with pytest.raises(StoreUnavailable, match="no password supplied"):
        store.books()
    monkeypatch.setenv("PGPASSWORD", "wrong horse")
    with pytest.raises(StoreUnavailable, match="password authentication failed") as raised:
        store.books()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert store.books() == []
    assert "horse" not in f"{store!r} {raised.value!r} {raised.value.__cause__!r} {caplog.text}"
    store.close()


def test_password_when_in_a_password_file_then_used(guarded, monkeypatch, tmp_path):
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:{servers.GUARDED}:{PASSWORD}\n")
    file.chmod(0o600)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", str(file))
    store = SqlStore(url=guarded)
    assert store.books() == []
    store.close()


def test_password_when_in_the_address_then_used_and_hidden(guarded, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    wrong = SqlStore(url=guarded.replace(f"{servers.GUARDED}@", f"{servers.GUARDED}:wrong%20horse@"))
    with pytest.raises(StoreUnavailable, match="password authentication failed") as raised:
        wrong.books()
    right = SqlStore(url=guarded.replace(f"{servers.GUARDED}@", f"{servers.GUARDED}:correct%20horse@"))
    assert right.books() == []
    shown = f"{wrong!r} {right!r} {raised.value!r} {raised.value.__cause__!r} {caplog.text}"
    assert "horse" not in shown
    assert "***" in shown
    right.close()
