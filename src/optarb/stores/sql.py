"""Books in a database: an SQLite file, SQLite in memory, or PostgreSQL."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from optarb import _connections
from optarb.errors import BookNotFound, ConfigurationError, StoreError, Superseded, UnknownName
from optarb.ledger.rows import TABLES, Row, Rows
from optarb.protocols.stores import BlockKey, BookInfo, BookStatus, Checkpoint, Claim, checkpoint_digest
from optarb.stores._claims import judge_claim, refuse_live_id
from optarb.stores._instants import instant, micros, now_micros, span_micros
from optarb.stores._ownership import is_outlived, is_running
from optarb.stores.schema_change import SchemaChange

if TYPE_CHECKING:
    from optarb.stores._addresses import Address
    from optarb.stores._database import Database, Transaction
    from optarb.stores.sql_trading import SqlTradingStore

__all__ = ["SqlStore"]

_LAST_SESSION: Final = 99_991_231


@dataclass(frozen=True, kw_only=True, repr=False)
class SqlStore:
    """Keeps books in a database.

    Building one opens nothing. A process opens the database once, at its first use, for all equal stores.
    """

    url: str = "sqlite:///optarb.db"
    """``sqlite:///path`` for a file (created if its folder exists), ``sqlite://`` for books that live and end with this
    process, ``postgresql://user@host/database`` for PostgreSQL (extra ``postgres``). Leave the password to
    ``PGPASSWORD`` or ``~/.pgpass``; one in the address is kept out of ``repr``, logs and errors."""
    name: str = ""
    """Tells several stores in memory apart; equal names share their books. Without meaning for other stores."""
    timeout_seconds: float = 30.0
    """How long a call waits for a lock before :class:`~optarb.errors.StoreUnavailable`, and for a PostgreSQL server to answer
    (a second at least); >= 0."""
    synchronous: Literal["normal", "full"] = "normal"
    """When SQLite waits for the disk. ``normal`` survives every crash of a process; a power cut may take the last
    commits, never the file's order, and a backtest computes them again. ``full`` survives the power cut too, and waits
    for the disk at every commit."""

    def __post_init__(self) -> None:
        """Checks the parameters."""
        if not str(self.url).startswith(("sqlite", "postgres")):
            raise ConfigurationError("the url of a store must begin with sqlite: or postgresql:, as in sqlite:///optarb.db")
        if not (math.isfinite(self.timeout_seconds) and self.timeout_seconds >= 0):
            raise ConfigurationError(f"timeout_seconds must be finite and >= 0, got {self.timeout_seconds!r}")
        if self.synchronous not in {"normal", "full"}:
            raise ConfigurationError(f"synchronous must be 'normal' or 'full', got {self.synchronous!r}")

    def __repr__(self) -> str:
        """Shows the address without its password."""
        return f"SqlStore(url={self._address.shown!r})"

    @property
    def is_shared(self) -> bool:
        """Whether other processes see the books: False in memory."""
        return not self._address.in_memory

    def claim(
        self,
        book_id: str,
        *,
        owner: str,
        identity: str,
        documents: Mapping[str, str],
        lease_seconds: float,
        replace: bool = False,
    ) -> Claim:
        """Takes a book for one owner, see :meth:`optarb.protocols.BacktestStore.claim`."""
        refuse_live_id(book_id)
        now = now_micros()
        until = now + span_micros(lease_seconds)
        fresh: dict[str, Any] = {
            "status": "running",
            "owner": owner,
            "epoch": 1,
            "lease_until": until,
            "created_at": now,
        }
        fresh |= {"updated_at": now, "identity": identity, "error": None}
        database = self._database()
        sql = database.statements
        with database.writing() as transaction:
            # Trying to create it comes first: whoever claims the same new book at this moment then waits.
            if transaction.run(sql.create_book, book_id=book_id, cancel_requested=0, **fresh):
                _write_documents(transaction, database, book_id, documents)
                return Claim(kind="new", epoch=1, info=_read_book(transaction, database, book_id))
            book = _info(transaction.first(sql.lock_book, book_id=book_id) or ())
            if is_outlived(owner, book.owner):
                raise Superseded(f"book {book_id!r} was claimed by a newer run of the same workflow; this run must stop")
            leased = book.lease_until is not None and book.lease_until > instant(now)
            running = is_running(book.owner, claimant=owner, leased=leased)
            verdict = judge_claim(book, owner=owner, identity=identity, replace=replace, running=running)
            if verdict == "mine":
                transaction.run(sql.renew_lease, book_id=book_id, until=until, now=now)
            elif verdict == "resume":
                # Who waited for these replies is fenced off; nobody else should wait for them.
                transaction.run(sql.forget_leases, book_id=book_id)
                _take(transaction, database, book, fresh | {"created_at": micros(book.created_at)})
            elif verdict == "replace":
                for statement in sql.delete_rows:
                    transaction.run(statement, book_id=book_id)
                _write_documents(transaction, database, book_id, documents)
                _take(transaction, database, book, fresh)
            info = _read_book(transaction, database, book_id)
        return Claim(kind="new" if verdict == "replace" else verdict, epoch=info.epoch, info=info)

    def renew(self, book_id: str, epoch: int, lease_seconds: float) -> bool:
        """Prolongs the lease and tells whether the run was asked to stop."""
        database = self._database()
        sql = database.statements
        now = now_micros()
        with database.writing() as transaction:
            _fence(transaction, database, book_id, epoch)
            transaction.run(sql.renew_lease, book_id=book_id, until=now + span_micros(lease_seconds), now=now)
            row = transaction.first(sql.read_cancel, book_id=book_id)
        return row is not None and bool(row[0])

    def commit(
        self,
        book_id: str,
        epoch: int,
        key: BlockKey,
        *,
        last: int,
        parent: str,
        state: bytes,
        rows: Rows,
        tip: bool = False,
    ) -> bool:
        """Writes a block's rows and its checkpoint together, see :meth:`optarb.protocols.BacktestStore.commit`."""
        # Made before the transaction: what the rows cost to produce must not be paid while others wait for the lock.
        tables = {known_table(table): [(book_id, *row) for row in values] for table, values in rows.items()}
        block: dict[str, object] = {"phase": key.phase, "unit": key.unit, "first": key.first, "last": last}
        block |= {"parent": parent, "state": state, "digest": checkpoint_digest(parent, state)}
        database = self._database()
        sql = database.statements
        with database.writing() as transaction:
            _fence(transaction, database, book_id, epoch)
            if tip:
                newest = transaction.first(sql.read_tip, book_id=book_id, phase=key.phase)
                if parent != ("" if newest is None else newest[0]):
                    return False
            if not transaction.run(sql.create_block, book_id=book_id, **block):
                return False
            for table, values in tables.items():
                if values:
                    transaction.write_rows(sql.write_rows[table], values)
            transaction.run(sql.touch_book, book_id=book_id, now=now_micros())
        return True

    def checkpoint(self, book_id: str, phase: str) -> Checkpoint | None:
        """Returns the newest checkpoint of a phase, or None."""
        database = self._database()
        with database.reading() as transaction:
            row = transaction.first(database.statements.read_checkpoint, book_id=book_id, phase=phase)
        return None if row is None else _checkpoint(phase, row)

    def checkpoints(self, book_id: str, phase: str) -> Sequence[Checkpoint]:
        """Returns every checkpoint of a phase, ordered by unit and first session."""
        database = self._database()
        with database.reading() as transaction:
            rows = transaction.all(database.statements.read_checkpoints, book_id=book_id, phase=phase)
        rows.sort(key=lambda row: (row[0], row[1]))  # a database may order text by the rules of some language
        return [_checkpoint(phase, row) for row in rows]

    def done(self, book_id: str, phase: str) -> frozenset[tuple[str, int]]:
        """Returns ``(unit, first)`` of every committed block of a phase."""
        database = self._database()
        with database.reading() as transaction:
            rows = transaction.all(database.statements.read_done, book_id=book_id, phase=phase)
        return frozenset((unit, first) for unit, first in rows)

    def rows(self, book_id: str, table: str, first: int | None = None, last: int | None = None) -> Sequence[Row]:
        """Returns rows of a table in the order of session and seq, as plain tuples.

        Raises:
            UnknownName: There is no such table.
        """
        database = self._database()
        statement = database.statements.select_rows[known_table(table)]
        first = 0 if first is None else first
        last = _LAST_SESSION if last is None else last
        with database.reading() as transaction:
            return transaction.all(statement, book_id=book_id, first=first, last=last)

    def write_document(self, book_id: str, epoch: int, name: str, document: str) -> None:
        """Stores a JSON document of the book, replacing one of the same name."""
        database = self._database()
        with database.writing() as transaction:
            _fence(transaction, database, book_id, epoch)
            _write_documents(transaction, database, book_id, {name: document})
            transaction.run(database.statements.touch_book, book_id=book_id, now=now_micros())

    def finish(self, book_id: str, epoch: int, status: BookStatus, *, error: str | None = None) -> None:
        """Ends the run with a status and releases the lease; a book that ended already stays as it is.

        Raises:
            Superseded: The epoch is not the newest.
            StoreError: The status is ``"running"``, which ends nothing.
        """
        if status == "running":
            raise StoreError("a run cannot finish as 'running'; use 'finished', 'cancelled' or 'failed'")
        database = self._database()
        with database.writing() as transaction:
            _fence(transaction, database, book_id, epoch)
            transaction.run(
                database.statements.finish_book, book_id=book_id, new_status=status, new_error=error, now=now_micros()
            )

    def request_cancel(self, book_id: str) -> None:
        """Asks the run of a book to stop; :meth:`renew` tells it."""
        database = self._database()
        with database.writing() as transaction:
            if not transaction.run(database.statements.request_cancel, book_id=book_id, now=now_micros()):
                raise _not_found(book_id)

    def book(self, book_id: str) -> BookInfo:
        """Returns what is known of a book."""
        database = self._database()
        with database.reading() as transaction:
            return _read_book(transaction, database, book_id)

    def books(self) -> Sequence[BookInfo]:
        """Returns every book, newest first, without documents."""
        database = self._database()
        with database.reading() as transaction:
            return [_info(row) for row in transaction.all(database.statements.read_books)]

    def reply(self, book_id: str, key: str) -> bytes | None:
        """Returns the stored reply of an outside call, or None."""
        database = self._database()
        with database.reading() as transaction:
            row = transaction.first(database.statements.read_reply, book_id=book_id, key=key)
        return None if row is None or row[0] is None else bytes(row[0])

    def lease_reply(self, book_id: str, key: str, owner: str, lease_seconds: float) -> bool:
        """Takes the right to make an outside call; False while another owner holds it or a reply is stored."""
        database = self._database()
        now = now_micros()
        with database.writing() as transaction:
            taken = transaction.run(
                database.statements.lease_reply,
                book_id=book_id,
                key=key,
                owner=owner,
                until=now + span_micros(lease_seconds),
                now=now,
            )
        return taken > 0

    def write_reply(self, book_id: str, epoch: int, key: str, reply: bytes) -> bytes:
        """Stores the reply of an outside call unless one is stored, and returns the one that is stored."""
        database = self._database()
        sql = database.statements
        with database.writing() as transaction:
            _fence(transaction, database, book_id, epoch)
            if transaction.run(sql.write_reply, book_id=book_id, key=key, reply=reply):
                transaction.run(sql.touch_book, book_id=book_id, now=now_micros())
                return reply
            row = transaction.first(sql.read_reply, book_id=book_id, key=key)
        return reply if row is None else bytes(row[0])

    @property
    def trading(self) -> SqlTradingStore:
        """Live books in the same database. There, SQLite waits for the disk at every commit, whatever ``synchronous`` says."""
        from optarb.stores.sql_trading import SqlTradingStore

        return SqlTradingStore(books=dataclasses.replace(self, synchronous="full"))

    def close(self) -> None:
        """Closes this process's connections; the next call opens them again. Books in memory stay."""
        if self.is_shared:
            for synchronous in {self.synchronous, "full"}:  # those of the live books too
                _connections.close(self._key(self._address, synchronous))

    def upgrade(self) -> SchemaChange:
        """Brings the tables of the database to this version of optarb: all of them or, if anything fails, none.

        Every stored book stays as it is. A store that is new or up to date is left alone. Make a copy of the database first:
        there is no way back.

        Returns:
            The versions before and after.

        Raises:
            AlreadyRunning: A book of the store is being run.
            SchemaMismatch: A newer optarb made the tables.
        """
        from optarb.stores._upgrade import upgrade_database

        self.close()
        return upgrade_database(self._address, timeout_seconds=self.timeout_seconds, synchronous=self.synchronous)

    @property
    def _address(self) -> Address:
        from optarb.stores._addresses import address_of

        return address_of(self.url)

    def _key(self, address: Address, synchronous: str) -> tuple[object, ...]:
        if address.in_memory:
            return (SqlStore, "memory", self.name)
        return (SqlStore, address.url, self.timeout_seconds, synchronous)

    def _database(self) -> Database:
        from optarb.stores._opening import open_database

        address = self._address
        return _connections.opened(
            self._key(address, self.synchronous),
            lambda: open_database(address, timeout_seconds=self.timeout_seconds, synchronous=self.synchronous),
        )


