from __future__ import annotations

import dataclasses
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optarb.domain.bars import Bars
from optarb.domain.signals import Direction
from optarb.errors import ConfigurationError, UnknownName
from optarb.experts import RulesExpert, Scores, Vote
from optarb.indicators import named
from optarb.protocols import Expert, SupportsFeatures, SupportsWarmUp
from optarb.structures import LongCall, LongPut

POINTS = ("rsi_points", "macd_points", "squeeze_points", "adx_points", "average_points", "stochastic_points")
QUIET = {
    "rsi_14": 50.0,
    "macd_12_26_9": 1.0,
    "macd_signal_12_26_9": 1.0,
    "squeeze_20_2_1.5": 0.0,
    "bb_percent_20_2": 0.7,
    "adx_14": 25.0,
    "plus_di_14": 30.0,
    "minus_di_14": 10.0,
    "sma_20": 100.0,
    "sma_50": 100.0,
    "stoch_k_14_3_3": 50.0,
    "stoch_d_14_3_3": 50.0,
}


@dataclasses.dataclass(frozen=True)
class FeatureView:
    """A view that has features only."""

    features: dict

    def feature(self, name, symbol=None, back=0):
        if name not in self.features:
            raise UnknownName.of("column", name, self.features)
        return self.features[name]


def view(**features):
    return FeatureView({**QUIET, **{name.replace("__", "."): value for name, value in features.items()}})


def only(rule, **fields):
    """An expert with a single rule."""
    return RulesExpert(**(dict.fromkeys(POINTS, 0.0) | {rule: 2.0} | fields))


def test_rules_expert_when_built_then_serves_the_protocols():
    expert = RulesExpert()

    assert isinstance(expert, SupportsFeatures)
    assert isinstance(expert, SupportsWarmUp)
    assert callable(getattr(expert, "evaluate", None))
    assert Expert is not None
    assert expert.features == tuple(QUIET)


def test_rules_expert_when_no_rule_has_a_view_then_none():
    assert RulesExpert().evaluate(view()) is None


@pytest.mark.parametrize(
    ("rule", "features", "direction", "words"),
    [
        ("rsi_points", {"rsi_14": 29.9}, Direction.BULLISH, "RSI 29.9 is below 30"),
        ("rsi_points", {"rsi_14": 70.1}, Direction.BEARISH, "RSI 70.1 is above 70"),
        ("rsi_points", {"rsi_14": 30.0}, None, ""),
        ("rsi_points", {"rsi_14": 70.0}, None, ""),
        ("macd_points", {"macd_12_26_9": 1.5}, Direction.BULLISH, "MACD 1.50 is above its signal 1.00"),
        ("macd_points", {"macd_12_26_9": 0.5}, Direction.BEARISH, "MACD 0.50 is below its signal 1.00"),
        ("macd_points", {}, None, ""),
        ("squeeze_points", {"squeeze_20_2_1__5": 1.0}, Direction.BULLISH, "close at 70% of the bands"),
        ("squeeze_points", {"squeeze_20_2_1__5": 1.0, "bb_percent_20_2": 0.2}, Direction.BEARISH, "close at 20%"),
        ("squeeze_points", {"squeeze_20_2_1__5": 1.0, "bb_percent_20_2": 0.5}, None, ""),
        ("squeeze_points", {"bb_percent_20_2": 0.9}, None, ""),
        ("adx_points", {"adx_14": 25.1}, Direction.BULLISH, "ADX 25.1 is above 25 with +DI 30.0 and -DI 10.0"),
        ("adx_points", {"adx_14": 40.0, "plus_di_14": 5.0}, Direction.BEARISH, "+DI 5.0 and -DI 10.0"),
        ("adx_points", {"adx_14": 40.0, "plus_di_14": 10.0}, None, ""),
        ("adx_points", {"adx_14": 25.0}, None, ""),
        ("average_points", {"sma_20": 101.0}, Direction.BULLISH, "20-session average 101.00 is above the 50-session"),
        ("average_points", {"sma_20": 99.0}, Direction.BEARISH, "20-session average 99.00 is below the 50-session"),
        ("average_points", {}, None, ""),
        (
            "stochastic_points",
            {"stoch_k_14_3_3": 19.0, "stoch_d_14_3_3": 15.0},
            Direction.BULLISH,
            "stochastic %K 19.0 and %D 15.0 are below 20",
        ),
        (
            "stochastic_points",
            {"stoch_k_14_3_3": 81.0, "stoch_d_14_3_3": 85.0},
            Direction.BEARISH,
            "stochastic %K 81.0 and %D 85.0 are above 80",
        ),
        ("stochastic_points", {"stoch_k_14_3_3": 19.0, "stoch_d_14_3_3": 20.0}, None, ""),
        ("stochastic_points", {"stoch_k_14_3_3": 81.0, "stoch_d_14_3_3": 80.0}, None, ""),
    ],
)
def test_rule_when_alone_then_takes_its_side_or_none(rule, features, direction, words):
    expert = only(rule)

    signal = expert.evaluate(view(**features))

    if direction is None:
        assert signal is None
        return
    assert signal.best.direction is direction
    assert signal.best.confidence == 1.0
    assert signal.best.structure == (expert.bullish if direction is Direction.BULLISH else expert.bearish)
    assert words in signal.best.reasons[1]


