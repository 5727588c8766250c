"""Figures as words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path

import pytest

from optarb._component import canonical
from optarb.reports._words import component_words, contract_words, counted, dollars, new_york, per_share, percent, ratio


@pytest.mark.parametrize(
    ("units", "text"),
    [(12_345_000, "$1,234.50"), (-12_345_000, "-$1,234.50"), (0, "$0.00"), (50, "$0.01"), (10_000_000_000, "$1,000,000.00")],
)
def test_dollars_when_written_then_cents_and_thousands(units, text):
    assert dollars(units) == text


def test_dollars_when_signed_then_only_gains_carry_a_plus():
    assert [dollars(units, signed=True) for units in (10_000, 0, -10_000)] == ["+$1.00", "$0.00", "-$1.00"]


@pytest.mark.parametrize(
    ("units", "text"),
    [(105_000, "10.50"), (100_050, "10.0050"), (1, "0.0001"), (0, "0.00"), (None, "none"), (-30_000, "-3.00")],
)
def test_per_share_when_written_then_no_digit_is_lost(units, text):
    assert per_share(units) == text


def test_percent_when_written_then_one_decimal():
    assert [percent(value) for value in (0.12345, -0.5, None)] == ["12.3 %", "-50.0 %", "none"]
    assert percent(0.5, signed=True) == "+50.0 %"


def test_counted_when_one_then_singular():
    assert [counted(n, "unit") for n in (0, 1, 2, 1000)] == ["0 units", "1 unit", "2 units", "1,000 units"]


def test_new_york_when_summer_then_daylight_saving():
    assert new_york("2018-07-02T20:00:00+00:00") == "2018-07-02 16:00 New York"
    assert new_york("2018-01-02T21:00:00+00:00") == "2018-01-02 16:00 New York"
    assert new_york(None) == "at an unknown time"


class Side(Enum):
    LONG = "long"


@dataclass(frozen=True, kw_only=True)
class Inner:
    fraction: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Outer:
    inner: Inner = field(default_factory=Inner)
    usd: Decimal = Decimal("0.65")
    day: date = date(2018, 1, 2)
    path: Path = Path("data")
    names: tuple[str, ...] = ("a", "b")
    none: None = None
    on: bool = True
    table: dict[str, int] = field(default_factory=lambda: {"x": 1})
    either: frozenset[int] = frozenset({3})


def test_component_words_when_canonical_then_read_as_the_call_that_makes_it():
    assert component_words(canonical(Outer())) == (
        "Outer(inner=Inner(fraction=0.1), usd=0.65, day=2018-01-02, path='data', names=('a', 'b'), none=None, on=True, "
        "table={'x': 1}, either={3})"
    )


@pytest.mark.parametrize(
    ("legs", "words"),
    [
        ("+1 SPXW180131C02800000", ["+1 SPXW 2018-01-31 2,800 call"]),
        (
            "-10 SPY180131P00267500 +10 SPY180131P00260000",
            ["-10 SPY 2018-01-31 267.5 put", "+10 SPY 2018-01-31 260 put"],
        ),
        ("+1 SPY180131C00000125", ["+1 SPY 2018-01-31 0.125 call"]),
        ("", []),
    ],
)
def test_contracts_when_written_then_expiry_strike_and_right(legs, words):
    assert contract_words(legs) == words


@pytest.mark.parametrize(("value", "text"), [(1.234, "1.23"), (-1.5, "-1.50"), (None, "none")])
def test_ratio_when_written_then_two_decimals(value, text):
    assert ratio(value) == text
