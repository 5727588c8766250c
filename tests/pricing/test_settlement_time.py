"""When contracts settle, in UTC, in summer and winter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from optarb.domain.contracts import Settlement
from optarb.pricing import session_close, session_open, settles_at, year_fraction


def test_session_times_when_daylight_saving_changes_follow_new_york():
    assert session_close(date(2019, 3, 8)) == datetime(2019, 3, 8, 21, 0, tzinfo=UTC)
    assert session_close(date(2019, 3, 11)) == datetime(2019, 3, 11, 20, 0, tzinfo=UTC)
    assert session_open(date(2019, 3, 11)) == datetime(2019, 3, 11, 13, 30, tzinfo=UTC)


def test_settles_at_when_a_standard_is_listed_for_saturday_is_as_of_friday():
    saturday, friday = date(2014, 10, 18), date(2014, 10, 17)
    assert settles_at(Settlement.AM, saturday) == session_open(friday)
    assert settles_at(Settlement.PHYSICAL, saturday) == session_close(friday)
    assert settles_at(Settlement.PM, friday) == session_close(friday)


def test_year_fraction_when_settled_is_zero_and_never_negative():
    expiry = date(2019, 5, 17)
    assert year_fraction(Settlement.PM, expiry, session_close(expiry)) == 0.0
    assert year_fraction(Settlement.PM, expiry, session_close(expiry) + timedelta(days=1)) == 0.0


def test_year_fraction_when_the_instant_has_no_time_zone_refuses():
    with pytest.raises(ValueError, match="aware"):
        year_fraction(Settlement.PM, date(2019, 5, 17), datetime(2019, 5, 1))  # noqa: DTZ001 - the point of the test
