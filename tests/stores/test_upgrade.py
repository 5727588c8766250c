"""Upgrades of databases that earlier versions made."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from tests.reports.hand_book import ROWS, S4
from tests.stores import old_store

from optarb.errors import AlreadyRunning, SchemaMismatch, StoreError
from optarb.protocols.stores import BlockKey
from optarb.protocols.trading import JournalEntry, Lease, Notice
from optarb.stores import SchemaChange, SqlStore, migrations
from optarb.stores._schema import METADATA, SCHEMA_VERSION

NEW_TABLES = ("live_books", "live_decisions", "live_deliveries", "live_journal", "live_notices", "simulated_accounts")
"""What versions 3 and 4 added."""


@pytest.fixture
def version():
    """The version of the database to begin with."""
    return 1


@pytest.fixture
def url(new_url, version):
    """Address of a database of that version with books in it, none of them running."""
    old_store.make(new_url, version)
    return new_url


@pytest.fixture
def store(url):
    store = SqlStore(url=url)
    yield store
    store.close()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_open_when_tables_are_older_then_error_says_upgrade_and_nothing_changes(store, url, version):
    before = old_store.contents(url), old_store.shape(url)
    with pytest.raises(
        SchemaMismatch, match=rf"version {version}.*version {SCHEMA_VERSION}; run: optarb store upgrade --desk"
    ) as raised:
        store.books()
    assert not raised.value.retryable
    assert (old_store.contents(url), old_store.shape(url)) == before


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_upgrade_when_done_then_every_byte_is_kept_and_fills_have_their_cash(store, url, version):
    before = {name: rows for name, rows in old_store.contents(url).items() if name not in NEW_TABLES}

    assert store.upgrade() == SchemaChange(before=version, after=SCHEMA_VERSION)

    after = old_store.contents(url)
    assert after.pop("meta") == [(SCHEMA_VERSION,)]
    assert before.pop("meta") == [(version,)]
    assert [after.pop(name) for name in NEW_TABLES] == [[]] * len(NEW_TABLES)
    assert after == before
    assert {name: list(store.rows("by-hand", name)) for name in ROWS} == ROWS


def test_upgrade_when_done_then_live_books_can_be_kept(store):
    store.upgrade()
    monday = date(2024, 6, 3)
    at = datetime(2024, 6, 3, 14, tzinfo=UTC)
    live = store.trading
    assert live.acquire("by-hand", Lease(owner="me", session=monday, until=at), now=at)
    assert live.once("by-hand", monday, "entries", b"\0first") == b"\0first"
    notice = Notice(key="k", severity="alarm", title="t", text="x", book_id="by-hand", session=monday, at=at)
    entry = JournalEntry(at=at, kind="sent", subject="o", detail="{}")
    exits = [(20240603, 0, "p", "stop_loss", 10, 20, 1)]
    written = live.save(
        "by-hand", owner="me", version=0, document="{}", rows={"exits": exits}, journal=[entry], notices=[notice]
    )
    assert written
    assert live.lease_notice("by-hand", "k", "mail", 60)
    assert (live.outbox(), live.journal("by-hand", monday), live.rows("by-hand", "exits")) == ([notice], [entry], exits)
    assert {name: list(store.rows("by-hand", name)) for name in ROWS} == ROWS  # the backtest of that name has its own


def test_upgrade_when_done_then_the_book_can_be_resumed(store):
    store.upgrade()
    claim = store.claim("by-hand", owner="me", identity="i", documents={}, lease_seconds=60)
    assert (claim.kind, claim.epoch, claim.info.documents["plan"]) == ("resume", 4, '{"☃": 1}')
    assert store.reply("by-hand", "asked") == b"\0reply"
    assert store.checkpoint("by-hand", "trade").state == bytes(range(256))
    key = BlockKey(phase="trade", unit="", first=S4 + 1)
    fill = (S4 + 1, 0, "p", "open", "c", 1, 2, 3, None, None, None, 0, -200, "opra", 1)
    assert store.commit("by-hand", 4, key, last=S4 + 1, parent="d" * 64, state=b"", rows={"fills": [fill]}, tip=True)
    assert store.rows("by-hand", "fills", S4 + 1) == [fill]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_upgrade_when_compared_with_a_new_database_then_the_same_tables(store, url, request, tmp_path):
    store.upgrade()
    if url.startswith("sqlite"):
        new = SqlStore(url=f"sqlite:///{tmp_path / 'new.db'}")
    else:
        new = SqlStore(url=request.getfixturevalue("postgres_database")())
    new.books()
    assert old_store.shape(url) == old_store.shape(new.url)
    engine = old_store.engine_of(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    engine.dispose()
    new.close()


def test_upgrade_when_repeated_or_new_then_nothing_to_do(store, url, tmp_path):
    store.upgrade()
    before = old_store.contents(url), old_store.shape(url)
    assert store.upgrade() == SchemaChange(before=SCHEMA_VERSION, after=SCHEMA_VERSION)
    assert (old_store.contents(url), old_store.shape(url)) == before
    new = SqlStore(url=f"sqlite:///{tmp_path / 'new.db'}")
    assert new.upgrade() == SchemaChange(before=SCHEMA_VERSION, after=SCHEMA_VERSION)
    assert new.books() == []
    new.close()


def test_upgrade_when_in_memory_then_books_stay(request):
    store = SqlStore(url="sqlite://", name=request.node.nodeid)
    store.claim("book", owner="me", identity="i", documents={}, lease_seconds=60)
    assert store.upgrade() == SchemaChange(before=SCHEMA_VERSION, after=SCHEMA_VERSION)
    assert store.book("book").epoch == 1


def test_upgrade_when_a_book_is_running_then_refused_and_unchanged(new_url):
    old_store.make(new_url, 1, lease_seconds=3600)
    before = old_store.contents(new_url), old_store.shape(new_url)
    with pytest.raises(AlreadyRunning, match="'by-hand' is being run by 'somebody'"):
        SqlStore(url=new_url).upgrade()
    assert (old_store.contents(new_url), old_store.shape(new_url)) == before


def test_upgrade_when_a_live_book_is_being_moved_then_refused(new_url, monkeypatch):
    store = SqlStore(url=new_url)
    now = datetime.now(UTC)
    lease = Lease(owner="a guardian", session=now.date(), until=now + timedelta(hours=1))
    store.trading.acquire("paper.dips", lease, now=now)
    steps = []
    monkeypatch.setattr(migrations, "STEPS", {**migrations.STEPS, SCHEMA_VERSION + 1: steps.append})
    monkeypatch.setattr("optarb.stores._upgrade.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(AlreadyRunning, match=r"'paper.dips' is being moved by 'a guardian'"):
        store.upgrade()
    assert steps == []
    monkeypatch.undo()
    store.trading.release("paper.dips", "a guardian")
    monkeypatch.setattr(migrations, "STEPS", {**migrations.STEPS, SCHEMA_VERSION + 1: steps.append})
    monkeypatch.setattr("optarb.stores._upgrade.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert store.upgrade() == SchemaChange(before=SCHEMA_VERSION, after=SCHEMA_VERSION + 1)
    assert len(steps) == 1


def test_upgrade_when_tables_are_newer_then_error_says_update(store, url):
    engine = old_store.engine_of(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET schema_version = 99")
    engine.dispose()
    with pytest.raises(SchemaMismatch, match=r"version 99.*update optarb"):
        store.upgrade()


def test_upgrade_when_a_step_fails_then_still_the_old_version(store, url, monkeypatch):
    before = old_store.contents(url), old_store.shape(url)

    def failing(op):
        migrations.to_version_2.upgrade(op)
        raise ZeroDivisionError

    monkeypatch.setattr(migrations, "STEPS", {2: failing})
    with pytest.raises(ZeroDivisionError):
        store.upgrade()
    assert (old_store.contents(url), old_store.shape(url)) == before
    monkeypatch.undo()
    assert store.upgrade().before == 1


def test_upgrade_when_a_later_step_fails_then_none_is_taken(store, url, monkeypatch):
    before = old_store.contents(url), old_store.shape(url)

    def failing(op):
        raise ZeroDivisionError

    monkeypatch.setattr(migrations, "STEPS", {**migrations.STEPS, SCHEMA_VERSION + 1: failing})
    monkeypatch.setattr("optarb.stores._upgrade.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    with pytest.raises(ZeroDivisionError):
        store.upgrade()
    assert (old_store.contents(url), old_store.shape(url)) == before


KILLED = """
import os, sys
from optarb.stores import SqlStore, migrations