def test_rules_expert_when_sides_disagree_then_winner_confidence_and_all_reasons():
    # RSI (2) and ADX (1) bullish, moving averages (1.5) bearish: 3 against 1.5 of 8.
    signal = RulesExpert().evaluate(view(rsi_14=25.0, adx_14=30.0, sma_20=99.0))

    assert signal.best.direction is Direction.BULLISH
    assert signal.best.structure == LongCall(dte=30, delta=0.5)
    assert signal.best.confidence == 3 / 8
    assert signal.best.reasons == (
        "bullish 3, bearish 1.5 of 8 points",
        "RSI 25.0 is below 30",
        "ADX 30.0 is above 25 with +DI 30.0 and -DI 10.0",
        "against: 20-session average 99.00 is below the 50-session 100.00",
    )


def test_rules_expert_when_bearish_then_long_put():
    assert only("rsi_points").evaluate(view(rsi_14=90.0)).best.structure == LongPut(dte=30, delta=0.5)


@pytest.mark.parametrize(
    ("rsi_points", "average_points", "direction"),
    [
        (3.0, 2.0, Direction.BULLISH),  # exactly 1.5 times
        (0.3, 0.2, Direction.BULLISH),  # exactly 1.5 times, though not in floats
        (2.999, 2.0, None),
        (2.0, 2.0, None),
        (2.0, 2.999, None),
        (2.0, 3.0, Direction.BEARISH),
        (0.2, 0.3, Direction.BEARISH),
    ],
)
def test_bias_when_both_sides_have_points_then_one_needs_half_as_many_again(rsi_points, average_points, direction):
    expert = only("rsi_points", rsi_points=rsi_points, average_points=average_points)

    signal = expert.evaluate(view(rsi_14=20.0, sma_20=99.0))

    assert (signal.best.direction if signal else None) is direction


def test_bias_when_dominance_is_one_then_a_tie_is_no_bias():
    expert = only("rsi_points", average_points=2.0, dominance=1.0)

    assert expert.evaluate(view(rsi_14=20.0, sma_20=99.0)) is None
    assert dataclasses.replace(expert, rsi_points=2.1).evaluate(view(rsi_14=20.0, sma_20=99.0)) is not None


weights = st.floats(0.0, 1e6)


@given(
    points=st.tuples(*[weights] * 6).filter(any),
    rsi=st.floats(0, 100),
    percent=st.floats(-2, 3),
    adx=st.floats(0, 100),
    pairs=st.tuples(*[st.floats(-1e4, 1e4)] * 4),
    stochastic=st.floats(0, 100),
)
def test_evaluate_when_any_features_and_weights_then_confidence_is_from_zero_to_one(
    *, points, rsi, percent, adx, pairs, stochastic
):
    expert = RulesExpert(**dict(zip(POINTS, points, strict=True)))
    features = {
        "rsi_14": rsi,
        "macd_12_26_9": pairs[0],
        "macd_signal_12_26_9": pairs[1],
        "squeeze_20_2_1__5": 1.0,
        "bb_percent_20_2": percent,
        "adx_14": adx,
        "sma_20": pairs[2],
        "sma_50": pairs[3],
        "stoch_k_14_3_3": stochastic,
        "stoch_d_14_3_3": stochastic,
    }

    signal = expert.evaluate(view(**features))

    if signal is not None:
        scores = expert.score(view(**features))
        ahead, behind = max(scores.bullish, scores.bearish), min(scores.bullish, scores.bearish)
        assert 0.0 < signal.best.confidence <= 1.0
        assert ahead >= 1.5 * behind * (1 - 1e-9)


@pytest.mark.parametrize("name", QUIET)
def test_evaluate_when_a_feature_is_nan_then_no_signal(name):
    features = QUIET | {"rsi_14": 10.0} | {name: math.nan}

    assert RulesExpert().evaluate(FeatureView(QUIET | {"rsi_14": 10.0})) is not None
    assert RulesExpert().evaluate(FeatureView(features)) is None


