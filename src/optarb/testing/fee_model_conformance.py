"""What every fee model must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import ClassVar

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.money import round_cash
from optarb.protocols import FeeModel
from optarb.testing.conformance import ComponentConformance, in_threads

__all__ = ["FeeModelConformance"]

_CALL = OptionContract.parse("SPXW240628C05000000")
_OTHER = OptionContract.parse("SPY240628P00500000")


class FeeModelConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``fees``."""

    methods: ClassVar[Sequence[str]] = ("fees",)

    @pytest.fixture
    def fees(self) -> FeeModel:
        """Gives the fee model to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'fees'")

    @pytest.fixture
    def component(self, fees: object) -> object:
        """The fee model."""
        return fees

    @pytest.fixture(params=[(1,), (-1,), (1, -10), (-2, 3)], ids=["buy", "sell", "pair", "two"])
    def legs(self, request: pytest.FixtureRequest) -> tuple[Leg, ...]:
        """Legs of an order."""
        return tuple(
            Leg(contract=contract, ratio=ratio) for contract, ratio in zip((_CALL, _OTHER), request.param, strict=False)
        )

    @pytest.mark.parametrize("session", [date(1996, 1, 4), date(2014, 2, 3), date(2024, 6, 3), date(2031, 1, 2)])
    def test_fees_when_asked_then_zero_or_more(self, fees: FeeModel, legs: tuple[Leg, ...], session: date) -> None:
        """Dollars as a Decimal, rounded to what the ledger keeps, on any date."""
        paid = fees.fees(legs, 1, session)
        assert isinstance(paid, Decimal)
        assert paid.is_finite()
        assert paid >= 0
        assert round_cash(paid) == paid

    def test_fees_when_more_is_traded_then_no_less(self, fees: FeeModel, legs: tuple[Leg, ...]) -> None:
        """No order gets cheaper by growing."""
        paid = [fees.fees(legs, units, date(2024, 6, 3)) for units in (1, 2, 10, 1000)]
        assert paid == sorted(paid)

    def test_fees_when_asked_again_then_the_same(self, fees: FeeModel, legs: tuple[Leg, ...]) -> None:
        """It is pure, in any thread."""
        alone = fees.fees(legs, 3, date(2024, 6, 3))
        assert in_threads(lambda: fees.fees(legs, 3, date(2024, 6, 3))) == [alone] * 4