def killed(op):
    migrations.to_version_2.upgrade(op)
    os._exit(9)

migrations.STEPS = {2: killed}
SqlStore(url=sys.argv[1]).upgrade()
"""


def test_upgrade_when_its_process_is_killed_then_still_the_old_version(store, url):
    before = old_store.contents(url), old_store.shape(url)
    ended = subprocess.run([sys.executable, "-c", KILLED, url], capture_output=True, text=True, check=False)
    assert ended.returncode == 9, ended.stderr
    assert (old_store.contents(url), old_store.shape(url)) == before
    assert store.upgrade() == SchemaChange(before=1, after=SCHEMA_VERSION)
    assert list(store.rows("by-hand", "fills")) == ROWS["fills"]


def test_upgrade_when_called_at_once_then_one_does_it(url):
    stores = [SqlStore(url=url, timeout_seconds=60 + number) for number in range(3)]
    with ThreadPoolExecutor(3) as pool:
        changes = sorted(change.before for change in pool.map(SqlStore.upgrade, stores))
    assert changes == [1, SCHEMA_VERSION, SCHEMA_VERSION]
    assert list(stores[0].rows("by-hand", "fills")) == ROWS["fills"]
    for store in stores:
        store.close()


def test_upgrade_when_a_value_does_not_fit_the_strict_table_then_error_and_unchanged(tmp_path):
    url = f"sqlite:///{tmp_path / 'books.db'}"
    old_store.make(url, 1)
    engine = old_store.engine_of(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE marks SET mark = 'a lot' WHERE seq = 0")
    engine.dispose()
    before = old_store.contents(url), old_store.shape(url)
    with pytest.raises(StoreError, match="cannot store TEXT value in INTEGER column"):
        SqlStore(url=url).upgrade()
    assert (old_store.contents(url), old_store.shape(url)) == before
