"""Tables of a store, and the statements on them, compiled once for a dialect.

Statements are built with SQLAlchemy and run through the driver as they are: compiling one costs more than running it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import Dialect

from optarb.ledger.rows import TABLES

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

__all__ = [
    "METADATA",
    "SCHEMA_VERSION",
    "Statement",
    "Statements",
    "books",
    "compiled",
    "dialect_of",
    "ledger",
    "live_books",
    "live_decisions",
    "live_deliveries",
    "live_journal",
    "live_notices",
    "meta",
    "simulated_accounts",
    "statements_for",
]

SCHEMA_VERSION: Final = 4
"""Goes up with every change of a table, together with a step in :mod:`optarb.stores.migrations`."""

METADATA: Final = sa.MetaData()
# SQLite's strict tables refuse values of another type, as PostgreSQL does, and know these few names of types only.
_INT: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_REAL: Final[sa.Double[float]] = sa.Double().with_variant(sa.REAL(), "sqlite")
_KINDS: Final[Mapping[str, Any]] = {"int": _INT, "text": sa.Text, "real": _REAL}

# Instants are whole microseconds since 1970 UTC: they compare alike in every database.
meta = sa.Table("meta", METADATA, sa.Column("schema_version", sa.Integer, nullable=False), sqlite_strict=True)
books = sa.Table(
    "books",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("epoch", _INT, nullable=False),
    sa.Column("lease_until", _INT),
    sa.Column("created_at", _INT, nullable=False),
    sa.Column("updated_at", _INT, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("cancel_requested", sa.Integer, nullable=False),
    sqlite_strict=True,
)
documents = sa.Table(
    "documents",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("document", sa.Text, nullable=False),
    sqlite_strict=True,
)
blocks = sa.Table(
    "blocks",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("phase", sa.Text, primary_key=True),
    # Before the unit: the newest checkpoint of a phase is then the end of the index.
    sa.Column("first", _INT, primary_key=True, autoincrement=False),
    sa.Column("unit", sa.Text, primary_key=True),
    sa.Column("last", _INT, nullable=False),
    sa.Column("parent", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("state", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
)
replies = sa.Table(
    "replies",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("reply", sa.LargeBinary),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", _INT),
    sqlite_strict=True,
)
live_books = sa.Table(
    "live_books",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("version", _INT, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    # The lease: all three, or none.
    sa.Column("owner", sa.Text),
    sa.Column("session", _INT),
    sa.Column("lease_until", _INT),
    # The controls.
    sa.Column("halted", sa.Integer, nullable=False),
    sa.Column("flatten", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("changed_at", _INT),
    sqlite_strict=True,
)
live_decisions = sa.Table(
    "live_decisions",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("session", _INT, primary_key=True, autoincrement=False),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sqlite_strict=True,
)
live_journal = sa.Table(
    "live_journal",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("session", _INT, primary_key=True, autoincrement=False),
    sa.Column("seq", _INT, primary_key=True, autoincrement=False),
    sa.Column("at", _INT, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
live_notices = sa.Table(
    "live_notices",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("seq", _INT, nullable=False),
    sa.Column("at", _INT, nullable=False),
    sa.Column("session", _INT, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("settled", sa.Integer, nullable=False),
    # Notices are kept for ever, so that a key is used once; the outbox must not read them all.
    sa.Index("live_notices_waiting", "settled", "at"),
    sqlite_strict=True,
)
live_deliveries = sa.Table(
    "live_deliveries",
    METADATA,
    sa.Column("book_id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("notifier", sa.Text, primary_key=True),
    sa.Column("lease_until", _INT, nullable=False),
    sa.Column("delivered", sa.Integer, nullable=False),
    sqlite_strict=True,
)

simulated_accounts = sa.Table(
    "simulated_accounts",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", _INT, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
    sqlite_strict=True,
)


def _ledger_table(name: str) -> sa.Table:
    return sa.Table(
        name,
        METADATA,
        sa.Column("book_id", sa.Text, primary_key=True),
        *(
            sa.Column(
                column.name,
                _KINDS[column.kind],
                primary_key=column.name in {"session", "seq"},
                autoincrement=False,
                nullable=column.nullable,
            )
            for column in TABLES[name].columns
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,  # rows lie in the order of their key: one tree to write instead of two
    )


ledger: Final[Mapping[str, sa.Table]] = MappingProxyType({name: _ledger_table(name) for name in TABLES})


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with positional parameters, and which value goes where."""

    text: str
    """The SQL."""
    names: Sequence[str]
    """Names of the values by position."""
    constants: Mapping[str, Any]
    """Values that stand in the statement itself."""

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Puts named values into the order of the positions."""
        constants = self.constants
        return tuple(values[name] if name in values else constants[name] for name in self.names)


def compiled(statement: sa.ClauseElement, dialect: Dialect) -> Statement:
    """Compiles a statement for a dialect with positional parameters."""
    text = cast("SQLCompiler", statement.compile(dialect=dialect))
    names: Sequence[str] = text.positiontup or ()
    constants = {name: bind.value for name, bind in text.binds.items() if not bind.required}
    return Statement(str(text), tuple(names), MappingProxyType(constants))


def _value(name: str) -> sa.BindParameter[Any]:
    return sa.bindparam(name)


class Statements:
    """Every statement the store runs, for one dialect."""

    def __init__(self, dialect: Dialect, insert: Callable[[sa.Table], Any]) -> None:
        self._dialect = dialect
        self._insert = insert  # SQL's standard has no "on conflict": each dialect brings its own insert
        self._of_books()
        self._of_blocks()
        self._of_replies()
        self.write_rows = {name: self._write_rows(table) for name, table in ledger.items()}
        self.select_rows = {name: self._select_rows(table) for name, table in ledger.items()}
        self.delete_rows = [
            self._compile(sa.delete(table).where(table.c.book_id == _value("book_id")))
            for table in (*ledger.values(), blocks, documents, replies)
        ]

    def _compile(self, statement: sa.ClauseElement) -> Statement:
        return compiled(statement, self._dialect)

    def _of_books(self) -> None:
        this = books.c.book_id == _value("book_id")
        self.read_book = self._compile(sa.select(books).where(this))
        self.lock_book = self._compile(sa.select(books).where(this).with_for_update())
        self.lock_epoch = self._compile(sa.select(books.c.epoch).where(this).with_for_update())
        self.read_books = self._compile(sa.select(books).order_by(books.c.created_at.desc(), books.c.book_id))
        self.create_book = self._compile(self._insert(books).on_conflict_do_nothing())
        taken = ("status", "owner", "epoch", "lease_until", "created_at", "updated_at", "identity", "error")
        self.take_book = self._compile(
            sa.update(books).where(this).values(cancel_requested=0, **{name: _value(f"new_{name}") for name in taken})
        )
        self.touch_book = self._compile(sa.update(books).where(this).values(updated_at=_value("now")))
        self.renew_lease = self._compile(
            sa.update(books)
            .where(this, books.c.status == "running")
            .values(lease_until=_value("until"), updated_at=_value("now"))
        )
        self.read_cancel = self._compile(sa.select(books.c.cancel_requested).where(this))
        self.request_cancel = self._compile(sa.update(books).where(this).values(cancel_requested=1, updated_at=_value("now")))
        self.finish_book = self._compile(
            sa.update(books)
            .where(this, books.c.status == "running")
            .values(status=_value("new_status"), error=_value("new_error"), lease_until=None, updated_at=_value("now"))
        )
        self.read_documents = self._compile(
            sa.select(documents.c.name, documents.c.document)
            .where(documents.c.book_id == _value("book_id"))
            .order_by(documents.c.name)
        )
        document = self._insert(documents)
        self.write_document = self._compile(
            document.on_conflict_do_update(
                index_elements=[documents.c.book_id, documents.c.name], set_={"document": document.excluded.document}
            )
        )

    def _of_blocks(self) -> None:
        phase = (blocks.c.book_id == _value("book_id"), blocks.c.phase == _value("phase"))
        wanted = sa.select(*(blocks.c[name] for name in ("unit", "first", "last", "parent", "digest", "state")))
        newest = (blocks.c.first.desc(), blocks.c.unit.desc())
        self.read_tip = self._compile(sa.select(blocks.c.digest).where(*phase).order_by(*newest).limit(1))
        self.read_checkpoint = self._compile(wanted.where(*phase).order_by(*newest).limit(1))
        self.read_checkpoints = self._compile(wanted.where(*phase).order_by(blocks.c.unit, blocks.c.first))
        self.read_done = self._compile(sa.select(blocks.c.unit, blocks.c.first).where(*phase))
        self.create_block = self._compile(self._insert(blocks).on_conflict_do_nothing())

    def _of_replies(self) -> None:
        this = (replies.c.book_id == _value("book_id"), replies.c.key == _value("key"))
        where = [replies.c.book_id, replies.c.key]
        self.read_reply = self._compile(sa.select(replies.c.reply).where(*this))
        lease = self._insert(replies).values(
            book_id=_value("book_id"), key=_value("key"), owner=_value("owner"), lease_until=_value("until")
        )
        self.lease_reply = self._compile(
            lease.on_conflict_do_update(
                index_elements=where,
                set_={"owner": lease.excluded.owner, "lease_until": lease.excluded.lease_until},
                where=sa.and_(
                    replies.c.reply.is_(None),
                    sa.or_(replies.c.lease_until <= _value("now"), replies.c.owner == lease.excluded.owner),
                ),
            )
        )
        answer = self._insert(replies).values(book_id=_value("book_id"), key=_value("key"), reply=_value("reply"))
        self.write_reply = self._compile(
            answer.on_conflict_do_update(
                index_elements=where, set_={"reply": answer.excluded.reply}, where=replies.c.reply.is_(None)
            )
        )
        self.forget_leases = self._compile(
            sa.delete(replies).where(replies.c.book_id == _value("book_id"), replies.c.reply.is_(None))
        )

    def _write_rows(self, table: sa.Table) -> str:
        if self._dialect.name == "postgresql":
            return f"COPY {table.name} ({', '.join(table.c.keys())}) FROM STDIN"
        return self._compile(sa.insert(table)).text

    def _select_rows(self, table: sa.Table) -> Statement:
        columns = [column for column in table.c if column.name != "book_id"]
        return self._compile(
            sa.select(*columns)
            .where(table.c.book_id == _value("book_id"), table.c.session.between(_value("first"), _value("last")))
            .order_by(table.c.session, table.c.seq)
        )


def dialect_of(backend: str) -> tuple[Dialect, Callable[[sa.Table], Any]]:
    """Returns a dialect with positional parameters, and its insert, which knows ``on conflict``.

    Args:
        backend: ``"sqlite"`` or ``"postgresql"``.
    """
    # Either dialect takes a while to import; only one is needed.
    if backend == "postgresql":
        from sqlalchemy.dialects import postgresql
        from sqlalchemy.dialects.postgresql import psycopg

        return psycopg.dialect(paramstyle="format"), postgresql.insert  # type: ignore[no-untyped-call]
    from sqlalchemy.dialects import sqlite

    return sqlite.dialect(paramstyle="qmark"), sqlite.insert


@functools.cache
def statements_for(backend: str) -> Statements:
    """Returns the statements for a kind of database, compiled once in a process.

    Args:
        backend: ``"sqlite"`` or ``"postgresql"``.
    """
    return Statements(*dialect_of(backend))
