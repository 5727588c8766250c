"""What optarb asks of a store of live books, of clocks and of notifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Chain, Quote
    from optarb.ledger.rows import Row, Rows

__all__ = [
    "BookState",
    "BrokerAccount",
    "Clock",
    "Controls",
    "JournalEntry",
    "Lease",
    "Notice",
    "Notifier",
    "QuoteFeed",
    "Severity",
    "SupportsAccount",
    "SupportsMarketClock",
    "SupportsSimulatedAccounts",
    "TradingStore",
]

Severity = Literal["info", "warning", "alarm"]
"""How much a notice matters: ``alarm`` asks for a person."""


class Clock(Protocol):
    """Tells the time of the market. A live clock is real time; a simulated one stands still until it is moved."""

    def now(self) -> datetime:
        """Returns the present instant, aware UTC."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something a person should learn."""

    key: str
    """Names the occasion within its book; a second notice of the same key is not sent."""
    severity: Severity
    """How much it matters."""
    title: str
    """One line."""
    text: str
    """The rest, with the figures."""
    book_id: str
    """The book."""
    session: date
    """Session it belongs to."""
    at: datetime
    """When it was raised, aware UTC."""


class Notifier(Protocol):
    """Brings notices to people. It is called from the outbox, so that a notifier that fails stops no trading."""

    def notify(self, notice: Notice) -> None:
        """Sends one notice.

        Raises:
            TransientError: It could not be sent now, nor could another; it stays in the outbox.
            ConfigurationError: It was refused; it stays in the outbox, and others are tried.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to move a book."""

    owner: str
    """Who holds it."""
    session: date
    """Session it was taken for; a newer session wins."""
    until: datetime
    """Until when the owner counts as alive without renewing, aware UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What people asked of a book; the truth for halt and flatten, read before each send."""

    halted: bool = False
    """No new positions; working entries are cancelled, half-built ones unwound; exits go on."""
    flatten: bool = False
    """Close everything; implies ``halted``."""
    reason: str = ""
    """Why, in words."""
    changed_at: datetime | None = None
    """When it was last changed, aware UTC; None if never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookState:
    """A live book as it is stored."""

    book_id: str
    """The book."""
    version: int
    """Goes up with every :meth:`TradingStore.save`; 0 for a book that was never saved."""
    document: str
    """The state itself as JSON; ``""`` for a book that was never saved."""
    lease: Lease | None
    """Who may move it; None if nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """Something that happened in a day, for the record: an order sent, a report, a decision, an alarm."""

    at: datetime
    """When, by the market's clock, aware UTC."""
    kind: str
    """Stable short name, such as ``"order_sent"``."""
    subject: str
    """What it is about: an order id, a position id, a contract; may be empty."""
    detail: str
    """JSON."""


