from __future__ import annotations

from decimal import Decimal

import pytest

from optarb.brokers import CabinetSales, Mid
from optarb.domain.contracts import OptionContract
from optarb.domain.quotes import Quote


def quote(bid, ask):
    contract = OptionContract.parse("SPXW240628C05000000")
    return Quote(contract=contract, bid=Decimal(bid), ask=Decimal(ask), taken_at=None, modelled=False)


@pytest.mark.parametrize(
    ("quantity", "bid", "ask", "price"),
    [
        (-1, "0", "0.05", "0.01"),
        (-100, "0", "0.01", "0.01"),
        (-1, "0", "0.005", "0"),  # not above what is offered
        (-1, "0.05", "0.10", "0.05"),
        (1, "0", "0.05", "0.05"),
    ],
)
def test_fill_price_when_nobody_bids_then_a_cent_a_share(quantity, bid, ask, price):
    assert CabinetSales().fill_price(quote(bid, ask), quantity) == Decimal(price)


def test_fill_price_when_somebody_bids_then_the_inner_models():
    assert CabinetSales(inner=Mid()).fill_price(quote("0.05", "0.10"), -1) == Decimal("0.075")
