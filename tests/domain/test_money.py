from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.domain.money import UNITS_PER_DOLLAR, from_units, price, round_cash, to_units


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.15, "1.1500"),
        (0.1 + 0.2, "0.3000"),
        (2800.005, "2800.0050"),
        # 1/32 and 3/32 are exact binary fractions, so that these are true ties in the fourth decimal.
        (0.03125, "0.0312"),
        (0.09375, "0.0938"),
        (-0.03125, "-0.0312"),
        # The doubles nearest to these decimals lie just below and just above the tie.
        (0.00015, "0.0001"),
        (0.00025, "0.0003"),
    ],
)
def test_price_when_a_float_is_given_then_its_binary_value_is_rounded_half_even(value, expected):
    assert price(value) == Decimal(expected)
    assert price(value).as_tuple().exponent == -4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_price_when_not_finite_then_refused_with_the_value(value):
    with pytest.raises(ValueError, match=f"must be finite, got {value!r}"):
        price(value)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_to_units_when_not_finite_then_refused_with_the_value(amount):
    with pytest.raises(ValueError, match=f"must be finite.*'{amount}'"):
        to_units(Decimal(amount))


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        ("1", 10_000),
        ("0.00005", 0),
        ("0.00015", 2),
        ("0.00025", 2),
        ("0.000250001", 3),
        ("-0.00005", 0),
        ("-0.00015", -2),
        ("123456789.12345", 1_234_567_891_234),
        ("123456789.12355", 1_234_567_891_236),
    ],
)
def test_to_units_when_between_two_units_then_half_even(amount, units):
    assert to_units(Decimal(amount)) == units
    assert round_cash(Decimal(amount)) == Decimal(units) / UNITS_PER_DOLLAR


@settings(deadline=None)
@given(st.integers(-(10**17), 10**17))
def test_units_when_made_dollars_and_back_then_the_same(units):
    assert Fraction(from_units(units)) == Fraction(units, 10_000)
    assert to_units(from_units(units)) == units


@settings(deadline=None)
@given(st.floats(-1e9, 1e9))
def test_price_when_compared_with_fractions_then_the_nearest_unit(value):
    assert Fraction(price(value)) == Fraction(round(Fraction(value) * 10_000), 10_000)
