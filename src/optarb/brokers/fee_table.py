"""A fee as a dated table of rates, and to which legs it applies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from optarb.domain.contracts import Settlement

if TYPE_CHECKING:
    from optarb.domain.legs import Leg

__all__ = ["FeeRate", "FeeTable"]

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRate:
    """One row: what a fee is from a date on. Its parts are added.

    Raises:
        ValueError: An amount that is negative or no finite Decimal, or a maximum below the minimum.
    """

    since: date
    """First trade date it applies to."""
    per_contract_usd: Decimal = _ZERO
    """Dollars a contract."""
    per_order_usd: Decimal = _ZERO
    """Dollars an order of any size; with ``FeeTable(bounds="leg")`` a leg."""
    of_premium: Decimal = _ZERO
    """Fraction of the money that changes hands, such as 0.0000278 for 27.80 dollars a million."""
    minimum_usd: Decimal = _ZERO
    """Least fee an order; with ``FeeTable(bounds="leg")`` a leg."""
    maximum_usd: Decimal | None = None
    """Highest fee an order; with ``FeeTable(bounds="leg")`` a leg; None for no highest."""
    source: str = ""
    """Where it was published."""

    def __post_init__(self) -> None:
        for name in ("per_contract_usd", "per_order_usd", "of_premium", "minimum_usd"):
            _require_amount(name, getattr(self, name))
        if self.maximum_usd is not None:
            _require_amount("maximum_usd", self.maximum_usd)
            if self.maximum_usd < self.minimum_usd:
                raise ValueError(f"maximum_usd must not be below minimum_usd, got {self.maximum_usd} and {self.minimum_usd}")

    def charge(self, contracts: int, money_usd: Decimal) -> Decimal:
        """Returns the fee on a number of contracts for which so much money changed hands."""
        fee = self.per_order_usd + self.per_contract_usd * contracts + self.of_premium * money_usd
        fee = max(fee, self.minimum_usd)
        return fee if self.maximum_usd is None else min(fee, self.maximum_usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeTable:
    """What a fee was when, and which legs pay it. The rate of the trade date counts; a date before the first row uses that row.

    Raises:
        ValueError: No rows, rows whose dates do not rise, or bounds that make no sense.
    """

    name: str
    """What reports call it, such as ``"ORF"``."""
    rows: tuple[FeeRate, ...]
    """At least one, dates rising."""
    bounds: Literal["order", "leg"] = "order"
    """Whether the amounts an order, the minimum and the maximum are meant for all legs together or for each."""
    sales_only: bool = False
    """Whether bought legs go free."""
    roots: tuple[str, ...] = ()
    """Option roots that pay it; empty for all."""
    cash_settled: bool | None = None
    """True for index options alone, False for options on shares alone, None for both."""
    price_from: Decimal | None = None
    """Lowest price a share at which a leg pays it; None for any."""
    price_below: Decimal | None = None
    """Price a share from which a leg does not pay it any more; None for any."""
    contracts_from: int = 1
    """Fewest contracts in a leg that pays it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))
        dates = [row.since for row in self.rows]
        if not dates or any(one >= other for one, other in pairwise(dates)):
            raise ValueError(f"fee {self.name!r} needs rows with rising dates, got {[str(one) for one in dates]}")
        if self.bounds not in {"order", "leg"}:
            raise ValueError(f"bounds of fee {self.name!r} must be 'order' or 'leg', got {self.bounds!r}")

    @property
    def needs_prices(self) -> bool:
        """Whether it depends on the prices of the legs."""
        return self.price_from is not None or self.price_below is not None or any(row.of_premium for row in self.rows)

    def rate(self, session: date) -> FeeRate:
        """Returns the row of a trade date; the first row for a date before it."""
        past = [row for row in self.rows if row.since <= session]
        return past[-1] if past else self.rows[0]

    def note(self, session: date) -> str | None:
        """Returns that no row reaches back to a trade date, in words; None if one does."""
        first = self.rows[0].since
        return None if first <= session else f"{self.name}: no rate before {first}, the rate of that date is used"

    def fee(self, legs: Sequence[Leg], prices: Sequence[Decimal], units: int, session: date) -> Decimal:
        """Returns the fee of one order in dollars, not rounded.

        Args:
            legs: The legs of one unit, each ratio signed as traded.
            prices: Price per share of each leg, in the same order.
            units: Units traded.
            session: Trade date.
        """
        paying = [
            (contracts, price * contracts * leg.contract.multiplier)
            for leg, price in zip(legs, prices, strict=True)
            if self._pays(leg, price, contracts := abs(leg.ratio) * units)
        ]
        if not paying:
            return _ZERO
        rate = self.rate(session)
        if self.bounds == "leg":
            return sum((rate.charge(contracts, money) for contracts, money in paying), _ZERO)
        return rate.charge(sum(contracts for contracts, _ in paying), sum((money for _, money in paying), _ZERO))

    def _pays(self, leg: Leg, price: Decimal, contracts: int) -> bool:
        cash_settled = leg.contract.settlement is not Settlement.PHYSICAL
        return (
            not (self.sales_only and leg.ratio > 0)
            and (not self.roots or leg.contract.root in self.roots)
            and self.cash_settled in {None, cash_settled}
            and (self.price_from is None or price >= self.price_from)
            and (self.price_below is None or price < self.price_below)
            and contracts >= self.contracts_from
        )


def _require_amount(name: str, value: object) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or value < 0:
        raise ValueError(f"{name} must be a Decimal of zero or more, got {value!r}")
