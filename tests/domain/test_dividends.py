"""Dividends that are known, and estimates of those to come."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from optarb.domain.dividends import Dividend, with_estimates

# SPY went ex on these third Fridays.
YEAR = [date(2023, 3, 17), date(2023, 6, 16), date(2023, 9, 15), date(2023, 12, 15)]


def paid(days, amount="1.60"):
    return [Dividend(ex_date=day, amount=Decimal(amount)) for day in days]


def test_estimates_when_quarterly_on_third_fridays_then_the_ex_dates_that_came():
    found = with_estimates(paid(YEAR), date(2025, 3, 31))
    # As they came, from the fund's own list.
    came = [date(2024, 3, 15), date(2024, 6, 21), date(2024, 9, 20), date(2024, 12, 20), date(2025, 3, 21)]
    assert [one.ex_date for one in found] == [*YEAR, *came]
    assert [one.announced for one in found] == [True] * 4 + [False] * 5
    assert {one.amount for one in found} == {Decimal("1.60")}


def test_estimates_when_the_next_is_announced_some_days_off_then_not_estimated_too():
    known = paid([*YEAR, date(2024, 3, 13)])
    found = with_estimates(known, date(2024, 6, 30))
    assert [one.ex_date for one in found[4:]] == [date(2024, 3, 13), date(2024, 6, 21)]
    assert [one.announced for one in found[4:]] == [True, False]


def test_estimates_when_a_fifth_weekday_is_missing_then_the_last_of_the_month():
    (_, again) = with_estimates(paid([date(2024, 5, 31)]), date(2025, 12, 31))
    assert again.ex_date == date(2025, 5, 30)
    (_, again) = with_estimates(paid([date(2023, 6, 29)]), date(2024, 12, 31))  # the fifth Thursday; June 2024 has four
    assert again.ex_date == date(2024, 6, 27)


def test_estimates_when_nothing_is_known_or_paid_long_ago_then_none_or_still_yearly():
    assert with_estimates([], date(2024, 12, 31)) == ()
    found = with_estimates(paid([date(2020, 6, 19)]), date(2022, 12, 31))
    assert [one.ex_date for one in found] == [date(2020, 6, 19), date(2021, 6, 18), date(2022, 6, 17)]


@pytest.mark.parametrize("amount", [1.6, Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity")])
def test_dividend_when_no_positive_decimal_then_refused(amount):
    with pytest.raises(ValueError, match="positive Decimal"):
        Dividend(ex_date=date(2024, 6, 21), amount=amount)
