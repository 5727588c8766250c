"""The SQL store."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from optarb.errors import (
    AlreadyRunning,
    BookNotFound,
    ConfigurationError,
    SchemaMismatch,
    StoreError,
    StoreUnavailable,
    UnknownName,
)
from optarb.ledger.rows import TABLES
from optarb.protocols.stores import BlockKey
from optarb.stores import SqlStore, process_owner
from optarb.testing import BacktestStoreConformance

SESSION = 20140103


@pytest.fixture
def file(tmp_path):
    return tmp_path / "books.db"


@pytest.fixture
def store(file):
    store = SqlStore(url=f"sqlite:///{file}", timeout_seconds=60)
    yield store
    store.close()


class TestSqlStoreOnFile(BacktestStoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}", timeout_seconds=60)
        yield store
        store.close()


class TestSqlStoreInMemory(BacktestStoreConformance):
    @pytest.fixture
    def store(self, request):
        return SqlStore(url="sqlite://", name=request.node.nodeid)


def claim(store, book_id="book", owner="first", **changes):
    arguments = {"owner": owner, "identity": "same", "documents": {}, "lease_seconds": 60} | changes
    return store.claim(book_id, **arguments)


def commit(store, book_id="book", note="note", **changes):
    arguments = {"last": SESSION, "parent": "", "state": b"{}", "rows": {"notes": [(SESSION, 0, "p", note)]}} | changes
    return store.commit(book_id, 1, BlockKey(phase="trade", unit="", first=SESSION), **arguments)


# Building, copying, sharing


def test_build_when_file_is_absent_then_nothing_is_opened(store, file):
    assert repr(store)
    assert store.is_shared
    assert not file.exists()


def test_memory_when_names_are_equal_then_books_are_shared_within_the_process(request):
    name = request.node.nodeid
    claim(SqlStore(url="sqlite://", name=name))
    assert SqlStore(url="sqlite:///:memory:", name=name, timeout_seconds=1).book("book").epoch == 1
    with pytest.raises(BookNotFound):
        SqlStore(url="sqlite://", name=f"{name} other").book("book")
    assert not SqlStore(url="sqlite://").is_shared


def test_memory_when_closed_then_books_stay(request):
    store = SqlStore(url="sqlite://", name=request.node.nodeid)
    claim(store)
    store.close()
    assert store.book("book").epoch == 1


def test_relative_path_when_folder_changes_then_another_file(tmp_path, monkeypatch):
    store = SqlStore(url="sqlite:///books.db")
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        monkeypatch.chdir(folder)
        assert claim(store).kind == "new"
        assert (folder / "books.db").exists()
        store.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter2@host/books",
        "postgresql+psycopg://user:hunter2@host/books",
        "postgresql://user@host/books?password=hunter2",
    ],
)
def test_repr_when_url_has_a_password_then_it_is_hidden(url):
    store = SqlStore(url=url)
    assert "hunter2" not in repr(store)
    assert "host/books" in repr(store)
    assert store.is_shared
    assert pickle.loads(pickle.dumps(store)).url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("books.db", "sqlite:///"),
        ("mysql://user:hunter2@host/books", "sqlite:"),
        ("postgresql+asyncpg://user:hunter2@host/books", "asyncpg"),
        ("postgresql://user:hunter2@host:no-port/books", "sqlite:///"),
        ("sqlite:///books.db?mode=ro", "mode"),
    ],
)
def test_url_when_unusable_then_error_without_password(url, said):
    with pytest.raises(ConfigurationError, match=said) as raised:
        SqlStore(url=url).books()
    assert "hunter2" not in f"{raised.value!r} {raised.value.__cause__!r}"


@pytest.mark.parametrize("change", [{"timeout_seconds": -1}, {"timeout_seconds": float("nan")}, {"synchronous": "off"}])
def test_build_when_parameter_is_out_of_range_then_error(change):
    with pytest.raises(ConfigurationError, match=next(iter(change))):
        SqlStore(**change)


def test_write_when_synchronous_is_full_then_connection_waits_for_the_disk(file):
    store = SqlStore(url=f"sqlite:///{file}", synchronous="full")
    claim(store)
    with store._database().reading() as transaction:
        transaction._cursor.execute("PRAGMA synchronous")
        assert transaction._cursor.fetchone() == (2,)
    store.close()


def test_open_when_threads_race_then_one_engine(store, monkeypatch):
    from optarb.stores import _opening

    engines = []
    make = _opening.open_engine

    def counted(*arguments, **named):
        engines.append(make(*arguments, **named))
        return engines[-1]

    monkeypatch.setattr(_opening, "open_engine", counted)
    barrier = threading.Barrier(8)

    def open_it(_):
        barrier.wait()
        return store.books()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(open_it, range(8))) == [[]] * 8
    assert len(engines) == 1


# What is wrong with the file


def test_open_when_schema_differs_then_both_versions_are_named(store, file):
    store.books()
    store.close()
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE meta SET schema_version = 99")
    connection.close()
    with pytest.raises(SchemaMismatch, match=r"99.*version 4; update optarb"):
        store.books()


def test_open_when_file_is_no_database_then_store_error(store, file):
    file.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StoreError, match=r"no usable SQLite database.*another file") as raised:
        store.books()
    assert not raised.value.retryable
    assert isinstance(raised.value.__cause__, sqlite3.DatabaseError)


def test_open_when_folder_is_absent_then_error_says_create(tmp_path):
    with pytest.raises(StoreError, match="does not exist; create it"):
        SqlStore(url=f"sqlite:///{tmp_path / 'absent' / 'books.db'}").books()


def test_open_when_path_is_a_folder_then_error(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        SqlStore(url=f"sqlite:///{tmp_path}").books()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_open_when_folder_is_read_only_then_error_names_permissions(store, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="permissions"):
        store.books()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_open_when_file_is_read_only_then_error_names_permissions(store, file):
    file.touch(mode=0o400)
    with pytest.raises(StoreError, match="permissions"):
        store.books()


def test_write_when_locked_by_another_then_unavailable_and_readable(file):
    store = SqlStore(url=f"sqlite:///{file}", timeout_seconds=0)
    claim(store)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked") as raised:
        commit(store)
    assert raised.value.retryable
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    assert store.book("book").epoch == 1
    assert store.done("book", "trade") == frozenset()
    other.execute("ROLLBACK")
    other.close()
    assert commit(store)
    store.close()


def test_write_when_another_thread_is_writing_then_unavailable(file):
    store = SqlStore(url=f"sqlite:///{file}", timeout_seconds=0)
    claim(store)
    with store._database().writing(), pytest.raises(StoreUnavailable, match="another thread"):
        commit(store)
    store.close()


def test_write_when_disk_is_full_then_unavailable_and_nothing_written(store):
    claim(store)
    with store._database().reading() as transaction:
        connection = transaction._cursor.connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        commit(store, state=b"x" * 1_000_000)
    assert store.done("book", "trade") == frozenset()
    assert list(store.rows("book", "notes")) == []


def test_write_when_file_is_gone_then_unavailable_until_it_is_back(store, file, tmp_path):
    claim(store)
    file.rename(tmp_path / "moved")
    with pytest.raises(StoreUnavailable, match="gone or was replaced"):
        commit(store)
    (tmp_path / "moved").rename(file)
    assert commit(store)


def test_write_when_file_was_replaced_then_unavailable_until_closed(store, file, tmp_path):
    claim(store)
    file.rename(tmp_path / "moved")
    other = sqlite3.connect(file)
    other.close()
    file.touch()
    with pytest.raises(StoreUnavailable, match=r"close\(\)"):
        store.books()
    for leftover in tmp_path.glob("books.db-*"):
        leftover.unlink()
    store.close()
    assert store.books() == []


def test_commit_when_two_rows_share_a_place_then_error_not_false(store):
    claim(store)
    with pytest.raises(StoreError, match="UNIQUE") as raised:
        commit(store, rows={"notes": [(SESSION, 0, "p", "secret"), (SESSION, 0, "p", "secret")]})
    assert not raised.value.retryable
    assert isinstance(raised.value.__cause__, sqlite3.IntegrityError)
    assert "secret" not in str(raised.value)


def test_commit_when_a_required_value_is_absent_then_error(store):
    claim(store)
    with pytest.raises(StoreError, match=r"NOT NULL.*notes\.note"):
        commit(store, rows={"notes": [(SESSION, 0, "p", None)]})
    row = (SESSION, 0, "e", "SPX", "up", float("nan"), "s", "[]", None, "[]", "[]")
    with pytest.raises(StoreError, match=r"NOT NULL.*signals\.confidence"):
        commit(store, rows={"signals": [row]})


def test_commit_when_table_is_unknown_then_suggestion_and_nothing_written(store):
    claim(store)
    with pytest.raises(UnknownName, match="did you mean 'fills'"):
        commit(store, rows={"fill": []})
    with pytest.raises(UnknownName, match="did you mean 'fills'"):
        store.rows("book", "fill")
    assert store.done("book", "trade") == frozenset()


def test_commit_when_rows_are_an_iterator_then_read_once(store):
    claim(store)
    assert commit(store, rows={"notes": (row for row in [(SESSION, 0, "p", "note")])})
    assert store.rows("book", "notes") == [(SESSION, 0, "p", "note")]


def test_commit_when_book_is_absent_then_not_found(store):
    with pytest.raises(BookNotFound, match="'book'"):
        commit(store)


def test_finish_when_status_is_running_then_error(store):
    claim(store)
    with pytest.raises(StoreError, match="'finished'"):
        store.finish("book", 1, "running")


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_claim_when_lease_is_out_of_range_then_error(store, seconds):
    with pytest.raises(StoreError, match="lease_seconds"):
        claim(store, lease_seconds=seconds)


def test_claim_when_resumed_then_replies_nobody_will_write_are_free(store):
    claim(store, lease_seconds=0)
    store.lease_reply("book", "pending", "dead", 3600)
    store.write_reply("book", 1, "stored", b"reply")
    claim(store, owner="second")
    assert store.lease_reply("book", "pending", "second", 60)
    assert store.reply("book", "stored") == b"reply"


def test_schema_when_made_then_every_ledger_table_has_its_columns_and_key(store, file):
    store.books()
    connection = sqlite3.connect(file)
    for name, table in TABLES.items():
        columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
        assert [column[1] for column in columns] == ["book_id", *(column.name for column in table.columns)]
        assert [column[1] for column in columns if column[5]] == ["book_id", "session", "seq"]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


# Several processes


def _commit_in_child(url, number, barrier, answers):
    store = SqlStore(url=url, timeout_seconds=60)
    barrier.wait()
    answers.put((number, commit(store, note=f"copy {number}", tip=True)))
    store.close()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_commit_when_processes_race_then_one_writes(store, method):
    claim(store)  # a forked child inherits an open store
    context = multiprocessing.get_context(method)
    barrier, answers = context.Barrier(3), context.SimpleQueue()
    children = [context.Process(target=_commit_in_child, args=(store.url, number, barrier, answers)) for number in range(3)]
    for child in children:
        child.start()
    results = dict(answers.get() for _ in children)
    for child in children:
        child.join()
        assert child.exitcode == 0
    assert sorted(results.values()) == [False, False, True]
    winner = next(number for number, won in results.items() if won)
    assert store.rows("book", "notes") == [(SESSION, 0, "p", f"copy {winner}")]


def _open_in_child(url, barrier, answers):
    store = SqlStore(url=url, timeout_seconds=60)
    barrier.wait()
    answers.put(len(store.books()))
    store.close()


def test_open_when_processes_race_for_a_new_file_then_all_succeed(store):
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(3), context.SimpleQueue()
    children = [context.Process(target=_open_in_child, args=(store.url, barrier, answers)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert [answers.get() for _ in children] == [0, 0, 0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the lease decides")
def test_claim_when_owning_process_was_killed_then_resume_at_once(store):
    code = (
        "import sys; from optarb.stores import SqlStore, process_owner\n"
        "store = SqlStore(url=sys.argv[1])\n"
        "store.claim('book', owner=process_owner(), identity='same', documents={}, lease_seconds=3600)\n"
        "print('claimed', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", code, store.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout.readline() == "claimed\n"
        with pytest.raises(AlreadyRunning):
            claim(store, owner=process_owner())
        child.kill()
        child.wait()
    assert claim(store, owner=process_owner()).kind == "resume"


def test_close_when_another_thread_is_in_a_transaction_then_its_connection_is_closed_with_it(tmp_path):
    store = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}")
    store.books()
    database = store._database()
    with database.reading() as transaction:
        lent = transaction._cursor.connection
        store.close()
        assert lent.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        lent.execute("SELECT 1")
