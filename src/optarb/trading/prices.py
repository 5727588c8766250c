"""At which limit a closing order goes out: a ladder from the middle of the quotes to beyond their far side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.money import price
from optarb.pricing import quote_down, quote_up

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.domain.orders import OrderLeg
    from optarb.domain.quotes import Quote
    from optarb.trading.rules import LiveRules

__all__ = ["closing_limit", "tick", "to_tick"]

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
    """Rounds a net price up to a multiple of a tick: towards paying more or receiving less, so that it can fill."""
    return (cost / step).to_integral_value(ROUND_CEILING) * step


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
    ticks = [tick(quote.contract.root, quote.ask if ratio > 0 else quote.bid) for quote, ratio in ratios]
    if rung < _FAR_RUNG:
        cost = middle + (far - middle) * rung / _FAR_RUNG
    elif rung == _FAR_RUNG:
        cost = far
    elif rung >= _MARKET_RUNG and may_market:
        cost = far + abs(far) * Decimal(str(rules.market_band))
    else:
        beyond = abs(far) * Decimal(str(rules.last_rung))
        cost = far + max(beyond, rules.last_rung_ticks * max(ticks))
    limit = to_tick(cost, min(ticks))
    return min(limit, -min(ticks)) if all(ratio < 0 for _, ratio in ratios) else limit
