"""At which limit orders go out: on ticks, and for closing a ladder from the middle of the quotes to beyond their far side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.money import price
from optarb.pricing import quote_down, quote_up

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.domain.legs import Leg
    from optarb.domain.orders import OrderLeg
    from optarb.domain.quotes import Quote
    from optarb.trading.rules import LiveRules

__all__ = ["closing_limit", "opening_limit", "tick", "to_tick"]

_FAR_RUNG = 3
_MARKET_RUNG = 5


def tick(root: str, at: Decimal) -> Decimal:
    """Returns the distance between the quotes of a root around a price, dollars per share.

    Args:
        root: Option root.
        at: Price per share, zero or more.
    """
    near = np.array([float(at)])
    return price(float(quote_up(root, near + 0.001)[0])) - price(float(quote_down(root, near)[0]))


def to_tick(cost: Decimal, step: Decimal) -> Decimal:
    """Rounds a net price down to a multiple of a tick: towards paying less or receiving more, and so towards not trading."""
    return (cost / step).to_integral_value(ROUND_FLOOR) * step


def opening_limit(legs: Sequence[Leg], prices: Sequence[Decimal], cost: Decimal) -> Decimal:
    """Returns the limit of an opening order, dollars per share for one unit (positive = pay).

    Args:
        legs: What one unit trades.
        prices: Price per share of each leg, zero or more.
        cost: Net price of one unit that was decided on.
    """
    return to_tick(cost, _step(tuple((leg.contract.root, leg.ratio, at) for leg, at in zip(legs, prices, strict=True))))


def closing_limit(
    legs: Sequence[OrderLeg],
    units: int,
    quotes: Mapping[OptionContract, Quote],
    rung: int,
    rules: LiveRules,
    *,
    may_market: bool,
) -> Decimal:
    """Returns the worst net price of one unit at a rung of the ladder, dollars per share (positive = pay).

    Rungs: the middle, a third and two thirds of the way to the far side (buys at the ask, sales at the bid), the far side, and
    ``last_rung`` beyond it but at least ``last_rung_ticks``; after that the same again, or with ``may_market`` as far as
    ``market_band`` beyond. What is only sold is never sold for less than one tick.

    Args:
        legs: What is traded.
        units: Units; every leg's quantity is a multiple of it.
        quotes: A quote a contract.
        rung: From 0.
        rules: How far the last rungs go.
        may_market: Whether it may end at the band.
    """
    ratios = [(quotes[leg.contract], leg.quantity // units) for leg in legs]
    middle = sum((quote.mid * ratio for quote, ratio in ratios), Decimal(0))
    far = sum((max(quote.ask * ratio, quote.bid * ratio) for quote, ratio in ratios), Decimal(0))
    sides = [(quote.contract.root, ratio, quote.ask if ratio > 0 else quote.bid) for quote, ratio in ratios]
    step = _step(sides)
    if rung < _FAR_RUNG:
        cost = middle + (far - middle) * rung / _FAR_RUNG
    elif rung == _FAR_RUNG:
        cost = far
    elif rung >= _MARKET_RUNG and may_market:
        cost = far + abs(far) * Decimal(str(rules.market_band))
    else:
        beyond = abs(far) * Decimal(str(rules.last_rung))
        cost = far + max(beyond, rules.last_rung_ticks * max(tick(root, at) * abs(ratio) for root, ratio, at in sides))
    limit = to_tick(cost, step)
    return min(limit, -step) if all(ratio < 0 for _, ratio in ratios) else limit


def _step(sides: Sequence[tuple[str, int, Decimal]]) -> Decimal:
    """The finest step of a unit's net price at which the price a broker is told is on a tick.

    A broker is told the price of the smallest unit: ten contracts of one kind are sent at the price of one.
    """
    return min(tick(root, at) for root, _, at in sides) * math.gcd(*(ratio for _, ratio, _ in sides))
