from __future__ import annotations

from decimal import Decimal

import pytest

from optarb.brokers import CrossSpread
from optarb.domain.contracts import OptionContract
from optarb.domain.quotes import Quote


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
    contract = OptionContract.parse("SPXW240628C05000000")
    quote = Quote(contract=contract, bid=Decimal(bid), ask=Decimal(ask), taken_at=None, modelled=False)
    assert CrossSpread().fill_price(quote, quantity) == Decimal(price)
