"""Everything a live book must remember, as one document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from optarb.domain.contracts import OptionContract
from optarb.ledger.book import Book
from optarb.trading.live_position import Holdings, LivePosition

__all__ = ["AccountMemory", "DayMemory", "TradingState"]

_FORMAT = 1


@dataclass(slots=True, kw_only=True)
class DayMemory:
    """What one session must remember."""

    session: int
    """``YYYYMMDD``."""
    opened: bool = False
    """Whether what happened since the last session is booked."""
    outcome: str = ""
    """What became of the entries; empty while it is open."""
    decided: bool = False
    """Whether the session's decision was taken over into positions."""
    stops: dict[str, str] = field(default_factory=dict[str, str])
    """Why no new position may be begun, in words, by cause."""
    sent_at: list[str] = field(default_factory=list[str])
    """When orders were sent in the last minute, ISO 8601."""
    opening_equity: int | None = None
    """Cash and marks at the beginning, ledger units."""
    reviewed_at: str = ""
    """When the position manager was last asked, ISO 8601."""
    doubted: bool = False
    """Whether the answer of any order was ever unknown: then the day lasts to the broker's end of day."""
    ended: bool = False
    """Whether the session's last reconciliation is done."""
    bad_cycles: int = 0
    """Cycles in a row in which quotes could not decide."""
    told: list[str] = field(default_factory=list[str])
    """Keys of the notices raised so far."""
    controls: dict[str, object] = field(default_factory=dict[str, object])
    """What people asked of the book when it was last looked at; empty for nothing."""
    episodes: dict[str, int] = field(default_factory=dict[str, int])
    """How often each kind of trouble has begun; negative while it lasts."""


@dataclass(slots=True, kw_only=True)
class AccountMemory:
    """What a book remembers of its account from session to session."""

    shares: dict[str, int] = field(default_factory=dict[str, int])
    """Shares that assignments of this book brought, signed, by symbol."""
    foreign: dict[str, int] = field(default_factory=dict[str, int])
    """Contracts at the broker that no book explains, signed, by OCC symbol, as last reported."""
    cash_offset: int | None = None
    """The broker's cash less what all books of the account have made and assigned shares have moved, ledger units, when last
    reconciled; None before."""
    cash_named: int = 0
    """Cash that the broker has named as dividends, fees, interest and transfers since then, ledger units."""
    cash_unexplained: int = 0
    """Cash that nothing explained when it was last compared, ledger units."""
    share_cash: int = 0
    """What assigned shares of this book have moved of the account's cash, ledger units: no book has it."""
    share_base: dict[str, int] | None = None
    """Shares in the account that no assignment brought, when last reconciled; None before."""
    assigned: dict[str, int] = field(default_factory=dict[str, int])
    """Contracts that this book has booked as assigned, by OCC symbol, until a week after expiry."""
    named: dict[str, int] = field(default_factory=dict[str, int])
    """Contracts that the broker has named as assigned, in the whole account, as long."""
    confirmed: dict[str, int] = field(default_factory=dict[str, int])
    """Those of ``assigned`` that the broker has confirmed."""
    activities: dict[str, str] = field(default_factory=dict[str, str])
    """Ids of the broker's activities that were looked at, with their instants, as long as they may be told again."""
    activities_from: str = ""
    """When the book first asked for activities, ISO 8601: earlier ones are not its own."""
    activities_asked: str = ""
    """When it last asked, ISO 8601."""
    adjusted: dict[str, str] = field(default_factory=dict[str, str])
    """Contracts of this book that were adjusted: the account's symbol by ours."""


@dataclass(slots=True, kw_only=True)
class TradingState:
    """A live book with its positions and what it remembers."""

    account: str
    """Name of the broker account it trades in."""
    book: Book
    """The ledger."""
    positions: dict[str, LivePosition] = field(default_factory=dict[str, LivePosition])
    """By id, oldest first; those that are done stay until the session after."""
    day: DayMemory = field(default_factory=lambda: DayMemory(session=0))
    """This session."""
    memory: AccountMemory = field(default_factory=AccountMemory)
    """What outlives the session."""
    spec: str = ""
    """The :class:`~optarb.trading.day_spec.DaySpec` it was last opened with, as JSON; empty if no day has opened it."""

    def held(self, position_id: str) -> Holdings:
        """Returns what a position holds by its own fills."""
        position = self.book.positions.get(position_id)
        lots = () if position is None else position.held
        return {OptionContract.parse(lot.contract): lot.quantity for lot in lots}

    def holdings(self) -> dict[OptionContract, int]:
        """Returns what the whole book holds, netted."""
        total: dict[OptionContract, int] = {}
        for position_id in self.book.positions:
            for contract, quantity in self.held(position_id).items():
                total[contract] = total.get(contract, 0) + quantity
        return {contract: quantity for contract, quantity in total.items() if quantity}

    @property
    def is_moving(self) -> bool:
        """Whether an order is live that was sent, or is about to be."""
        return any(order.is_live for position in self.positions.values() for order in position.orders)

    def begin(self, session: int) -> None:
        """Starts a session: forgets the day before, positions that are done, and orders that are over."""
        self.book.begin_session(session)
        self.day = DayMemory(session=session)
        self.positions = {key: one for key, one in self.positions.items() if not one.done or one.is_doubted}
        for position in self.positions.values():
            # One that was never found may still be: it is looked up once more.
            position.orders = [order for order in position.orders if order.is_live or order.ended == "absent"]
            if not position.frozen:
                position.needs_human = ""

    def dump(self) -> str:
        """Writes it as canonical JSON."""
        fields = {
            "format": _FORMAT,
            "account": self.account,
            "book": self.book.dump(with_orders=True),
            "positions": [position.dump() for position in self.positions.values()],
            "day": asdict(self.day),
            "memory": asdict(self.memory),
            "spec": self.spec,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @classmethod
    def load(cls, book_id: str, document: str) -> TradingState:
        """Reads it back.

        Raises:
            ValueError: The document has another format.
        """
        fields: Mapping[str, Any] = json.loads(document)
        if fields.get("format") != _FORMAT:
            raise ValueError(f"book {book_id!r} was written in format {fields.get('format')!r}, this version reads {_FORMAT}")
        positions = [LivePosition.load(entry) for entry in fields["positions"]]
        return cls(
            account=fields["account"],
            book=Book.load(book_id, fields["book"]),
            positions={position.position_id: position for position in positions},
            day=DayMemory(**fields["day"]),
            memory=AccountMemory(**fields["memory"]),
            spec=fields.get("spec", ""),
        )
