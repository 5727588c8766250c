"""The store of live books in a database."""

from __future__ import annotations

import multiprocessing
import pickle
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests import servers
from tests.trading.rig import MONDAY as RIG_SESSION
from tests.trading.rig import vertical

from optarb.errors import BookConflict, ConfigurationError, OptarbError, StoreUnavailable, UnknownName
from optarb.ledger.rows import TABLES
from optarb.protocols.stores import SupportsTrading
from optarb.protocols.trading import Controls, JournalEntry, Lease, Notice
from optarb.stores import SqlStore
from optarb.stores._database import Transaction
from optarb.stores.sql_trading import SqlTradingStore
from optarb.testing.trading_store_conformance import TradingStoreConformance

BOOK, MONDAY = "paper.dips", date(2024, 6, 3)
NOW = datetime(2024, 6, 3, 14, tzinfo=UTC)
NAIVE = datetime(2024, 6, 3, 14)  # noqa: DTZ001 - to be refused
LEASE = Lease(owner="one", session=MONDAY, until=NOW + timedelta(minutes=5))
EXIT = (20240603, 0, "p", "stop_loss", 10, 20, 1)
ENTRY = JournalEntry(at=NOW, kind="order_sent", subject="o", detail="{}")
NOTICE = Notice(key="k", severity="alarm", title="t", text="x", book_id=BOOK, session=MONDAY, at=NOW)
WHOLE = {"document": '{"a":1}', "rows": {"exits": [EXIT], "notes": [(20240603, 0, "p", "n")]}}
WHOLE |= {"journal": [ENTRY, ENTRY], "notices": [NOTICE]}


class TestSqlTradingStoreOnFile(TradingStoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}", timeout_seconds=60).trading
        yield store
        store.close()


class TestSqlTradingStoreInMemory(TradingStoreConformance):
    @pytest.fixture
    def store(self, request):
        return SqlStore(url="sqlite://", name=request.node.nodeid).trading


class TestSqlTradingStoreOnPostgres(TradingStoreConformance):
    @pytest.fixture
    def store(self, postgres_database):
        store = SqlStore(url=postgres_database(), timeout_seconds=60).trading
        yield store
        store.close()


@pytest.fixture
def books(new_url):
    """A store of backtests in a database of either kind."""
    store = SqlStore(url=new_url, timeout_seconds=60)
    yield store
    store.close()


@pytest.fixture
def store(books):
    """Its live books, one of them leased."""
    assert books.trading.acquire(BOOK, LEASE, now=NOW)
    return books.trading


def save(store, version=0, **changes):
    return store.save(BOOK, owner="one", version=version, **{"document": "{}", "rows": {}, **changes})


def picture(store):
    """All that is stored of the book."""
    rows = {name: list(store.rows(BOOK, name)) for name in TABLES}
    return store.load(BOOK), rows, store.journal(BOOK, MONDAY), store.outbox(), store.controls(BOOK)


# Beside backtests


def test_trading_when_asked_for_then_nothing_is_opened_and_it_travels(tmp_path):
    books = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}")
    trading = books.trading
    assert isinstance(books, SupportsTrading)
    assert trading.is_shared
    assert not SqlStore(url="sqlite://").trading.is_shared
    assert pickle.loads(pickle.dumps(trading)) == trading == books.trading
    assert not (tmp_path / "books.db").exists()


def test_trading_when_url_has_a_password_then_hidden():
    shown = repr(SqlStore(url="postgresql://user:hunter2@host/books").trading)
    assert "host/books" in shown
    assert "hunter2" not in shown


def test_trading_when_store_does_not_wait_for_the_disk_then_live_books_do(tmp_path):
    books = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}")
    told = []
    for store in (books, books.trading.books):
        with store._database().reading() as transaction:
            transaction._cursor.execute("PRAGMA synchronous")
            told += transaction._cursor.fetchone()
    assert told == [1, 2]  # normal, full
    with pytest.raises(ConfigurationError, match="synchronous='full'"):
        SqlTradingStore(books=books)
    books.close()


def test_book_ids_when_a_backtest_bears_the_name_of_a_live_book_then_they_share_nothing(books, store):
    assert save(store, **WHOLE)
    before = picture(store)
    claim = {"owner": "me", "identity": "i", "documents": {}, "lease_seconds": 60}
    books.claim(BOOK, **claim)
    assert list(books.rows(BOOK, "exits")) == []
    books.finish(BOOK, 1, "failed")
    books.claim(BOOK, **{**claim, "owner": "other"}, replace=True)
    assert picture(store) == before
    assert [info.book_id for info in books.books()] == list(store.live_books()) == [BOOK]


