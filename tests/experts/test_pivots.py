"""Swings: known answers, and what no later bar, no scale and no mirror may change."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optarb.experts.pivots import find_pivots

# Bars with whole numbers, so that changing signs or doubling prices is exact, and turns of a few points.
BARS = st.lists(
    st.tuples(st.integers(-30, 30), st.integers(0, 6), st.sampled_from([4.0, 7.0, 10.0, 0.0, math.nan])), max_size=60
).map(lambda rows: [(float(low + span), float(low), distance) for low, span, distance in rows])


def found(bars):
    return find_pivots([bar[0] for bar in bars], [bar[1] for bar in bars], [bar[2] for bar in bars])


def closes(*prices, reversal=10.0):
    """Bars without a range."""
    return [(float(price), float(price), reversal) for price in prices]


def told(pivots):
    return [(pivot.row, pivot.price, "high" if pivot.high else "low", pivot.known_row) for pivot in pivots]


def test_find_pivots_when_a_zigzag_turns_by_ten_then_each_turn_is_known_where_it_is_far_enough():
    bars = closes(100, 105, 112, 120, 115, 110, 104, 109, 113, 114, 125)
    # The low of 100 is the first extreme and no pivot. 110 is 10 below 120, and 114 the first that is 10 above 104.
    assert told(found(bars)) == [(3, 120.0, "high", 5), (6, 104.0, "low", 9)]


def test_find_pivots_when_turns_are_smaller_than_the_reversal_then_none():
    assert found(closes(100, 105, 98, 104, 97, 105)) == ()


def test_find_pivots_when_bars_have_ranges_then_highs_and_lows_are_used():
    bars = [(101.0, 99.0, 10.0), (112.0, 108.0, 10.0), (111.0, 102.0, 10.0), (112.0, 103.0, 10.0)]
    assert told(found(bars)) == [(1, 112.0, "high", 2), (2, 102.0, "low", 3)]


def test_find_pivots_when_a_bar_extends_the_swing_and_turns_then_a_later_bar_must_confirm():
    wide = [*closes(100, 112), (130.0, 100.0, 10.0)]
    assert found(wide) == ()
    assert found([*wide, *closes(121)]) == ()
    assert told(found([*wide, *closes(120)])) == [(2, 130.0, "high", 3)]
    # The same upside down: a bar that falls to 70 and rises to 100.
    fallen = [*closes(100, 88), (100.0, 70.0, 10.0)]
    assert found(fallen) == ()
    assert told(found([*fallen, *closes(80)])) == [(2, 70.0, "low", 3)]


def test_find_pivots_when_the_first_swing_could_be_either_then_the_search_starts_anew():
    assert found([(120.0, 100.0, 10.0), (115.0, 105.0, 10.0)]) == ()  # 15 below 120 and 15 above 100
    # From the 115 and 105 on, 106 is 9 below and 116 is 11 above: the low of 105 is the first extreme and no pivot. From
    # the 120 on, the high would have been the first, and 105 a pivot.
    assert found([(120.0, 100.0, 10.0), (115.0, 105.0, 10.0), (109.0, 106.0, 10.0), (116.0, 110.0, 10.0)]) == ()


def test_find_pivots_when_extremes_are_equal_then_the_first():
    assert told(found(closes(100, 120, 115, 120, 105, 100, 100, 120))) == [
        (1, 120.0, "high", 4),
        (5, 100.0, "low", 7),
    ]


@pytest.mark.parametrize("reversal", [math.nan, 0.0, -1.0])
def test_find_pivots_when_the_reversal_is_unknown_or_nothing_then_no_bar_confirms(reversal):
    assert found(closes(100, 200, 100, 200, reversal=reversal)) == ()


def test_find_pivots_when_the_reversal_was_wider_before_then_the_true_extreme_of_the_swing_counts():
    # The bar at 95 is the low of the fall, although the turn became known only two bars later.
    bars = [*closes(100, 120), *closes(95, reversal=50.0), *closes(99, reversal=20.0), *closes(105)]
    assert told(found(bars)) == [(1, 120.0, "high", 3), (2, 95.0, "low", 4)]


def test_find_pivots_when_the_bars_begin_elsewhere_then_the_same_pivots_from_the_second_extreme_on():
    bars = closes(100, 130, 110, 140, 105, 135, 100, 120, 90)
    all_of_them = told(found(bars))
    for first in range(5):
        later = [(row + first, price, kind, known + first) for row, price, kind, known in told(found(bars[first:]))]
        assert later == all_of_them[first:]


def test_find_pivots_when_lengths_differ_then_refused():
    with pytest.raises(ValueError, match="shorter"):
        find_pivots([1.0, 2.0], [1.0, 2.0], [1.0])


@given(bars=BARS)
def test_find_pivots_when_bars_are_added_then_what_was_known_stays(bars):
    pivots = found(bars)
    for known in range(len(bars)):
        assert found(bars[: known + 1]) == tuple(pivot for pivot in pivots if pivot.known_row <= known)


@given(bars=BARS)
def test_find_pivots_when_prices_are_scaled_then_the_same_swings(bars):
    doubled = found([(high * 4, low * 4, distance * 4) for high, low, distance in bars])
    assert [(one.row, one.price / 4, one.high, one.known_row) for one in doubled] == [
        (one.row, one.price, one.high, one.known_row) for one in found(bars)
    ]


@given(bars=BARS)
def test_find_pivots_when_prices_are_mirrored_then_highs_are_lows(bars):
    mirrored = found([(-low, -high, distance) for high, low, distance in bars])
    assert [(one.row, -one.price, not one.high, one.known_row) for one in mirrored] == [
        (one.row, one.price, one.high, one.known_row) for one in found(bars)
    ]


@given(bars=BARS)
def test_find_pivots_when_any_bars_then_highs_and_lows_in_turn_are_the_extremes_between_them(bars):
    pivots = found(bars)
    for pivot in pivots:
        high, low, _ = bars[pivot.row]
        assert pivot.price == (high if pivot.high else low)
        distance = bars[pivot.known_row][2]
        turned = pivot.price - bars[pivot.known_row][1] if pivot.high else bars[pivot.known_row][0] - pivot.price
        assert turned >= distance > 0
    for before, after in pairwise(pivots):
        assert before.high != after.high
        assert before.row < before.known_row <= after.known_row
        assert before.row < after.row < after.known_row
        swing = bars[before.row + 1 : after.row + 1]
        if after.high:
            assert after.price == max(high for high, _, _ in swing) > before.price
        else:
            assert after.price == min(low for _, low, _ in swing) < before.price
