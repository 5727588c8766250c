from __future__ import annotations

import math
from decimal import Decimal

import pytest

from optarb.brokers import Mid, SizeLimited
from optarb.domain.contracts import OptionContract
from optarb.domain.quotes import Quote


def quote(bid_size, ask_size):
    contract = OptionContract.parse("SPXW240628C05000000")
    sizes = {"bid_size": bid_size, "ask_size": ask_size}
    return Quote(contract=contract, bid=Decimal(2), ask=Decimal("2.2"), taken_at=None, modelled=False, **sizes)


@pytest.mark.parametrize(
    ("quantity", "bid_size", "ask_size", "price"),
    [
        (10, 1, 10, "2.2"),
        (11, 100, 10, None),
        (-10, 10, 1, "2"),
        (-11, 10, 100, None),
        (1, 10, 0, None),
        (1, 10, None, None),
        (-1, None, 10, None),
    ],
)
def test_fill_price_when_limited_then_only_what_is_displayed(quantity, bid_size, ask_size, price):
    filled = SizeLimited().fill_price(quote(bid_size, ask_size), quantity)
    assert filled == (None if price is None else Decimal(price))


@pytest.mark.parametrize(("quantity", "fills"), [(3, True), (4, False), (-3, True), (-4, False)])
def test_fill_price_when_a_part_may_be_taken_then_so_much_and_at_the_inner_price(quantity, fills):
    # 0.3 of 10 is 3 exactly.
    model = SizeLimited(inner=Mid(), participation=0.3)
    assert model.fill_price(quote(10, 10), quantity) == (Decimal("2.1") if fills else None)


@pytest.mark.parametrize("participation", [0, 1.1, -1, math.nan, True, "1"])
def test_participation_when_no_fraction_then_refused(participation):
    with pytest.raises(ValueError, match="participation"):
        SizeLimited(participation=participation)