def test_claim_when_id_is_that_of_the_rows_of_a_live_book_then_refused(books):
    with pytest.raises(BookConflict, match=r"'live:paper.dips'.*choose another id"):
        books.claim(f"live:{BOOK}", owner="me", identity="i", documents={}, lease_seconds=60)
    assert books.books() == []


def test_close_when_the_store_is_closed_then_its_live_books_too(tmp_path):
    books = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}")
    books.trading.acquire(BOOK, LEASE, now=NOW)
    (tmp_path / "books.db").rename(tmp_path / "moved")
    with pytest.raises(StoreUnavailable, match="gone or was replaced"):
        books.trading.load(BOOK)
    for leftover in tmp_path.glob("books.db-*"):
        leftover.unlink()
    books.close()
    assert books.trading.live_books() == []
    books.close()


def test_day_when_traded_on_a_database_then_the_same_as_in_memory(books):
    expected, found = vertical(), vertical(store=books.trading)
    assert found.run(RIG_SESSION) == expected.run(RIG_SESSION)
    assert found.store.load(found.book_id) == expected.store.load(found.book_id)
    for name in TABLES:
        assert found.store.rows(found.book_id, name) == expected.store.rows(found.book_id, name)
    assert found.store.rows(found.book_id, "fills")
    assert found.store.journal(found.book_id, RIG_SESSION) == expected.store.journal(found.book_id, RIG_SESSION)
    assert found.store.outbox() == expected.store.outbox()


# Several processes


def _race_in_child(url, number, barrier, answers):
    books = SqlStore(url=url, timeout_seconds=60)
    store, mine = books.trading, replace(LEASE, owner=f"process {number}")
    barrier.wait()  # all make the tables, take the lease, decide, write and send at the same moments
    leased = store.acquire(BOOK, mine, now=NOW)
    barrier.wait()
    decided = store.once(BOOK, MONDAY, "entries", f"by {number}".encode())
    owner = store.load(BOOK).lease.owner
    barrier.wait()
    rows = {"notes": [(20240603, 0, "p", f"by {number}")]}
    written = store.save(BOOK, owner=owner, version=0, document="{}", rows=rows, journal=[ENTRY], notices=[NOTICE])
    barrier.wait()
    sending = store.lease_notice(BOOK, "k", "mail", 3600)
    answers.put((number, leased, decided, written, sending))
    books.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_store_when_processes_race_in_a_new_database_then_exactly_one_wins(books):
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(3), context.SimpleQueue()
    children = [context.Process(target=_race_in_child, args=(books.url, number, barrier, answers)) for number in range(3)]
    for child in children:
        child.start()
    results = [answers.get() for _ in children]
    for child in children:
        child.join()
        assert child.exitcode == 0
    leased, decided, written, sending = ([result[place] for result in results] for place in (1, 2, 3, 4))
    assert sorted(leased) == sorted(written) == sorted(sending) == [False, False, True]
    store = books.trading
    assert set(decided) == {store.decided(BOOK, MONDAY, "entries")}
    (owner,) = [number for number, won, *_ in results if won]
    (writer,) = [result[0] for result in results if result[3]]
    assert store.load(BOOK).lease.owner == f"process {owner}"
    assert store.rows(BOOK, "notes") == [(20240603, 0, "p", f"by {writer}")]
    assert (store.load(BOOK).version, store.journal(BOOK, MONDAY), store.outbox()) == (1, [ENTRY], [NOTICE])


# Faults


class Crash(Exception):
    """Ends a save in the middle."""


@pytest.mark.parametrize("statements", range(11))  # there are eleven
def test_save_when_it_breaks_between_any_two_statements_then_nothing_is_written(store, monkeypatch, statements):
    before = picture(store)
    left = iter(range(statements))

    def counted(original):
        def run(self, *arguments, **values):
            if next(left, None) is None:
                raise Crash
            return original(self, *arguments, **values)

        return run

    with monkeypatch.context() as patched:
        for name in ("run", "first", "write_rows"):
            patched.setattr(Transaction, name, counted(getattr(Transaction, name)))
        with pytest.raises(Crash):
            save(store, **WHOLE)
    assert picture(store) == before
    assert save(store, **WHOLE)
    assert picture(store) != before


