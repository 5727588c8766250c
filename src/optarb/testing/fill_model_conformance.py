"""What every fill model must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import ClassVar

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.money import round_cash
from optarb.domain.quotes import Quote
from optarb.protocols import FillModel
from optarb.testing.conformance import ComponentConformance, in_threads

__all__ = ["FillModelConformance"]

_QUOTES = (("2.00", "2.10"), ("0", "0.05"), ("0", "5.00"), ("0.01", "0.02"), ("1.05", "1.05"), ("81234.5", "81999.9"))


class FillModelConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``fills``."""

    methods: ClassVar[Sequence[str]] = ("fill_price",)

    @pytest.fixture
    def fills(self) -> FillModel:
        """Gives the fill model to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'fills'")

    @pytest.fixture
    def component(self, fills: object) -> object:
        """The fill model."""
        return fills

    @pytest.fixture(params=_QUOTES, ids=["usual", "zero bid", "zero bid and wide", "a cent", "no spread", "great"])
    def quote(self, request: pytest.FixtureRequest) -> Quote:
        """One of several quotes."""
        bid, ask = request.param
        contract = OptionContract.parse("SPXW240628C05000000")
        return Quote(contract=contract, bid=Decimal(bid), ask=Decimal(ask), taken_at=None, modelled=False)

    @pytest.mark.parametrize("quantity", [1, -1, 10, -10, 100_000, -100_000])
    def test_fill_price_when_asked_then_a_price_the_ledger_can_keep_or_none(
        self, fills: FillModel, quote: Quote, quantity: int
    ) -> None:
        """A Decimal per share, zero or more, in whole 1/10,000 dollar."""
        price = fills.fill_price(quote, quantity)
        if price is None:
            return
        assert isinstance(price, Decimal)
        assert price.is_finite()
        assert price >= 0
        assert round_cash(price) == price

    @pytest.mark.parametrize("size", [1, 10])
    def test_fill_price_when_both_sides_fill_then_no_money_is_made(self, fills: FillModel, quote: Quote, size: int) -> None:
        """Buying and selling at once gains nothing; no side does better than the far quote."""
        bought, sold = fills.fill_price(quote, size), fills.fill_price(quote, -size)
        assert bought is None or bought >= quote.bid
        assert sold is None or sold <= quote.ask
        assert bought is None or sold is None or bought >= sold

    def test_fill_price_when_asked_again_then_the_same(self, fills: FillModel, quote: Quote) -> None:
        """It is pure, in any thread."""
        alone = [fills.fill_price(quote, quantity) for quantity in (1, -1)]
        assert in_threads(lambda: [fills.fill_price(quote, quantity) for quantity in (1, -1)]) == [alone] * 4
