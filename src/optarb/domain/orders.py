"""Order intents, a broker's answers, and reports of what became of an order."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from optarb.domain.contracts import OptionContract

__all__ = [
    "DUPLICATE_ID",
    "Accepted",
    "LegFill",
    "OrderIntent",
    "OrderLeg",
    "OrderReport",
    "OrderStatus",
    "OrderTerms",
    "Purpose",
    "Rejected",
    "SubmitAnswer",
    "TimeInForce",
    "Unknown",
]


class Purpose(StrEnum):
    """What an order is for. Exits, flatten and unwind share ``CLOSE``, so that nothing is closed twice."""

    OPEN = "open"
    CLOSE = "close"


class TimeInForce(StrEnum):
    """How long an order works."""

    DAY = "day"
    IMMEDIATE_OR_CANCEL = "ioc"


class OrderStatus(StrEnum):
    """Where an order stands at the broker."""

    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more can happen to the order."""
        return self is not OrderStatus.WORKING


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLeg:
    """One contract of an order.

    Raises:
        ValueError: ``quantity`` is zero.
    """

    contract: OptionContract
    """The contract."""
    quantity: int
    """Contracts, signed: positive to buy, negative to sell."""

    def __post_init__(self) -> None:
        if self.quantity == 0:
            msg = f"an order leg's quantity must not be 0 ({self.contract})"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """What an order trades and at which price: what must be equal before an order found at a broker counts as ours."""

    legs: frozenset[tuple[OptionContract, int]]
    """Contracts with signed quantities."""
    limit: Decimal | None
    """Worst net price of one unit, see :attr:`OrderIntent.limit`; None for a market order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """What is to be sent to a broker, frozen before anything is sent.

    Raises:
        ValueError: No legs, a contract twice, an attempt below 1, or a leg number with other than one leg.
    """

    book_id: str
    """Ledger the order belongs to."""
    position_id: str
    """Position it opens or closes; unique within the book."""
    purpose: Purpose
    """Open or close."""
    attempt: int
    """1 for the first; n+1 exists only once attempt n is terminal."""
    legs: tuple[OrderLeg, ...]
    """What to trade, in the structure's order."""
    limit: Decimal | None = None
    """Worst net cash a unit may cost, dollars per share over all legs by the ratio of one unit (positive = pay, negative =
    receive); None for a market order."""
    units: int = 1
    """Units of the structure; every leg's quantity is a multiple of it."""
    time_in_force: TimeInForce = TimeInForce.DAY
    """How long it works."""
    reason: str = ""
    """Why, such as an exit reason."""
    leg: int | None = None
    """Number of the structure's leg, from 0, that the order trades alone; None where it trades all its legs at once."""

    def __post_init__(self) -> None:
        contracts = [leg.contract for leg in self.legs]
        if not contracts or len(set(contracts)) != len(contracts):
            msg = f"an order needs at least one leg and each contract once, got {[str(c) for c in contracts]}"
            raise ValueError(msg)
        if self.attempt < 1 or self.units < 1 or any(leg.quantity % self.units for leg in self.legs):
            msg = f"attempt and units must be at least 1 and divide every leg, got attempt {self.attempt}, units {self.units}"
            raise ValueError(msg)
        if self.leg is not None and (self.leg < 0 or len(self.legs) != 1):
            msg = f"an order of leg {self.leg!r} trades that leg alone, got {len(self.legs)} legs; leave leg out"
            raise ValueError(msg)

    @property
    def order_id(self) -> str:
        """Names position, purpose, leg (where it trades one alone) and attempt; the same on every retry."""
        alone = "" if self.leg is None else f"leg{self.leg}/"
        return f"{self.book_id}/{self.position_id}/{self.purpose}/{alone}{self.attempt}"

    @property
    def client_order_id(self) -> str:
        """The id in the form brokers take: ``optarb-`` and 40 hexadecimal digits of its SHA-256."""
        return "optarb-" + hashlib.sha256(self.order_id.encode()).hexdigest()[:40]

    @property
    def terms(self) -> OrderTerms:
        """What it trades and at which price."""
        return OrderTerms(legs=frozenset((leg.contract, leg.quantity) for leg in self.legs), limit=self.limit)

    def dump(self) -> dict[str, Any]:
        """Writes the order as JSON values."""
        return {
            "book_id": self.book_id,
            "position_id": self.position_id,
            "purpose": str(self.purpose),
            "attempt": self.attempt,
            "legs": [[leg.contract.symbol, leg.quantity] for leg in self.legs],
            "limit": None if self.limit is None else str(self.limit),
            "units": self.units,
            "time_in_force": str(self.time_in_force),
            "reason": self.reason,
            "leg": self.leg,
        }

    @classmethod
    def load(cls, fields: Mapping[str, Any]) -> OrderIntent:
        """Reads an order back from :meth:`dump`."""
        legs = tuple(OrderLeg(contract=OptionContract.parse(symbol), quantity=quantity) for symbol, quantity in fields["legs"])
        limit = fields["limit"]
        values: dict[str, Any] = {
            **fields,
            "legs": legs,
            "limit": None if limit is None else Decimal(limit),
            "purpose": Purpose(fields["purpose"]),
            "time_in_force": TimeInForce(fields["time_in_force"]),
        }
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The broker took the order. Whether it filled is read afterwards through ``find``."""


DUPLICATE_ID = "duplicate_id"
"""Code of a refusal because the broker has an order of that id: the order landed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The broker, or the adapter before it, refused the order; nothing works there."""

    code: str
    """Stable short code, such as ``"unquoted"``."""
    reason: str
    """In words."""
    retry_after: float | None = None
    """Seconds after which the same order may be sent again; None if it will not be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody knows whether the order landed; only ``find`` can tell."""

    reason: str
    """What happened, such as a time-out."""


SubmitAnswer = Accepted | Rejected | Unknown
"""What ``submit`` may return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFill:
    """Cumulative fill of one leg."""

    contract: OptionContract
    """The contract."""
    quantity: int
    """Contracts filled so far, signed like the order's leg."""
    price: Decimal
    """Average price per share of what is filled; 0 while nothing is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What the broker knows of one order now: cumulative, so that lost and repeated reports do no harm."""

    order_id: str
    """The intent's id."""
    status: OrderStatus
    """Where it stands."""
    legs: tuple[LegFill, ...]
    """One a leg of the order, in its order."""
    fees: Decimal = Decimal(0)
    """Commission and fees so far, dollars, zero or more."""
    modelled: bool = False
    """Whether any fill price comes from a modelled quote."""
    reason: str = ""
    """Why it was cancelled, rejected or expired."""
    terms: OrderTerms | None = None
    """What the broker holds as the order; None if it does not say, and then the id alone names it."""