KILLED = """
import os, sys
from datetime import date, datetime
from optarb.protocols.trading import JournalEntry, Notice
from optarb.stores import SqlStore
from optarb.stores._database import Transaction

left = int(sys.argv[2])

def ending(original):
    def run(self, *arguments, **values):
        global left
        found = original(self, *arguments, **values)
        left -= 1
        if not left:
            os._exit(9)
        return found
    return run

for name in ("run", "first", "write_rows"):
    setattr(Transaction, name, ending(getattr(Transaction, name)))
now = datetime.fromisoformat("2024-06-03T14:00:00+00:00")
SqlStore(url=sys.argv[1]).trading.save(
    "paper.dips", owner="one", version=0, document="{}", rows={"notes": [(20240603, 0, "p", "n")]},
    journal=[JournalEntry(at=now, kind="k", subject="s", detail="{}")],
    notices=[Notice(key="k", severity="info", title="t", text="x", book_id="paper.dips", session=now.date(), at=now)],
)
print("written")
"""


@pytest.mark.parametrize("statement", [2, 8])  # state written; all written, not committed
def test_save_when_its_process_is_killed_then_nothing_is_written(store, books, statement):
    before = picture(store)
    arguments = [sys.executable, "-c", KILLED, books.url, str(statement)]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (9, ""), ended.stderr
    assert picture(store) == before
    assert save(store, **WHOLE)


def test_save_when_a_value_is_no_integer_where_one_belongs_then_refused_and_nothing_is_written(store):
    before = picture(store)
    for value in (1.5, "many", float("nan"), None):
        with pytest.raises(OptarbError):
            save(store, **{**WHOLE, "rows": {"notes": [(20240603, 0, "p", "n")], "exits": [(*EXIT[:4], value, 20, 1)]}})
        assert picture(store) == before


def test_save_when_table_is_unknown_then_suggestion_and_nothing_is_written(store):
    before = picture(store)
    with pytest.raises(UnknownName, match="did you mean 'fills'"):
        save(store, document="other", rows={"fill": []})
    assert picture(store) == before


def test_write_when_an_instant_is_naive_then_refused(store):
    before = picture(store)
    with pytest.raises(ValueError, match="naive"):
        store.acquire(BOOK, replace(LEASE, until=NAIVE), now=NOW)
    with pytest.raises(ValueError, match="naive"):
        store.acquire(BOOK, LEASE, now=NAIVE)
    with pytest.raises(ValueError, match="naive"):
        save(store, journal=[replace(ENTRY, at=NAIVE)])
    with pytest.raises(ValueError, match="naive"):
        save(store, notices=[replace(NOTICE, at=NAIVE)])
    with pytest.raises(ValueError, match="naive"):
        store.set_controls(BOOK, Controls(halted=True, changed_at=NAIVE))
    assert picture(store) == before


@pytest.fixture
def on_file(tmp_path):
    """Live books in a file, one of them leased; they wait for no lock."""
    store = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}", timeout_seconds=0).trading
    assert store.acquire(BOOK, LEASE, now=NOW)
    yield store
    store.close()


def test_save_when_the_disk_is_full_then_unavailable_and_nothing_is_written(on_file):
    before = picture(on_file)
    with on_file.books._database().reading() as transaction:
        connection = transaction._cursor.connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        save(on_file, **{**WHOLE, "document": "x" * 1_000_000})
    assert picture(on_file) == before
    on_file.close()
    assert save(on_file, **{**WHOLE, "document": "x" * 1_000_000})


def test_save_when_locked_by_another_then_unavailable_and_the_same_call_works_later(on_file, tmp_path):
    other = sqlite3.connect(tmp_path / "books.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked") as raised:
        save(on_file, **WHOLE)
    assert raised.value.retryable
    assert on_file.load(BOOK).version == 0  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    assert save(on_file, **WHOLE)


def test_save_when_the_server_dies_then_unavailable_until_it_is_back_and_nothing_is_lost():
    with servers.running_postgres() as server:
        store = SqlStore(url=server.create_database(), timeout_seconds=5).trading
        store.acquire(BOOK, LEASE, now=NOW)
        assert save(store, **WHOLE)
        before = picture(store)
        server.kill()
        with pytest.raises(StoreUnavailable) as raised:
            save(store, version=1)
        assert raised.value.retryable
        server.start()
        assert picture(store) == before
        assert save(store, version=1)
        store.close()