class TradingStore(Protocol):
    """Keeps live books, which outlive days. Safe for several threads and processes.

    What a method writes, it writes in one transaction. Every method may raise
    :class:`~optarb.errors.StoreUnavailable` (the same call may work later).
    """

    @property
    def is_shared(self) -> bool:
        """Whether other processes see what is written here."""
        ...

    def acquire(self, book_id: str, lease: Lease, *, now: datetime, take_over: bool = False) -> bool:
        """Takes the right to move a book, or prolongs it.

        The present owner always gets it. Another gets it if nobody holds it, if the holder's lease is over, if the new session
        is later than the holder's, or with ``take_over`` (the caller knows that the holder is gone).

        Args:
            book_id: The book; it is created if it does not exist.
            lease: What is asked for.
            now: The present instant, aware UTC.
            take_over: Whether to take it from a holder whose lease is not over.
        """
        ...

    def release(self, book_id: str, owner: str) -> None:
        """Gives the right back; nothing happens if another holds it."""
        ...

    def load(self, book_id: str) -> BookState:
        """Returns the book as it is stored.

        Raises:
            BookNotFound: No such book.
        """
        ...

    def save(
        self,
        book_id: str,
        *,
        owner: str,
        version: int,
        document: str,
        rows: Rows,
        journal: Sequence[JournalEntry] = (),
        notices: Sequence[Notice] = (),
    ) -> bool:
        """Writes state, ledger rows, journal and notices together, if nobody has written since.

        Args:
            book_id: The book.
            owner: Must hold the lease.
            version: Version the caller's state came from.
            document: The new state as JSON.
            rows: Ledger rows by table to add; their ``seq`` goes on from what the table has of the session.
            journal: Entries to add.
            notices: Notices for the outbox; one whose key the book has used is left out.

        Returns:
            False if the version is not the newest or the owner does not hold the lease; then nothing is written, and the caller
            must load again or stop.
        """
        ...

    def once(self, book_id: str, session: date, step: str, body: bytes) -> bytes:
        """Stores the outcome of a step that must not be decided twice, and returns the one that is stored: the first wins."""
        ...

    def decided(self, book_id: str, session: date, step: str) -> bytes | None:
        """Returns the stored outcome of a step, or None."""
        ...

    def controls(self, book_id: str) -> Controls:
        """Returns what people asked of the book; nothing, for a book that does not exist yet."""
        ...

    def set_controls(self, book_id: str, controls: Controls) -> None:
        """Writes what people ask of the book; the book is created if it does not exist."""
        ...

    def rows(self, book_id: str, table: str, first: int | None = None, last: int | None = None) -> Sequence[Row]:
        """Returns ledger rows in the order of session and seq; see :meth:`optarb.protocols.BacktestStore.rows`."""
        ...

    def journal(self, book_id: str, session: date) -> Sequence[JournalEntry]:
        """Returns the journal of a session, oldest first."""
        ...

    def outbox(self, limit: int = 100, *, notifier: str | None = None) -> Sequence[Notice]:
        """Returns notices that were not delivered, oldest first.

        Args:
            limit: How many at the most.
            notifier: Name of one of several notifiers: what it has delivered is left out. None leaves out nothing more.
        """
        ...

    def lease_notice(self, book_id: str, key: str, notifier: str, lease_seconds: float) -> bool:
        """Takes the right to send a notice through one notifier; False while somebody has it, and once it has delivered it.

        Args:
            book_id: The book.
            key: The notice's key.
            notifier: Name of the notifier.
            lease_seconds: How long nobody else gets the right, in real time, whatever the time of the day at work; >= 0.
        """
        ...

    def delivered(self, book_id: str, key: str, *, notifier: str | None = None) -> None:
        """Notes that a notice was delivered.

        Args:
            book_id: The book.
            key: The notice's key.
            notifier: Name of the notifier that delivered it; None if all have, so that the notice leaves the outbox.
        """
        ...

    def live_books(self) -> Sequence[str]:
        """Returns the ids of all live books, in the order of their names."""
        ...

    def close(self) -> None:
        """Closes what the store opened. It may be used again afterwards."""
        ...


@runtime_checkable
class SupportsSimulatedAccounts(Protocol):
    """A trading store that keeps simulated broker accounts too, so that the workers of a replay can die."""

    def simulated_account(self, name: str) -> tuple[int, str]:
        """Returns the version and the document of an account: 0 and ``""`` for one that was never saved.

        Raises:
            StoreUnavailable: The same call may work later.
        """
        ...

    def save_simulated_account(self, name: str, version: int, document: str) -> bool:
        """Writes an account, if nobody has written it since.

        Args:
            name: The account.
            version: The version the change was made from.
            document: The account as JSON.

        Returns:
            False if the version is not the newest; then nothing is written.

        Raises:
            StoreUnavailable: The same call may work later.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccount:
    """What a broker says of its whole account. Amounts in dollars."""

    cash_usd: Decimal
    """Settled and unsettled cash; negative for a loan."""
    equity_usd: Decimal
    """Cash and the value of everything held."""
    buying_power_usd: Decimal
    """What new option positions may bind."""


@runtime_checkable
class SupportsAccount(Protocol):
    """A broker that says what its account has besides option contracts."""

    def account(self) -> BrokerAccount:
        """Returns the account's figures.

        Raises:
            BrokerUnavailable: It cannot be asked now.
        """
        ...

    def shares(self) -> Mapping[str, int]:
        """Returns the shares the whole account holds, signed, by symbol.

        Raises:
            BrokerUnavailable: It cannot be asked now.
        """
        ...


@runtime_checkable
class SupportsMarketClock(Protocol):
    """A broker that knows whether its market is open, which a calendar cannot know of halts."""

    def is_open(self) -> bool:
        """Whether option orders are matched now.

        Raises:
            BrokerUnavailable: It cannot be asked now.
        """
        ...


class QuoteFeed(Protocol):
    """Quotes as of an instant. It never returns anything later than what it is asked for."""

    def chain(self, symbol: str, at: datetime) -> Chain | None:
        """Returns the newest known option chain of an underlying, or None if there is none yet.

        Args:
            symbol: The underlying.
            at: The instant, aware UTC.

        Raises:
            BrokerUnavailable: The source cannot be asked now.
        """
        ...

    def quotes(self, contracts: Sequence[OptionContract], at: datetime) -> Mapping[OptionContract, Quote]:
        """Returns the newest known quotes of some contracts, each with when it was taken; unquoted ones are absent.

        Args:
            contracts: What is asked for.
            at: The instant, aware UTC.

        Raises:
            BrokerUnavailable: The source cannot be asked now.
        """
        ...

    def underlying_price(self, symbol: str, at: datetime) -> Decimal | None:
        """Returns the newest known price of an underlying, dollars, or None if there is none yet."""
        ...
