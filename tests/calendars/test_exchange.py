"""The New York calendar against published holidays and early closes."""

from __future__ import annotations

import pickle
import threading
from datetime import UTC, date, datetime

import pytest

from optarb.calendars import ExchangeCalendar
from optarb.errors import BadData, ConfigurationError

CALENDAR = ExchangeCalendar()


@pytest.mark.parametrize(
    "holiday",
    [
        date(2001, 9, 11),  # closed until 09-17
        date(2012, 10, 29),  # Hurricane Sandy
        date(2014, 4, 18),  # Good Friday
        date(2018, 12, 5),  # mourning for G. H. W. Bush
        date(2019, 5, 27),  # Memorial Day
        date(2022, 6, 20),  # Juneteenth, observed
        date(2025, 1, 9),  # mourning for J. Carter
        date(2026, 6, 19),  # Juneteenth
    ],
)
def test_sessions_when_asked_about_a_holiday_leave_it_out(holiday):
    assert CALENDAR.sessions(holiday, holiday) == ()
    with pytest.raises(BadData, match=str(holiday)):
        CALENDAR.closes_at(holiday)


def test_sessions_when_asked_for_years_are_as_many_as_the_exchange_held():
    for year, count in ((2014, 252), (2015, 252), (2016, 252), (2017, 251), (2018, 251), (2019, 252), (2020, 253)):
        assert len(CALENDAR.sessions(date(year, 1, 1), date(year, 12, 31))) == count


def test_sessions_when_asked_for_a_week_are_dates_in_order_with_both_ends():
    week = CALENDAR.sessions(date(2019, 5, 24), date(2019, 5, 29))
    assert week == (date(2019, 5, 24), date(2019, 5, 28), date(2019, 5, 29))
    assert all(type(day) is date for day in week)
    assert CALENDAR.sessions(date(2019, 5, 29), date(2019, 5, 24)) == ()


def test_closes_at_when_a_half_day_is_one_in_the_afternoon():
    assert CALENDAR.closes_at(date(2019, 7, 3)) == datetime(2019, 7, 3, 17, 0, tzinfo=UTC)
    assert CALENDAR.closes_at(date(2018, 11, 23)) == datetime(2018, 11, 23, 18, 0, tzinfo=UTC)
    assert CALENDAR.closes_at(date(2019, 7, 5)) == datetime(2019, 7, 5, 20, 0, tzinfo=UTC)
    assert CALENDAR.opens_at(date(2019, 1, 2)) == datetime(2019, 1, 2, 14, 30, tzinfo=UTC)


def test_calendar_when_asked_beyond_its_span_says_so():
    short = ExchangeCalendar(start=date(2019, 1, 1), end=date(2019, 6, 30))
    with pytest.raises(BadData, match="2019-07-01"):
        short.sessions(date(2019, 6, 1), date(2019, 7, 1))


def test_calendar_when_the_exchange_is_unknown_says_so():
    with pytest.raises(ConfigurationError, match="'NOPE'"):
        ExchangeCalendar(name="NOPE").sessions(date(2019, 1, 1), date(2019, 1, 31))


def test_calendar_when_start_is_not_before_end_refuses():
    with pytest.raises(ValueError, match="start < end"):
        ExchangeCalendar(start=date(2019, 1, 1), end=date(2019, 1, 1))


def test_calendar_when_pickled_and_used_from_threads_is_the_same():
    copy = pickle.loads(pickle.dumps(CALENDAR))
    assert copy == CALENDAR
    fresh = ExchangeCalendar(start=date(2011, 1, 1), end=date(2012, 1, 1))
    counts = []
    threads = [
        threading.Thread(target=lambda: counts.append(len(fresh.sessions(date(2011, 1, 3), date(2011, 12, 30)))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [252] * 4
