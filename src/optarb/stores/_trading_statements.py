"""Statements on the tables of live books, compiled once for a dialect."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from optarb.stores._schema import (
    Statement,
    compiled,
    dialect_of,
    ledger,
    live_books,
    live_decisions,
    live_deliveries,
    live_journal,
    live_notices,
    simulated_accounts,
)

__all__ = ["TradingStatements", "trading_statements_for"]

_BOOK: Final[sa.BindParameter[Any]] = sa.bindparam("book_id")
_KEY: Final[sa.BindParameter[Any]] = sa.bindparam("key")
_SESSION: Final[sa.BindParameter[Any]] = sa.bindparam("session")
_NOTIFIER: Final[sa.BindParameter[Any]] = sa.bindparam("notifier")


class TradingStatements:
    """Every statement that the store of live books runs, for one dialect."""

    def __init__(self, dialect: Dialect, insert: Callable[[sa.Table], Any]) -> None:
        self._dialect = dialect
        self._insert = insert  # each dialect brings its own, with "on conflict"
        self._of_books()
        self._of_sessions()
        self._of_notices()
        self._of_accounts()
        self.next_seq = {name: self._next_seq(table) for name, table in ledger.items()}

    def _compile(self, statement: sa.ClauseElement) -> Statement:
        return compiled(statement, self._dialect)

    def _of_books(self) -> None:
        columns, this = live_books.c, live_books.c.book_id == _BOOK
        self.create_book = self._compile(
            self._insert(live_books)
            .values(book_id=_BOOK, version=0, document="", halted=0, flatten=0, reason="")
            .on_conflict_do_nothing()
        )
        self.list_books = self._compile(sa.select(columns.book_id))
        lease = (columns.owner, columns.session, columns.lease_until)
        self.read_book = self._compile(sa.select(columns.version, columns.document, *lease).where(this))
        self.lock_book = self._compile(sa.select(columns.version, *lease).where(this).with_for_update())
        self.write_lease = self._compile(
            sa.update(live_books)
            .where(this)
            .values(owner=sa.bindparam("new_owner"), session=sa.bindparam("new_session"), lease_until=sa.bindparam("until"))
        )
        self.release = self._compile(
            sa.update(live_books)
            .where(this, columns.owner == sa.bindparam("holder"))
            .values(owner=None, session=None, lease_until=None)
        )
        self.write_document = self._compile(
            sa.update(live_books).where(this).values(version=sa.bindparam("new_version"), document=sa.bindparam("new_document"))
        )
        controls = ("halted", "flatten", "reason", "changed_at")
        self.read_controls = self._compile(sa.select(*(columns[name] for name in controls)).where(this))
        self.write_controls = self._compile(
            sa.update(live_books).where(this).values({name: sa.bindparam(f"new_{name}") for name in controls})
        )

    def _of_sessions(self) -> None:
        columns = live_decisions.c
        step = (columns.book_id == _BOOK, columns.session == _SESSION, columns.step == sa.bindparam("step"))
        self.create_decision = self._compile(self._insert(live_decisions).on_conflict_do_nothing())
        self.read_decision = self._compile(sa.select(columns.body).where(*step))
        self.next_entry = self._next_seq(live_journal)
        self.create_entry = self._compile(sa.insert(live_journal))
        entry = (live_journal.c[name] for name in ("at", "kind", "subject", "detail"))
        self.read_journal = self._compile(
            sa.select(*entry)
            .where(live_journal.c.book_id == _BOOK, live_journal.c.session == _SESSION)
            .order_by(live_journal.c.seq)
        )

    def _of_accounts(self) -> None:
        columns, this = simulated_accounts.c, simulated_accounts.c.name == sa.bindparam("name")
        self.read_account = self._compile(sa.select(columns.version, columns.document).where(this))
        self.create_account = self._compile(
            self._insert(simulated_accounts)
            .values(name=sa.bindparam("name"), version=1, document=sa.bindparam("document"))
            .on_conflict_do_nothing()
        )
        self.write_account = self._compile(
            sa.update(simulated_accounts)
            .where(this, columns.version == sa.bindparam("old_version"))
            .values(version=sa.bindparam("new_version"), document=sa.bindparam("new_document"))
        )

    def _of_notices(self) -> None:
        columns = live_notices.c
        names = ("book_id", "key", "session", "severity", "title", "text", "at")
        # Notices are never deleted, so that their number is the next one's.
        self.count_notices = self._compile(sa.select(sa.func.count()).select_from(live_notices).where(columns.book_id == _BOOK))
        self.create_notice = self._compile(self._insert(live_notices).on_conflict_do_nothing())
        waiting = (
            sa.select(*(columns[name] for name in names))
            .where(columns.settled == 0)
            .order_by(columns.at, columns.book_id, columns.seq)
            .limit(sa.bindparam("limit"))
        )
        self.read_outbox = self._compile(waiting)
        done = sa.exists().where(
            live_deliveries.c.book_id == columns.book_id,
            live_deliveries.c.key == columns.key,
            live_deliveries.c.notifier == _NOTIFIER,
            live_deliveries.c.delivered == 1,
        )
        self.read_queue = self._compile(waiting.where(~done))
        self.settle = self._compile(
            sa.update(live_notices).where(columns.book_id == _BOOK, columns.key == sa.bindparam("this_key")).values(settled=1)
        )
        place = [live_deliveries.c.book_id, live_deliveries.c.key, live_deliveries.c.notifier]
        values = {"book_id": _BOOK, "key": _KEY, "notifier": _NOTIFIER}
        lease = self._insert(live_deliveries).values(**values, lease_until=sa.bindparam("until"), delivered=0)
        self.lease_notice = self._compile(
            lease.on_conflict_do_update(
                index_elements=place,
                set_={"lease_until": lease.excluded.lease_until},
                where=sa.and_(live_deliveries.c.delivered == 0, live_deliveries.c.lease_until <= sa.bindparam("now")),
            )
        )
        delivery = self._insert(live_deliveries).values(**values, lease_until=0, delivered=1)
        self.write_delivery = self._compile(delivery.on_conflict_do_update(index_elements=place, set_={"delivered": 1}))

    def _next_seq(self, table: sa.Table) -> Statement:
        following = sa.func.coalesce(sa.func.max(table.c.seq) + 1, 0)
        return self._compile(sa.select(following).where(table.c.book_id == _BOOK, table.c.session == _SESSION))


@functools.cache
def trading_statements_for(backend: str) -> TradingStatements:
    """Returns the statements for a kind of database, compiled once in a process.

    Args:
        backend: ``"sqlite"`` or ``"postgresql"``.
    """
    return TradingStatements(*dialect_of(backend))
