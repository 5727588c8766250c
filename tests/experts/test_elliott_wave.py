"""When the expert of Elliott's waves speaks, on hand-made zigzags."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from optarb.domain.signals import Direction
from optarb.errors import ConfigurationError, UnknownName
from optarb.experts import ElliottWaveExpert
from optarb.structures import LongCall, LongPut
from optarb.testing import fake_bars, fake_view


def line(*turns, step=2.0):
    """Closes that go from turn to turn by steps."""
    closes = [turns[0]]
    for turn in turns[1:]:
        count = round(abs(turn - closes[-1]) / step)
        closes.extend(np.linspace(closes[-1], turn, count + 1)[1:].tolist())
    return closes


def bars_of(closes):
    """Bars without a range of their own, so that a swing ends exactly at a close."""
    bars = fake_bars(closes)
    return dataclasses.replace(bars, open=bars.close, high=bars.close, low=bars.close)


def view(closes, **more):
    # The average true range is given, so that a turn of 3 x 4 = 12 points confirms a pivot.
    return fake_view(bars=bars_of(closes), features={"atr_14": 4.0}, **more)


# A fall to 1000 that begins the count; wave 1: 1000 to 1100, wave 2 to 1050, wave 3 to 1212 (1.62 times), wave 4 to 1150
# (0.3827 of it), wave 5 to 1250; A to 1190, B to 1220, C to 1160. The turns after them are 12 points, by steps of 2.
TO_2 = line(1040.0, 1000.0, 1100.0, 1050.0, 1062.0)
TO_4 = line(1040.0, 1000.0, 1100.0, 1050.0, 1212.0, 1150.0, 1162.0)
TO_C = line(1040.0, 1000.0, 1100.0, 1050.0, 1212.0, 1150.0, 1250.0, 1190.0, 1220.0, 1160.0, 1172.0)


def mirrored(closes):
    return [2200.0 - close for close in closes]


@pytest.mark.parametrize(
    ("closes", "end", "invalidation", "price"),
    [(TO_2, "wave 2", 1000, 1050), (TO_4, "wave 4", 1100, 1150), (TO_C, "wave C", 1160, 1160)],
    ids=["wave 2", "wave 4", "wave C"],
)
def test_evaluate_when_a_wave_has_ended_then_the_direction_of_the_impulse_and_its_mirror(closes, end, invalidation, price):
    expert = ElliottWaveExpert(
        ends=(end,), lookback=400, bullish=LongCall(dte=45, delta=0.6), bearish=LongPut(dte=45, delta=0.6)
    )
    up, down = expert.evaluate(view(closes)).best, expert.evaluate(view(mirrored(closes))).best

    assert (up.direction, up.structure) == (Direction.BULLISH, expert.bullish)
    assert (down.direction, down.structure) == (Direction.BEARISH, expert.bearish)
    assert up.confidence == pytest.approx(down.confidence, abs=1e-12)
    assert up.reasons[0].startswith(f"{end} of a rising impulse ended at {price} on ")
    assert down.reasons[0].startswith(f"{end} of a falling impulse ended at {2200 - price} on ")
    assert up.reasons[-1] == f"invalid below {invalidation}"
    assert down.reasons[-1] == f"invalid above {2200 - invalidation}"


def test_evaluate_when_wave_4_has_ended_then_every_proportion_is_told():
    (proposal,) = ElliottWaveExpert(ends=("wave 4",)).evaluate(view(TO_4)).proposals
    bars = bars_of(TO_4)
    # The turn up from 1150 is 12 points after six steps of two.
    ended, known = bars.dates[-7], bars.dates[-1]
    assert proposal.reasons == (
        f"wave 4 of a rising impulse ended at 1150 on {ended}, known since {known}",
        f"from 1000 on {bars.dates[20]} by 1100, 1050, 1212",
        "wave 2 / wave 1 0.500, usual 0.5, scores 1.00",
        "wave 3 / wave 1 1.620, usual 1.618, scores 1.00",
        # 62 / 162 = 0.38272, by 0.00188 more than 0.382.
        "wave 4 / wave 3 0.383, usual 0.382, scores 0.99",
        "invalid below 1100",
    )
    # The scores are 1, 1 - (1.62 / 1.618 - 1) / 0.25 = 0.995056 and 1 - (0.382716 / 0.382 - 1) / 0.25 = 0.992502, their
    # mean 0.995853, and the confidence 0.6 + 0.3 x (0.995853 - 0.6) / 0.4 = 0.896890.
    assert proposal.confidence == pytest.approx(0.896890, abs=2e-6)


def test_evaluate_when_several_counts_end_here_then_the_highest_score_speaks():
    # As a wave 2 of the swing from 1050 to 1212 the fall to 1150 gives back 0.383: 0.234 off 0.5, a score of 0.06.
    (proposal,) = ElliottWaveExpert(least_score=0.0).evaluate(view(TO_4)).proposals
    assert proposal.reasons[0].startswith("wave 4")


@pytest.mark.parametrize(("later", "speaks"), [(0, True), (1, False)])
def test_evaluate_when_the_pivot_was_known_before_the_newest_bar_then_silent(later, speaks):
    closes = [*TO_4, *[1163.0] * later]
    assert (ElliottWaveExpert(ends=("wave 4",)).evaluate(view(closes)) is not None) == speaks
    assert ElliottWaveExpert(ends=("wave 4",), fresh=2).evaluate(view(closes)) is not None


def test_evaluate_when_the_turn_is_not_far_enough_then_silent():
    assert ElliottWaveExpert().evaluate(view(TO_4[:-1])) is None


def test_evaluate_when_the_score_is_too_low_then_silent():
    assert ElliottWaveExpert(ends=("wave 4",), least_score=0.996).evaluate(view(TO_4)) is None
    assert ElliottWaveExpert(ends=("wave 4",), least_score=0.995).evaluate(view(TO_4)) is not None


def test_evaluate_when_a_rule_is_broken_then_no_count():
    # Wave 4 falls to 1098, within wave 1.
    closes = line(1040.0, 1000.0, 1100.0, 1050.0, 1212.0, 1098.0, 1110.0)
    assert ElliottWaveExpert(ends=("wave 4",), least_score=0.0).evaluate(view(closes)) is None


def test_evaluate_when_swings_lie_before_the_lookback_then_they_are_not_counted():
    expert = ElliottWaveExpert(ends=("wave 4",))
    # Wave 1 begins at row 20; six rows before it the fall is long enough to say that it ended there.
    needed = len(TO_4) - 14
    assert dataclasses.replace(expert, lookback=needed).evaluate(view(TO_4)) is not None
    assert dataclasses.replace(expert, lookback=needed - 1).evaluate(view(TO_4)) is None


def test_evaluate_when_a_later_bar_went_beyond_the_invalidation_then_silent():
    # The range widens, so that a fall below the end of wave C confirms no new high.
    closes = [*TO_C, 1159.0]
    ranges = [4.0] * len(TO_C) + [20.0]
    expert = ElliottWaveExpert(ends=("wave C",), fresh=2, lookback=400)
    assert expert.evaluate(fake_view(bars=bars_of(closes), features={"atr_14": ranges})) is None
    closes[-1] = 1160.0
    assert expert.evaluate(fake_view(bars=bars_of(closes), features={"atr_14": ranges})) is not None


def test_evaluate_when_a_walk_is_read_then_most_sessions_have_no_count():
    rng = np.random.default_rng(5)
    closes = (4000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.011, 420)))).tolist()
    said = [ElliottWaveExpert().evaluate(fake_view(closes[:end], chain=None)) for end in range(60, 420, 4)]
    spoken = sum(signal is not None for signal in said)
    assert 0 < spoken < 18  # of 90 sessions: most of the time there is no count


@pytest.mark.parametrize("closes", [[5000.0] * 60, [5000.0 * 1.004**number for number in range(60)], [5000.0] * 16])
def test_evaluate_when_prices_do_not_swing_then_no_count(closes):
    assert ElliottWaveExpert(least_score=0.0).evaluate(fake_view(closes)) is None


def test_features_when_asked_then_the_range_and_its_warm_up():
    assert (ElliottWaveExpert().features, ElliottWaveExpert().warm_up) == (("atr_14",), 15)
    assert (ElliottWaveExpert(range_length=5).features, ElliottWaveExpert(range_length=5).warm_up) == (("atr_5",), 6)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"bullish": LongCall}, "bullish must be an instance"),
        ({"bearish": 3}, "bearish must be an instance"),
        ({"ends": ()}, "one wave at least"),
        ({"ends": ("wave 2", "wave 2")}, "each once"),
        ({"ends": ["wave 2"]}, "must be a tuple"),
        ({"reversal": 0.0}, "reversal must be a finite number greater than 0"),
        ({"reversal": math.nan}, "reversal must be a finite number"),
        ({"tolerance": math.inf}, "tolerance must be a finite number"),
        ({"range_length": 0}, "length must be a whole number"),
        ({"lookback": 9}, "lookback must be a whole number of at least 10, got 9"),
        ({"fresh": 0}, "fresh must be a whole number of at least 1"),
        ({"fresh": True}, "fresh must be a whole number"),
        ({"least_score": 1.0}, "least_score must be from 0 to less than 1"),
        ({"least_confidence": 0.95}, "must rise within 0 to 1"),
        ({"greatest_confidence": math.nan}, "must rise within 0 to 1"),
    ],
)
def test_expert_when_a_parameter_makes_no_sense_then_refused(fields, words):
    with pytest.raises(ConfigurationError, match=words):
        ElliottWaveExpert(**fields)


def test_expert_when_a_wave_is_misspelt_then_the_right_one_is_suggested():
    with pytest.raises(UnknownName, match="unknown end of a wave 'wave c'; did you mean 'wave "):
        ElliottWaveExpert(ends=("wave c",))
