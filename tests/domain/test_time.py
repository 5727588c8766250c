from __future__ import annotations

from datetime import UTC, datetime

import pytest

from optarb.domain.time import NEW_YORK, require_utc


@pytest.mark.parametrize(
    ("instant", "hour"), [(datetime(2018, 1, 17, 16, tzinfo=NEW_YORK), 21), (datetime(2018, 7, 17, 16, tzinfo=NEW_YORK), 20)]
)
def test_require_utc_when_aware_then_the_same_instant_in_utc(instant, hour):
    found = require_utc(instant, "taken_at")
    assert (found, found.tzinfo, found.hour) == (instant, UTC, hour)


def test_require_utc_when_naive_then_refused_with_what_and_value():
    with pytest.raises(ValueError, match=r"taken_at must be aware.*datetime\(2018, 1, 17"):
        require_utc(datetime(2018, 1, 17), "taken_at")  # noqa: DTZ001 - naive on purpose
