from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from optarb.brokers import PerContractFee
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg

LEGS = [
    Leg(contract=OptionContract.parse("SPX240628C05000000"), ratio=1),
    Leg(contract=OptionContract.parse("SPY240628C00500000"), ratio=-10),
]


@pytest.mark.parametrize(
    ("commission", "legs", "units", "fees"),
    [
        ("0.65", LEGS[:1], 1, "0.65"),
        ("0.65", LEGS, 1, "7.15"),
        ("0.65", LEGS, 3, "21.45"),
        ("0", LEGS, 3, "0"),
        # Ties in the fourth decimal go to the even one, on the whole order and not on each contract.
        ("0.00005", LEGS[:1], 1, "0"),
        ("0.00005", LEGS[:1], 3, "0.0002"),
        ("0.00005", LEGS[:1], 5, "0.0002"),
        ("0.00005", LEGS[:1], 4, "0.0002"),
    ],
)
def test_fees_when_an_order_fills_then_commission_times_contracts(commission, legs, units, fees):
    found = PerContractFee(commission_usd=Decimal(commission)).fees(legs, units, date(2024, 6, 3))
    assert found == Decimal(fees)


@pytest.mark.parametrize("commission", ["-0.01", "NaN", "Infinity"])
def test_commission_when_negative_or_not_finite_then_refused_with_the_value(commission):
    with pytest.raises(ValueError, match=rf"zero or more, got Decimal\('{commission}'\)"):
        PerContractFee(commission_usd=Decimal(commission))
