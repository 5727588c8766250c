"""What a set of legs can lose and gain at expiry, and the margin of uncovered shorts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from optarb.domain.contracts import OptionContract, Right, Settlement

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Bounds", "Holding", "naked_margin", "payoff_bounds"]

Holding = tuple[OptionContract, int, Decimal]
"""A contract, its signed quantity and its opening price per share."""

_INDEX_RATE = Decimal("0.15")
_EQUITY_RATE = Decimal("0.20")
_FLOOR_RATE = Decimal("0.10")


class Bounds(NamedTuple):
    """Best and worst outcome at expiry in dollars, before fees; None where there is no bound."""

    max_loss_usd: Decimal | None
    """Zero or more."""
    max_profit_usd: Decimal | None
    """May be negative where even the best outcome loses."""


def payoff_bounds(holdings: Sequence[Holding]) -> Bounds:
    """Bounds the outcome of holding every leg to expiry.

    The payoff of the legs of one underlying and expiry is piecewise linear in the underlying's price, so its extremes lie at
    zero, at a strike or at infinity. Groups of different underlying or expiry are bounded apart and added, which recognises no
    hedge between them: the sum is never better than the truth. AM-settled contracts expire before PM-settled ones of their
    date.

    One hedge in time is recognised, as the exchanges' margin rules do: if all short legs of an underlying expire together, the
    longs that outlive them count towards the maximum loss with their intrinsic value at that moment, for they can be sold or
    exercised then. So a calendar spread that is bought can lose its debit. It assumes that the longs are given up when the
    shorts expire, and that they are worth their intrinsic value then, from which a European option deep in the money falls
    short by the interest on its strike.

    Args:
        holdings: Contracts with signed quantities and opening prices per share.
    """
    groups: dict[_Group, list[Holding]] = {}
    for holding in holdings:
        groups.setdefault(_group(holding[0]), []).append(holding)
    best: Decimal | None = Decimal(0)
    for group in groups.values():
        _, high = _extremes(group)
        best = None if best is None or high is None else best + high
    worst: Decimal | None = Decimal(0)
    for group in _hedged(groups):
        low, _ = _extremes(group)
        worst = None if worst is None or low is None else worst + low
    return Bounds(None if worst is None else max(-worst, Decimal(0)), best)


_Group = tuple[str, "date", bool]


def _group(contract: OptionContract) -> _Group:
    """Underlying, expiry, and whether it ends with that day's close: comparable in time for one underlying."""
    return contract.underlying, contract.expiry, contract.settlement is not Settlement.AM


def _hedged(groups: Mapping[_Group, Sequence[Holding]]) -> list[list[Holding]]:
    """Adds to the shorts of an underlying that all expire together the longs that expire later."""
    short = [key for key, group in groups.items() if any(quantity < 0 for _, quantity, _ in group)]
    alone = {key for key in short if [other[0] for other in short].count(key[0]) == 1}
    merged: dict[_Group, list[Holding]] = {}
    for key, group in groups.items():
        covered = next((one for one in alone if one[0] == key[0] and one <= key), key)
        merged.setdefault(covered, []).extend(group)
    return list(merged.values())


def _extremes(group: Sequence[Holding]) -> tuple[Decimal | None, Decimal | None]:
    """Lowest and highest outcome of one underlying and expiry, dollars; None for minus or plus infinity."""
    premium = sum((price * quantity * contract.multiplier for contract, quantity, price in group), Decimal(0))
    outcomes = [
        sum((contract.intrinsic(spot) * quantity * contract.multiplier for contract, quantity, _ in group), Decimal(0))
        for spot in (Decimal(0), *(contract.strike for contract, _, _ in group))
    ]
    slope = sum(quantity * contract.multiplier for contract, quantity, _ in group if contract.right is Right.CALL)
    low = None if slope < 0 else min(outcomes) - premium
    high = None if slope > 0 else max(outcomes) - premium
    return low, high


def naked_margin(holdings: Sequence[Holding], underlying_prices: Mapping[str, Decimal]) -> Decimal:
    """Computes the margin of the short legs as if nothing covered them, in dollars.

    For a short call: premium + max(p S - out-of-the-money amount, 10 % of S); for a short put 10 % of the strike takes the
    place of 10 % of S; p is 0.15 for cash-settled indexes and 0.20 otherwise. Of a short call and a short put of one
    underlying and expiry (a strangle) only the larger counts, with the premium of the other added. Source: the exchange's
    minimum margin formula for uncovered options, as published in its margin manual.

    Args:
        holdings: Contracts with signed quantities and opening prices per share; longs are ignored.
        underlying_prices: Price by underlying symbol; every short leg's must be there.
    """
    sides: dict[tuple[str, date], dict[Right, tuple[Decimal, Decimal]]] = {}
    for contract, quantity, price in holdings:
        if quantity >= 0:
            continue
        shares = -quantity * contract.multiplier
        required = _requirement(contract, underlying_prices[contract.underlying]) * shares
        side = sides.setdefault((contract.underlying, contract.expiry), {})
        before = side.get(contract.right, (Decimal(0), Decimal(0)))
        side[contract.right] = (before[0] + required, before[1] + price * shares)
    total = Decimal(0)
    for side in sides.values():
        total += max(required for required, _ in side.values()) + sum((premium for _, premium in side.values()), Decimal(0))
    return total


def _requirement(contract: OptionContract, spot: Decimal) -> Decimal:
    """Requirement beyond the premium, per share."""
    rate = _EQUITY_RATE if contract.settlement is Settlement.PHYSICAL else _INDEX_RATE
    if contract.right is Right.CALL:
        out_of_the_money, floor = max(contract.strike - spot, Decimal(0)), _FLOOR_RATE * spot
    else:
        out_of_the_money, floor = max(spot - contract.strike, Decimal(0)), _FLOOR_RATE * contract.strike
    return max(rate * spot - out_of_the_money, floor)