def known_table(name: str) -> str:
    if name not in TABLES:
        raise UnknownName.of("table", name, TABLES)
    return name


def _not_found(book_id: str) -> BookNotFound:
    return BookNotFound(f"no book {book_id!r} in this store; books() lists those that are")


def _fence(transaction: Transaction, database: Database, book_id: str, epoch: int) -> None:
    """Refuses a writer whose claim is not the newest; within the transaction, so that no claim can come in between."""
    row = transaction.first(database.statements.lock_epoch, book_id=book_id)
    if row is None:
        raise _not_found(book_id)
    if row[0] != epoch:
        raise Superseded(
            f"book {book_id!r} was claimed anew (epoch {row[0]}, this run holds {epoch}); this run must stop, "
            "the newer one goes on"
        )


def _take(transaction: Transaction, database: Database, book: BookInfo, fields: Mapping[str, Any]) -> None:
    """Hands a book that exists to another claim."""
    values = {f"new_{name}": value for name, value in fields.items()} | {"new_epoch": book.epoch + 1}
    transaction.run(database.statements.take_book, book_id=book.book_id, **values)


def _write_documents(transaction: Transaction, database: Database, book_id: str, documents: Mapping[str, str]) -> None:
    for name, document in documents.items():
        transaction.run(database.statements.write_document, book_id=book_id, name=name, document=document)


def _read_book(transaction: Transaction, database: Database, book_id: str) -> BookInfo:
    row = transaction.first(database.statements.read_book, book_id=book_id)
    if row is None:
        raise _not_found(book_id)
    return _info(row, dict(transaction.all(database.statements.read_documents, book_id=book_id)))


def _info(row: Sequence[Any], documents: Mapping[str, str] | None = None) -> BookInfo:
    book_id, status, owner, epoch, lease_until, created_at, updated_at, identity, error, _ = row
    return BookInfo(
        book_id=book_id,
        status=status,
        owner=owner,
        epoch=epoch,
        lease_until=None if lease_until is None else instant(lease_until),
        created_at=instant(created_at),
        updated_at=instant(updated_at),
        identity=identity,
        documents=documents or {},
        error=error,
    )


def _checkpoint(phase: str, row: Sequence[Any]) -> Checkpoint:
    unit, first, last, parent, digest, state = row
    key = BlockKey(phase=phase, unit=unit, first=first)
    return Checkpoint(key=key, last=last, parent=parent, digest=digest, state=bytes(state))
