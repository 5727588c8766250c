"""When the expert of extreme dips speaks; every expected figure is worked out by hand beside it."""

from __future__ import annotations

import dataclasses
import math
from datetime import date

import pytest

from optarb._component import override
from optarb.domain.signals import Direction
from optarb.errors import ConfigurationError, UnknownName
from optarb.experts import UltraBullExpert
from optarb.structures import LongCall, LongPut
from optarb.testing import fake_bars, fake_view

# Returns of +1 % and -1 % in turn: 100, 101, 99.99, 100.9899, ...
SAW = [100.0]
for _number in range(30):
    SAW.append(SAW[-1] * (0.99 if _number % 2 else 1.01))


def only(name, **fields):
    """An expert that asks one condition, with short lengths."""
    short = {"drawdown_length": 4, "return_length": 4, "within": 2, "spike_length": 3, "rsi_length": 2}
    return UltraBullExpert(conditions=(name,), needed=1, **{**short, "stochastic_length": 3, "stochastic_smooth": 1, **fields})


def reasons(expert, closes, vix=None):
    signal = expert.evaluate(fake_view(closes, references={} if vix is None else {"VIX": vix}))
    return None if signal is None else signal.best.reasons[1:]


@pytest.mark.parametrize(("last", "speaks"), [(87.5, True), (87.51, False), (80.0, True), (100.0, False)])
def test_drawdown_when_the_close_lies_an_eighth_below_the_highest_of_four_then_met(last, speaks):
    # 120 is five sessions back and no longer counts; the highest of the last four is 100.
    found = reasons(only("drawdown", drawdown=0.125), [120.0, 100.0, 99.0, 98.0, last])
    assert (found is not None) == speaks
    if last == 80.0:
        assert found == ("close 20.0% below its 4-session high, 12.5% asked",)


# Of +1 %, -1 %, +1 %, -1 % the mean is 0 and the sample deviation sqrt(4 x 0.0001 / 3) = 1.1547 %.
@pytest.mark.parametrize(("fall", "speaks"), [(0.0288, False), (0.0289, True)])
def test_return_when_two_and_a_half_deviations_below_the_mean_then_met(fall, speaks):
    # 2.5 x 1.1547 % = 2.8868 %.
    closes = [*SAW[:6], SAW[5] * 0.99, SAW[5] * 0.99 * (1 - fall)]
    assert (reasons(only("return", within=1, deviations=2.5), closes[-6:]) is not None) == speaks


@pytest.mark.parametrize(("within", "speaks"), [(1, False), (2, True), (3, True)])
def test_return_when_it_lies_some_sessions_back_then_met_within_them_alone(within, speaks):
    fallen = SAW[8] * 0.95
    found = reasons(only("return", within=within), [*SAW[:9], fallen, fallen * 1.001])
    # -5 % / 1.1547 % = -4.33; the returns before the newest vary far more, so that it is not unusual.
    expected = (f"a return of -4.3 deviations within {within} sessions, -2.5 asked",)
    assert found == (expected if speaks else None)


def test_return_when_those_before_are_all_equal_then_never_met():
    rising = [100.0 * 1.004**number for number in range(20)]
    assert reasons(only("return"), [*rising, rising[-1]]) is None
    assert reasons(only("return"), [100.0] * 20 + [50.0], vix=None) is None


@pytest.mark.parametrize(
    ("vix", "speaks"),
    [
        # The mean of the three before the newest two is 20: one and a half times that is 30.
        ([10.0, 20.0, 30.0, 30.0, 21.0], True),
        ([10.0, 20.0, 30.0, 21.0, 30.0], True),
        ([10.0, 20.0, 30.0, 29.9, 29.9], False),
        ([90.0, 10.0, 20.0, 30.0, 21.0, 31.0], True),
        ([20.0, 20.0, 90.0, 21.0, 21.0], False),
    ],
)
def test_spike_when_the_index_is_half_as_high_again_as_before_then_met(vix, speaks):
    assert (reasons(only("spike"), [100.0] * 9, vix) is not None) == speaks


