from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from optarb.domain.bars import Bars
from optarb.errors import BadData

DAYS = [date(2018, 1, 2), date(2018, 1, 3), date(2018, 1, 4), date(2018, 1, 8)]


def bars_of(days=DAYS, **columns):
    given = {
        "open": [10.0, 11.0, 12.0, 13.0],
        "high": [10.5, 11.5, 12.5, 13.5],
        "low": [9.5, 10.5, 11.5, 12.5],
        "close": [10.2, 11.2, 12.2, 13.2],
        "volume": [100.0, 0.0, 300.0, 400.0],
    } | columns
    arrays = {name: np.array(values, np.float64) for name, values in given.items()}
    return Bars(symbol="XYZ", sessions=np.array(days, "datetime64[D]"), **arrays)


def with_value(column, row, value):
    values = getattr(bars_of(), column).tolist()
    values[row] = value
    return {column: values}


def test_checked_when_every_value_is_usable_then_the_bars_themselves():
    bars = bars_of()
    assert bars.checked() is bars
    assert len(bars) == 4
    assert bars.dates == DAYS


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        *(
            (with_value(name, 2, value), f"{name} is NaN or infinite")
            for name in ("open", "high", "low", "close")
            for value in (math.nan, math.inf, -math.inf)
        ),
        *(
            (with_value(name, 2, value), f"{name} is zero or negative")
            for name in ("open", "high", "low", "close")
            for value in (0.0, -1.5)
        ),
        *((with_value("volume", 2, value), "volume is NaN or negative") for value in (math.nan, math.inf, -1.0)),
        (with_value("high", 2, 11.4), "high is below low"),
    ],
    ids=str,
)
def test_checked_when_a_value_is_unusable_then_symbol_session_fault_and_row_are_named(columns, words):
    bars = bars_of(**columns)
    with pytest.raises(BadData, match=rf"'XYZ', session 2018-01-04: {words} \(open .*\); mend the source") as caught:
        bars.checked()
    (name,) = columns
    assert f"{name} {columns[name][2]}" in str(caught.value)


def test_checked_when_two_rows_are_bad_then_the_first_is_named():
    with pytest.raises(BadData, match="session 2018-01-03"):
        bars_of(close=[1.0, math.nan, math.nan, 4.0]).checked()


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([DAYS[0], DAYS[1], DAYS[1], DAYS[3]], "session 2018-01-03: duplicate session"),
        ([DAYS[0], DAYS[2], DAYS[1], DAYS[3]], "session 2018-01-03: sessions are not sorted"),
    ],
)
def test_checked_when_sessions_do_not_rise_then_the_session_is_named(days, words):
    with pytest.raises(BadData, match=words):
        bars_of(days).checked()


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_checked_when_columns_differ_in_length_then_both_lengths_are_named(column):
    with pytest.raises(BadData, match=f"'XYZ': column '{column}' has 3 rows, sessions have 4"):
        bars_of(**{column: [1.0, 1.0, 1.0]}).checked()


def test_checked_when_there_are_no_rows_then_refused():
    with pytest.raises(BadData, match="'XYZ' have no rows"):
        bars_of([], open=[], high=[], low=[], close=[], volume=[]).checked()


def test_outside_range_when_open_or_close_leaves_the_range_then_counted_once_a_row():
    assert bars_of().outside_range() == 0
    assert bars_of(open=[10.6, 11.0, 11.4, 13.0], close=[10.2, 11.6, 12.6, 13.2]).outside_range() == 3
    # The bounds themselves lie inside.
    assert bars_of(open=[10.5, 11.0, 12.0, 13.0], close=[9.5, 11.2, 12.2, 13.2]).outside_range() == 0


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, DAYS),
        (DAYS[1], DAYS[2], DAYS[1:3]),
        (date(2018, 1, 5), None, DAYS[3:]),
        (None, date(2018, 1, 7), DAYS[:3]),
        (date(2017, 1, 1), date(2017, 12, 31), []),
        (DAYS[2], DAYS[1], []),
    ],
)
def test_between_when_cut_then_both_ends_are_inclusive(first, last, expected):
    assert bars_of().between(first, last).dates == expected


def test_sliced_when_taken_then_copies_that_reach_no_further():
    bars = bars_of()
    part = bars.sliced(0, 2)
    for name in ("sessions", "open", "high", "low", "close", "volume"):
        column = getattr(part, name)
        assert column.base is None
        assert not np.shares_memory(column, getattr(bars, name))
    part.close[:] = 0.0
    assert bars.close.tolist() == [10.2, 11.2, 12.2, 13.2]
    assert part.close.flags.owndata
