"""Elliott's waves: known answers on hand-made zigzags, and rules that no count may break."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optarb.experts.pivots import Pivot, find_pivots
from optarb.experts.wave_counts import count_waves


def zigzag(*prices, sign=1.0, first_high=False):
    """Pivots at the prices in turn; the first is a low."""
    return tuple(
        Pivot(row=2 * number, price=sign * price, high=(number % 2 == 1) != first_high, known_row=2 * number + 1)
        for number, price in enumerate(prices)
    )


def counts(*prices, **fields):
    return {count.end: count for count in count_waves(zigzag(*prices), **fields)}


def ratios(count):
    return {one.name: one.ratio for one in count.ratios}


# Wave 1: 100 to 120; wave 2 gives back a half; wave 3: 110 to 142.36, 1.618 times; wave 4 gives back 0.382 of it,
# 12.36152, to 129.99848; wave 5 is as long as wave 1.
IMPULSE = (100.0, 120.0, 110.0, 142.36, 129.99848, 149.99848)


def test_count_waves_when_wave_2_gives_back_a_half_then_counted_with_the_start_as_invalidation():
    (count,) = count_waves(zigzag(*IMPULSE[:3]))
    assert (count.end, count.rising, count.invalidation) == ("wave 2", True, 100.0)
    assert count.score == 1.0
    assert ratios(count) == {"wave 2 / wave 1": 0.5}
    assert [pivot.price for pivot in count.pivots] == [100.0, 120.0, 110.0]


@pytest.mark.parametrize(
    ("end", "score"),
    [
        # 0.5 less a tenth of itself is missed by 0.1 / 0.25 of the tolerance.
        (111.0, 0.6),
        # 0.375 is a quarter off.
        (112.5, 0.0),
        (119.0, 0.0),
        # 0.6 lies nearer to 0.618, by 0.018 / 0.618 = 0.029126 of it: 1 - 0.029126 / 0.25 = 0.883495.
        (108.0, 0.883495),
    ],
)
def test_count_waves_when_a_ratio_is_missed_then_the_score_falls_evenly_to_the_tolerance(end, score):
    assert counts(100.0, 120.0, end)["wave 2"].score == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize("end", [100.0, 99.0])
def test_count_waves_when_wave_2_gives_back_all_then_none(end):
    assert counts(100.0, 120.0, end) == {}


def test_count_waves_when_wave_4_has_ended_then_counted_with_the_end_of_wave_1_as_invalidation():
    found = counts(*IMPULSE[:5])["wave 4"]
    assert (found.rising, found.invalidation) == (True, 120.0)
    assert ratios(found) == pytest.approx({"wave 2 / wave 1": 0.5, "wave 3 / wave 1": 1.618, "wave 4 / wave 3": 0.382})
    assert found.score == pytest.approx(1.0)


@pytest.mark.parametrize(
    "prices",
    [
        (100.0, 120.0, 110.0, 142.0, 120.0),  # wave 4 ends where wave 1 did
        (100.0, 120.0, 110.0, 142.0, 119.0),  # within wave 1
        (100.0, 120.0, 99.0, 142.0, 130.0),  # wave 2 beyond the start
        (100.0, 120.0, 110.0, 129.0, 125.0),  # wave 3, 19 long, shorter than wave 1
        (100.0, 120.0, 105.0, 118.0, 110.0),  # wave 3 does not pass the end of wave 1
    ],
)
def test_count_waves_when_a_rule_is_broken_then_no_wave_4(prices):
    assert "wave 4" not in counts(*prices)


# The impulse gains 49.99848; wave A loses 16 of it, wave B gets a half back, and wave C loses 16 again, as much as A.
CORRECTED = (*IMPULSE, 133.99848, 141.99848, 125.99848)


def test_count_waves_when_a_correction_has_ended_then_counted_with_its_end_as_invalidation():
    found = counts(*CORRECTED)["wave C"]
    assert (found.rising, found.invalidation) == (True, 125.99848)
    assert ratios(found) == pytest.approx(
        {
            "wave 2 / wave 1": 0.5,
            "wave 3 / wave 1": 1.618,
            "wave 4 / wave 3": 0.382,
            "wave 5 / wave 1": 1.0,
            "wave B / wave A": 0.5,
            "wave C / wave A": 1.0,
            "correction / impulse": 24 / 49.99848,
        }
    )
    # The last, 0.480015, is 0.039971 of 0.5 below it and scores 0.840117; the others score 1: (6 + 0.840117) / 7.
    assert found.score == pytest.approx(0.977160, abs=1e-6)


@pytest.mark.parametrize(
    "changed",
    [
        {5: 142.0},  # the fifth wave fails to pass the third
        {1: 140.0, 3: 145.0, 2: 115.0, 4: 141.0, 5: 175.0},  # waves of 40, 30 and 34: the third is the shortest
        {7: 150.0},  # wave B passes the start of wave A
        {8: 135.0},  # wave C does not pass the end of wave A
        {8: 99.0},  # the correction takes back more than the impulse
    ],
)
def test_count_waves_when_impulse_or_correction_break_a_rule_then_no_wave_c(changed):
    prices = list(CORRECTED)
    for number, price in changed.items():
        prices[number] = price
    assert "wave C" not in counts(*prices)


def test_count_waves_when_wave_3_is_shorter_than_the_first_but_not_than_the_fifth_then_still_a_wave_c():
    # Waves of 20, 18 and 6.
    assert "wave C" in counts(100.0, 120.0, 115.0, 133.0, 128.0, 134.0, 125.0, 130.0, 120.0)


def test_count_waves_when_the_newest_pivot_is_a_high_then_the_mirror_image():
    rising = count_waves(zigzag(*CORRECTED))
    falling = count_waves(zigzag(*CORRECTED, sign=-1.0, first_high=True))
    assert rising
    assert [(one.end, one.rising, one.score, -one.invalidation) for one in falling] == [
        (one.end, False, one.score, one.invalidation) for one in rising
    ]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_count_waves_when_there_are_too_few_pivots_then_none(number):
    assert count_waves(zigzag(*IMPULSE[:number])) == ()


def test_count_waves_when_the_tolerance_is_wider_then_the_score_is_higher():
    assert counts(100.0, 120.0, 111.0, tolerance=0.5)["wave 2"].score == pytest.approx(0.8)


# A walk of whole numbers: every bar without a range, turns of 3 points or more.
WALKS = st.lists(st.integers(-5, 6), min_size=20, max_size=90)


def walked(steps, sign=1.0, scale=1.0):
    price, prices = 500.0, []
    for step in steps:
        price += step
        prices.append(sign * scale * price)
    return prices


def counted(prices, reversal=3.0):
    """The counts at each pivot in turn."""
    pivots = find_pivots(prices, prices, [reversal] * len(prices))
    return [count for number in range(len(pivots)) for count in count_waves(pivots[: number + 1])]


def check_rules(count):
    """Frost and Prechter's rules, told anew on the prices of a rising impulse."""
    prices = [pivot.price if count.rising else -pivot.price for pivot in count.pivots]
    moves = [after - before for before, after in pairwise(prices)]
    assert [move > 0 for move in moves] == [number % 2 == 0 for number in range(len(moves))]
    assert prices[2] > prices[0], "wave 2 goes beyond the start of wave 1"
    if count.end != "wave 2":
        assert prices[4] > prices[1], "wave 4 enters wave 1"
        assert prices[3] > prices[1]
    if count.end == "wave 4":
        assert moves[2] >= moves[0], "a long wave 5 would make wave 3 the shortest"
    if count.end == "wave C":
        assert moves[2] >= moves[0] or moves[2] >= moves[4], "wave 3 is the shortest"
        assert prices[5] == max(prices)
        assert prices[0] < prices[8] < prices[6]
    assert 0.0 <= count.score <= 1.0
    assert (count.invalidation if count.rising else -count.invalidation) <= prices[-1]


@given(steps=WALKS)
def test_count_waves_when_any_walk_then_no_count_breaks_a_rule(steps):
    for count in counted(walked(steps)):
        check_rules(count)


def test_count_waves_when_a_long_walk_is_read_then_every_end_is_found_and_none_breaks_a_rule():
    # What the properties above are asked of must be there to be asked.
    steps = np.random.default_rng(3).integers(-5, 6, 20_000).tolist()
    found = counted(walked(steps))
    for count in found:
        check_rules(count)
    by_end = Counter((count.end, count.rising) for count in found)
    assert len(by_end) == 6
    assert min(by_end.values()) > 20


@given(steps=WALKS)
def test_count_waves_when_prices_are_scaled_or_mirrored_then_the_same_counts(steps):
    plain = [(one.end, one.rising, one.score, one.ratios) for one in counted(walked(steps))]
    scaled = [(one.end, one.rising, one.score, one.ratios) for one in counted(walked(steps, scale=8.0), reversal=24.0)]
    mirrored = [(one.end, not one.rising, one.score, one.ratios) for one in counted(walked(steps, sign=-1.0))]
    assert scaled == plain
    assert mirrored == plain