@pytest.mark.parametrize(
    ("vix", "speaks"),
    [
        # A tenth below 40 is 36.
        ([20.0, 20.0, 20.0, 40.0, 36.0], True),
        ([20.0, 20.0, 20.0, 40.0, 36.1], False),
        # It still rises.
        ([20.0, 20.0, 20.0, 36.0, 40.0], False),
        # It falls without having been high.
        ([20.0, 20.0, 20.0, 29.0, 15.0], False),
    ],
)
def test_fade_when_the_index_comes_down_from_a_spike_then_met(vix, speaks):
    assert (reasons(only("fade"), [100.0] * 9, vix) is not None) == speaks


def test_rsi_when_two_falls_and_a_small_rise_then_as_wilder_has_it():
    # RSI of two: seeded with rise 0 and fall (6 + 3) / 2 = 4.5; then rise (0 + 1) / 2 and fall 4.5 / 2: 0.5 / 2.75 = 18.18.
    closes = [100.0, 94.0, 91.0, 92.0]
    assert reasons(only("rsi", rsi_oversold=18.19), closes) == ("RSI 18.2, at most 18.19 asked",)
    assert reasons(only("rsi", rsi_oversold=18.18), closes) is None


def test_stochastic_when_the_close_lies_low_in_the_range_then_met():
    # Lows and highs lie 0.2 % beyond open and close: from 90 x 0.998 = 89.82 to 110 x 1.002 = 110.22, and
    # (92 - 89.82) / 20.4 = 10.686 %.
    closes = [110.0, 110.0, 110.0, 90.0, 92.0]
    assert reasons(only("stochastic", stochastic_oversold=10.69), closes) == ("stochastic %K 10.7, at most 10.69 asked",)
    assert reasons(only("stochastic", stochastic_oversold=10.68), closes) is None


# A year in a narrow range, a fall of 12 % in three sessions and a day of rest; the index goes 15, 30, 40, 34.
CRASH = [100.0 if number % 2 else 100.5 for number in range(260)] + [97.0, 93.0, 88.0, 88.1]
FEAR = [15.0] * 260 + [20.0, 30.0, 40.0, 34.0]


def test_evaluate_when_everything_holds_then_bullish_with_every_figure():
    signal = UltraBullExpert(bullish=LongCall(dte=45, delta=0.6)).evaluate(fake_view(CRASH, references={"VIX": FEAR}))
    (proposal,) = signal.proposals
    assert proposal.direction is Direction.BULLISH
    assert proposal.structure == LongCall(dte=45, delta=0.6)
    assert proposal.confidence == 0.9
    told = proposal.reasons
    assert told[0] == "6 of 6 conditions hold, 4 needed"
    assert told[1] == "close 12.3% below its 252-session high, 10.0% asked"  # 88.1 / 100.5 = 0.8766
    assert "deviations within 5 sessions, -2.5 asked" in told[2]
    # Of the newest five the first is a quiet session; the mean of the sixty before is 15.
    assert told[3] == "VIX rose to 40.00, 2.67 times its mean 15.00, 1.5 asked"
    assert told[4] == "VIX 34.00 is 15.0% below its spike of 40.00, 10.0% asked"
    assert [words.split(" ")[0] for words in told[5:]] == ["RSI", "stochastic"]


@pytest.mark.parametrize(("needed", "confidence"), [(4, 0.75), (5, 0.6), (6, None)])
def test_evaluate_when_five_of_six_hold_then_the_confidence_is_the_formulas(needed, confidence):
    # The index does not fade: 5 of 6. 0.6 + 0.3 x (5 - 4) / (6 - 4) = 0.75, and with just as many as needed 0.6.
    signal = UltraBullExpert(needed=needed).evaluate(fake_view(CRASH, references={"VIX": [*FEAR[:-1], 40.0]}))
    assert (signal is None) == (confidence is None)
    if signal is not None:
        assert signal.best.confidence == pytest.approx(confidence, abs=1e-15)
        assert signal.best.reasons[0] == f"5 of 6 conditions hold, {needed} needed"


def test_evaluate_when_markets_are_quiet_then_silent():
    assert UltraBullExpert(needed=1).evaluate(fake_view(CRASH[:260], references={"VIX": FEAR[:260]})) is None


def test_evaluate_when_there_is_no_volatility_index_then_an_error_says_what_to_do():
    with pytest.raises(ConfigurationError, match="name it among the strategy's references, or leave them out"):
        UltraBullExpert().evaluate(fake_view(CRASH))


