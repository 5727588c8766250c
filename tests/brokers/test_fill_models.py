from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optarb.brokers import CrossSpread, FractionOfSpread, Mid
from optarb.domain.contracts import OptionContract
from optarb.domain.quotes import Quote

CONTRACT = OptionContract.parse("SPXW240628C05000000")


def quote(bid, ask):
    return Quote(contract=CONTRACT, bid=Decimal(bid), ask=Decimal(ask), taken_at=None, modelled=False)


@pytest.mark.parametrize(
    ("quantity", "bid", "ask", "price"),
    [
        (1, "1.15", "1.25", "1.25"),
        (100, "1.15", "1.25", "1.25"),
        (-1, "1.15", "1.25", "1.15"),
        (-1, "0", "0.05", "0"),
    ],
)
def test_fill_price_when_asked_then_buys_pay_the_ask_and_sales_get_the_bid(quantity, bid, ask, price):
    assert CrossSpread().fill_price(quote(bid, ask), quantity) == Decimal(price)


@pytest.mark.parametrize(
    ("fraction", "bid", "ask", "bought", "sold"),
    [
        # Mid 2.10, half the spread 0.10.
        (0, "2.00", "2.20", "2.10", "2.10"),
        (0.5, "2.00", "2.20", "2.15", "2.05"),
        (0.25, "2.00", "2.20", "2.125", "2.075"),
        (1, "2.00", "2.20", "2.20", "2.00"),
        # Mid 1.00005 lies between two ledger units: up for a purchase, down for a sale.
        (0.0, "1.0000", "1.0001", "1.0001", "1.0000"),
        # A third of 0.05 is 0.016667 from the mid of 1.05.
        (1 / 3, "1.00", "1.10", "1.0667", "1.0333"),
        # Nobody bids: there is no middle.
        (0.0, "0", "5.00", "5.00", "0"),
        (0.5, "1.05", "1.05", "1.05", "1.05"),
    ],
)
def test_fraction_of_spread_when_asked_then_so_far_from_the_mid(fraction, bid, ask, bought, sold):
    model = FractionOfSpread(fraction=fraction)
    assert model.fill_price(quote(bid, ask), 3) == Decimal(bought)
    assert model.fill_price(quote(bid, ask), -3) == Decimal(sold)


units = st.integers(0, 500_000).map(lambda value: Decimal(value).scaleb(-4))


@given(bid=units, spread=units, fraction=st.floats(0.0, 1.0), side=st.sampled_from([1, -1]))
def test_fraction_of_spread_when_any_quote_comes_then_between_mid_and_far_side(bid, spread, fraction, side):
    given = quote(bid, bid + spread + Decimal("0.0001"))
    price = FractionOfSpread(fraction=fraction).fill_price(given, side)
    mid, far = Mid().fill_price(given, side), CrossSpread().fill_price(given, side)
    assert side * mid <= side * price <= side * far
    assert price == round(price, 4)
    assert FractionOfSpread(fraction=0.0).fill_price(given, side) == mid
    assert FractionOfSpread(fraction=1.0).fill_price(given, side) == far


@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan, "0.5", True])
def test_fraction_of_spread_when_no_fraction_then_refused(fraction):
    with pytest.raises(ValueError, match="from 0"):
        FractionOfSpread(fraction=fraction)
