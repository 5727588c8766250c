"""What optarb asks of a store of backtests."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from datetime import datetime

    from optarb.ledger.rows import Row, Rows
    from optarb.protocols.trading import TradingStore

__all__ = [
    "BacktestStore",
    "BlockKey",
    "BookInfo",
    "BookStatus",
    "Checkpoint",
    "Claim",
    "ClaimKind",
    "SupportsTrading",
    "checkpoint_digest",
]

ClaimKind = Literal["new", "mine", "resume", "finished"]
"""How a claim went: a fresh book, a repetition of the same owner's claim, an unfinished book taken over, a finished book."""
BookStatus = Literal["running", "finished", "cancelled", "failed"]
"""Where a book stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockKey:
    """Names one committed piece of work within a book."""

    phase: str
    """Phase name, such as ``"trade"``."""
    unit: str
    """What within the phase: an expert's name, a symbol, or ``""``."""
    first: int
    """First session, ``YYYYMMDD``; 0 where the piece is no block of sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a committed block left for the next one."""

    key: BlockKey
    """The block."""
    last: int
    """Last session of the block, ``YYYYMMDD``; 0 where it is no block of sessions."""
    parent: str
    """Hash of the checkpoint before; ``""`` for the first and for phases whose blocks do not depend on each other."""
    digest: str
    """Hash of this checkpoint: SHA-256 over parent and state."""
    state: bytes
    """The state itself: canonical JSON, empty where a phase keeps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookInfo:
    """What a store knows of a book as a whole."""

    book_id: str
    """The book."""
    status: BookStatus
    """Where it stands."""
    owner: str
    """Who runs it, or ran it last."""
    epoch: int
    """Counts the claims; only the newest may write."""
    lease_until: datetime | None
    """Until when the owner is taken to be alive without asking, aware UTC; None if nobody runs it."""
    created_at: datetime
    """When the book was first claimed, aware UTC."""
    updated_at: datetime
    """When anything of it last changed, aware UTC."""
    identity: str
    """Digest of spec, data, code and libraries: all that can change the ledger."""
    documents: Mapping[str, str] = field(default_factory=dict[str, str])
    """JSON documents by name: ``spec``, ``plan``, ``inputs``, ``report`` ... as written by
    :meth:`BacktestStore.write_document`."""
    error: str | None = None
    """Message of the failure, if it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The answer to a claim."""

    kind: ClaimKind
    """How it went."""
    epoch: int
    """To be given with every write."""
    info: BookInfo
    """The book as it stands after the claim."""


def checkpoint_digest(parent: str, state: bytes) -> str:
    """Names a checkpoint by all that led to it: SHA-256 over parent, a line feed and state, in hexadecimal.

    Args:
        parent: Digest of the checkpoint before; ``""`` for the first.
        state: The state as it is stored.
    """
    return hashlib.sha256(parent.encode("ascii") + b"\n" + state).hexdigest()


class BacktestStore(Protocol):
    """Keeps the books of backtests. Safe for several threads and processes.

    Every write of a run names its epoch and is refused with :class:`~optarb.errors.Superseded` if the book has been claimed
    anew since. What a method writes, it writes in one transaction.

    Every method may raise :class:`~optarb.errors.StoreUnavailable` (locked, full, unreachable: the same call may work later)
    and, on first use, :class:`~optarb.errors.SchemaMismatch`.
    """

    @property
    def is_shared(self) -> bool:
        """Whether other processes see what is written here; False for stores in memory."""
        ...

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
        """Takes a book for one owner.

        A book that does not exist is created with status ``running`` and epoch 1. The present owner of a running book gets
        ``mine`` and the same epoch. Anyone else gets an unfinished book whose lease is over or released as ``resume`` with
        the next epoch. A finished book of the same identity is ``finished`` and stays untouched. ``replace`` removes all that
        is stored of a book that is not running and creates it anew, with the next epoch (never 1 again).

        Args:
            book_id: The book.
            owner: Names the caller; equal on a retry, different for any other run.
            identity: Digest of all that can change the ledger.
            documents: JSON documents by name, stored when the book is created.
            lease_seconds: How long the owner counts as alive without :meth:`renew`.
            replace: Whether to clear an existing book.

        Raises:
            AlreadyRunning: Another owner's lease is not over.
            BookConflict: The book exists with another identity, and ``replace`` is False.
            Superseded: The owner provably ended before the present or last owner of the book began.
        """
        ...

    def renew(self, book_id: str, epoch: int, lease_seconds: float) -> bool:
        """Prolongs the lease and tells whether the run was asked to stop (see :meth:`request_cancel`).

        Raises:
            Superseded: The epoch is not the newest.
        """
        ...

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
        """Writes a block's rows and its checkpoint together.

        Args:
            book_id: The book.
            epoch: From the claim.
            key: The block.
            last: Its last session, ``YYYYMMDD``, or 0.
            parent: Digest of the checkpoint this block began from; ``""`` for the first.
            state: What the next block needs.
            rows: Ledger rows by table name; sessions lie within the block.
            tip: True for phases whose blocks form a chain: ``parent`` must then be the digest of the phase's newest
                checkpoint, else nothing is written and the answer is False.

        Returns:
            True if written; False if the block was there already (another copy won) or, for a chain, the parent is not the
            newest checkpoint. After False the caller must go on from what is stored, not from what it holds.

        Raises:
            Superseded: The epoch is not the newest.
        """
        ...

    def checkpoint(self, book_id: str, phase: str) -> Checkpoint | None:
        """Returns the newest checkpoint of a phase (the one with the greatest first session), or None."""
        ...

    def checkpoints(self, book_id: str, phase: str) -> Sequence[Checkpoint]:
        """Returns every checkpoint of a phase, ordered by unit and first session."""
        ...

    def done(self, book_id: str, phase: str) -> frozenset[tuple[str, int]]:
        """Returns ``(unit, first)`` of every committed block of a phase."""
        ...

    def rows(self, book_id: str, table: str, first: int | None = None, last: int | None = None) -> Sequence[Row]:
        """Returns rows of a table in the order of session and seq.

        Args:
            book_id: The book.
            table: A name in :data:`optarb.ledger.rows.TABLES`.
            first: First session, ``YYYYMMDD``, inclusive; None from the beginning.
            last: Last session, inclusive; None to the end.
        """
        ...

    def write_document(self, book_id: str, epoch: int, name: str, document: str) -> None:
        """Stores a JSON document of the book, replacing one of the same name.

        Raises:
            Superseded: The epoch is not the newest.
        """
        ...

    def finish(self, book_id: str, epoch: int, status: BookStatus, *, error: str | None = None) -> None:
        """Ends the run with a status and releases the lease. Repeating it changes nothing.

        Raises:
            Superseded: The epoch is not the newest.
        """
        ...

    def request_cancel(self, book_id: str) -> None:
        """Asks the run of a book to stop; :meth:`renew` tells it. A new claim forgets the request.

        Raises:
            BookNotFound: No such book.
        """
        ...

    def book(self, book_id: str) -> BookInfo:
        """Returns what is known of a book.

        Raises:
            BookNotFound: No such book.
        """
        ...

    def books(self) -> Sequence[BookInfo]:
        """Returns every book, newest first, without documents."""
        ...

    def reply(self, book_id: str, key: str) -> bytes | None:
        """Returns the stored reply of an outside call, or None."""
        ...

    def lease_reply(self, book_id: str, key: str, owner: str, lease_seconds: float) -> bool:
        """Takes the right to make an outside call; False while another owner holds it or a reply is stored."""
        ...

    def write_reply(self, book_id: str, epoch: int, key: str, reply: bytes) -> bytes:
        """Stores the reply of an outside call unless one is stored, and returns the one that is stored.

        Raises:
            Superseded: The epoch is not the newest.
        """
        ...

    def close(self) -> None:
        """Closes what the store opened. It may be used again afterwards."""
        ...


@runtime_checkable
class SupportsTrading(Protocol):
    """A store of backtests whose database keeps live books too, each under an id of its own kind: they never meet."""

    @property
    def trading(self) -> TradingStore:
        """The live books. Reading this opens nothing."""
        ...
