"""What optarb asks of a broker about its account besides contracts and cash: everything it holds, and what happened in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

__all__ = ["Activity", "ActivityKind", "SupportsActivities", "SupportsHoldings"]

ActivityKind = Literal["assignment", "exercise", "expiry", "settlement", "dividend", "fee", "interest", "transfer"]
"""What happened: short options were assigned; long ones exercised; options expired without value; options were settled in cash;
dividends, fees and interest, paid or charged; money brought in or taken out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something that happened in an account without an order.

    Raises:
        ValueError: No id, an instant without time zone, or cash that is not finite.
    """

    id: str
    """The broker's id: the same each time it is told, and no other activity's."""
    kind: ActivityKind
    """What happened."""
    at: datetime
    """When, aware; where a broker tells the day alone, its beginning or later."""
    symbol: str = ""
    """OCC symbol of the contract, or symbol of the share; empty for cash alone."""
    quantity: int = 0
    """Contracts or shares, as the account's holding changed: assigned shorts are positive."""
    cash_usd: Decimal = Decimal(0)
    """Cash it moved, signed, dollars."""

    def __post_init__(self) -> None:
        if not self.id or self.at.tzinfo is None or not self.cash_usd.is_finite():
            raise ValueError(f"an activity needs an id, an aware instant and finite cash, got {self!r}")


@runtime_checkable
class SupportsActivities(Protocol):
    """A broker that tells what happened in its account. It is the explanation; positions are the truth."""

    def activities(self, since: datetime) -> Sequence[Activity]:
        """Returns the activities since an instant, oldest first. What was told before may be told again.

        Args:
            since: Aware UTC.

        Raises:
            BrokerUnavailable: It cannot be asked now.
        """
        ...


@runtime_checkable
class SupportsHoldings(Protocol):
    """A broker that tells every option it holds by its symbol, those too that are no :class:`~optarb.OptionContract`.

    After a split, a merger or a special dividend a contract is adjusted: its root gets a digit and it delivers something else
    than 100 shares. :meth:`~optarb.BrokerAdapter.positions` cannot tell such ones.
    """

    def holdings(self) -> Mapping[str, int]:
        """Returns all option contracts of the account, signed, by OCC symbol.

        Raises:
            BrokerUnavailable: It cannot be asked now.
        """
        ...