def test_features_when_rule_has_no_points_then_its_columns_are_not_read():
    expert = only("rsi_points")

    assert expert.features == ("rsi_14",)
    assert expert.warm_up == 15
    assert expert.evaluate(FeatureView({"rsi_14": 10.0})) is not None


def test_features_when_periods_are_changed_then_columns_follow():
    expert = RulesExpert(
        rsi_length=7,
        macd_fast=5,
        macd_slow=35,
        macd_signal=4,
        bollinger_length=30,
        bollinger_deviations=2.5,
        keltner_ranges=1,
        adx_length=10,
        average_fast=37,
        average_slow=90,
        stochastic_length=9,
        stochastic_smooth=2,
        stochastic_d=4,
    )

    assert expert.features == (
        "rsi_7",
        "macd_5_35_4",
        "macd_signal_5_35_4",
        "squeeze_30_2.5_1",
        "bb_percent_30_2.5",
        "adx_10",
        "plus_di_10",
        "minus_di_10",
        "sma_37",
        "sma_90",
        "stoch_k_9_2_4",
        "stoch_d_9_2_4",
    )
    assert expert.warm_up == 90


@pytest.mark.parametrize("slow", [21, 50])
def test_warm_up_when_as_many_bars_are_visible_then_every_feature_is_defined(slow):
    expert = RulesExpert(average_slow=slow)
    n = expert.warm_up
    close = 100.0 + np.sin(np.arange(n))
    bars = Bars(
        symbol="SPX",
        sessions=np.datetime64("2001-01-01", "D") + np.arange(n),
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=np.zeros(n),
    )

    last = [named(name).compute(bars)[name][-1] for name in expert.features]
    before = [named(name).compute(bars)[name][-2] for name in expert.features]

    assert not np.isnan(last).any()
    assert np.isnan(before).any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dominance": 0.99}, "dominance must be a finite number of at least 1, got 0.99"),
        ({"dominance": math.nan}, "dominance must be a finite number of at least 1, got nan"),
        ({"rsi_points": -1.0}, "rsi_points must be a finite number of at least 0, got -1.0"),
        ({"average_points": math.inf}, "average_points must be a finite number of at least 0, got inf"),
        (dict.fromkeys(POINTS, 0.0), "at least one rule needs points"),
        ({"rsi_oversold": 80.0}, "rsi_oversold must be below rsi_overbought"),
        ({"stochastic_overbought": 101.0}, "stochastic_oversold must be below stochastic_overbought"),
        ({"rsi_oversold": math.nan}, "rsi_oversold must be below rsi_overbought"),
        ({"adx_strong": 101.0}, "adx_strong must be from 0 to 100, got 101.0"),
        ({"average_fast": 50}, "average_fast must be less than average_slow, got 50 and 50"),
        ({"macd_fast": 30}, "fast must be less than slow"),
        ({"rsi_length": 0}, "length must be a whole number of at least 1, got 0"),
        ({"bullish": LongCall}, "bullish must be an instance with a choose method"),
        ({"bearish": None}, "bearish must be an instance with a choose method, got None"),
    ],
)
def test_rules_expert_when_a_field_is_out_of_range_then_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        RulesExpert(**fields)


def test_rules_expert_when_pickled_after_use_then_equal():
    expert = RulesExpert(rsi_length=7)
    assert expert.features

    assert pickle.loads(pickle.dumps(expert)) == expert
    assert hash(pickle.loads(pickle.dumps(expert))) == hash(expert)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithVolatility(RulesExpert):
    """A subclass that adds a rule, changes another and keeps quiet when it is not sure."""

    calm: float = 0.2

    @property
    def features(self):
        return (*super().features, "realised_vol_20")

    def judge_rsi(self, view):
        return None

    def score(self, view):
        calm = view.feature("realised_vol_20") < self.calm
        votes = super().score(view).votes
        return Scores(votes=(*votes, Vote(direction=Direction.BULLISH, points=9.0, reason="calm")) if calm else votes)

    def propose(self, direction, scores):
        return super().propose(direction, scores) if scores.of(direction) > 1 else None


def test_subclass_when_it_overrides_steps_then_they_are_used():
    expert = WithVolatility()

    calm = expert.evaluate(view(realised_vol_20=0.1, rsi_14=90.0))
    unsure = expert.evaluate(view(realised_vol_20=0.3, adx_14=30.0))
    defined = expert.evaluate(view(realised_vol_20=math.nan, adx_14=30.0))

    assert calm.best.reasons == ("bullish 9, bearish 0 of 8 points", "calm")
    assert calm.best.confidence == 1.0  # more points than the rules can give
    assert unsure is None
    assert defined is None