def test_evaluate_when_conditions_on_the_index_are_left_out_then_it_is_not_read():
    expert = UltraBullExpert(conditions=("drawdown", "return", "rsi", "stochastic"))
    assert expert.evaluate(fake_view(CRASH)).best.reasons[0] == "4 of 4 conditions hold, 4 needed"


def test_evaluate_when_a_reading_is_absent_then_silent_however_much_else_holds():
    expert = UltraBullExpert(needed=1)
    assert expert.evaluate(fake_view(CRASH[-200:], references={"VIX": FEAR})) is None  # no high of 252 sessions
    assert expert.evaluate(fake_view(CRASH, references={"VIX": FEAR[-64:]})) is None  # 65 closes are asked for
    stale = fake_bars(FEAR, symbol="VIX", last=date(2024, 5, 30))  # a session short of the underlying's
    assert expert.evaluate(fake_view(CRASH, references={"VIX": stale})) is None
    assert expert.evaluate(fake_view(CRASH, references={"VIX": FEAR[-65:]})) is not None


@pytest.mark.parametrize("name", ["drawdown", "return", "rsi", "stochastic"])
def test_warm_up_when_just_reached_then_the_condition_can_be_judged_and_one_bar_earlier_not(name):
    # Thresholds that nearly any price meets.
    expert = only(
        name, drawdown=1e-9, deviations=1e-9, rsi_oversold=100.0, stochastic_oversold=100.0, return_length=6, within=1
    )
    falling = [100.0 - number - 0.1 * number**2 for number in range(20)]
    assert expert.evaluate(fake_view(falling[: expert.warm_up])) is not None
    assert expert.evaluate(fake_view(falling[: expert.warm_up - 1])) is None


def test_features_when_conditions_are_left_out_then_only_what_is_read():
    assert UltraBullExpert().features == ("drawdown_252", "rsi_14", "stoch_k_14_3_1")
    assert (only("spike").features, only("spike").warm_up) == ((), 1)
    assert (only("return").features, only("return").warm_up) == ((), 7)


def test_override_when_conditions_are_given_as_a_list_then_taken():
    expert = override(UltraBullExpert(needed=2), "conditions", ["rsi", "drawdown"])
    assert expert == UltraBullExpert(needed=2, conditions=("rsi", "drawdown"))
    assert override(expert, "bullish.dte", 60).bullish == dataclasses.replace(expert.bullish, dte=60)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"bullish": LongPut}, "bullish must be an instance"),
        ({"conditions": ("rsi", "rsi")}, "each condition once"),
        ({"conditions": ["rsi"], "needed": 1}, "must be a tuple"),
        ({"conditions": ()}, "from 1 to the number of conditions, 0"),
        ({"needed": 7}, "from 1 to the number of conditions, 6, got 7"),
        ({"needed": 0}, "from 1 to"),
        ({"needed": True}, "from 1 to"),
        ({"within": 0}, "within must be a whole number of at least 1, got 0"),
        ({"return_length": 1}, "return_length must be a whole number of at least 2"),
        ({"spike_length": 2.0}, "spike_length must be a whole number"),
        ({"drawdown_length": 0}, "length must be a whole number"),
        ({"drawdown": 0.0}, "drawdown must lie between 0 and 1, got 0.0"),
        ({"drawdown": 10.0}, "drawdown must lie between 0 and 1"),
        ({"fade": math.nan}, "fade must lie between 0 and 1"),
        ({"deviations": -2.0}, "deviations must lie between 0 and inf"),
        ({"spike": 1.0}, "spike must lie between 1 and inf"),
        ({"spike": math.inf}, "spike must lie between 1 and inf"),
        ({"rsi_oversold": 101.0}, "rsi_oversold must be from 0 to 100"),
        ({"stochastic_oversold": -1.0}, "stochastic_oversold must be from 0 to 100"),
        ({"least_confidence": 0.95}, r"must rise within 0 to 1, got 0\.95 and 0\.9"),
        ({"greatest_confidence": 1.1}, "must rise within 0 to 1"),
    ],
)
def test_expert_when_a_parameter_makes_no_sense_then_refused(fields, words):
    with pytest.raises(ConfigurationError, match=words):
        UltraBullExpert(**fields)


def test_expert_when_a_condition_is_misspelt_then_the_right_one_is_suggested():
    with pytest.raises(UnknownName, match="unknown condition 'drawdwn'; did you mean 'drawdown'"):
        UltraBullExpert(conditions=("drawdwn",), needed=1)
