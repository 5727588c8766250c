"""What a broker does between two sessions with contracts whose last day is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from optarb.domain.contracts import OptionContract, Right, Settlement

__all__ = ["Night", "OfficialValues", "overnight"]

_IN_THE_MONEY = Decimal("0.01")
"""From how much on a physical contract is exercised without being asked: the clearing house's rule."""


class OfficialValues(Protocol):
    """Knows on what contracts settle."""

    def official_value(self, contract: OptionContract) -> Decimal:
        """Returns the value of the underlying on which a contract whose last day is over settles, dollars per share.

        Args:
            contract: The contract.

        Raises:
            OptarbError: It is not known. A ConfigurationError is final; after another the same call may be made again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What a night changes in an account."""

    contracts: Mapping[OptionContract, int]
    """Contracts to add, signed: what is gone."""
    shares: Mapping[str, int]
    """Shares to add, signed, by symbol."""
    share_prices: Mapping[str, Decimal]
    """Official value of each of those symbols, dollars per share."""
    cash_usd: Decimal
    """Cash to add, signed, dollars."""


def overnight(held: Mapping[OptionContract, int], morning: date, values: OfficialValues) -> Night:
    """Settles, exercises, assigns or drops what expired before a session.

    Cash-settled contracts pay their intrinsic value. Physical ones that are a cent or more in the money become 100 shares each,
    bought or sold at the strike; longs are exercised and shorts assigned alike. The rest expires worthless. A contract that is
    settled in the morning of its last day is dealt with in the night after it. Exercise costs no fee here.

    Args:
        held: Contracts of the account, signed.
        morning: The session that follows the night; contracts that expire on it or later stay.
        values: Asked for the official value of each contract that is over.

    Raises:
        OptarbError: An official value is not known.
    """
    contracts: dict[OptionContract, int] = {}
    shares: dict[str, int] = {}
    prices: dict[str, Decimal] = {}
    cash = Decimal(0)
    for contract, quantity in held.items():
        if contract.expiry >= morning or not quantity:
            continue
        contracts[contract] = -quantity
        value = values.official_value(contract)
        worth = contract.intrinsic(value)
        if contract.settlement is not Settlement.PHYSICAL:
            cash += worth * quantity * contract.multiplier
        elif worth >= _IN_THE_MONEY:
            came = quantity * contract.multiplier * (1 if contract.right is Right.CALL else -1)
            shares[contract.underlying] = shares.get(contract.underlying, 0) + came
            prices[contract.underlying] = value
            cash -= contract.strike * came
    return Night(contracts=contracts, shares=shares, share_prices=prices, cash_usd=cash)
