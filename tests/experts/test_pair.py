"""When the pair's expert speaks."""

from __future__ import annotations

import math

import pytest

from optarb.domain.signals import Direction
from optarb.errors import ConfigurationError
from optarb.experts import PairExpert
from optarb.structures import CallPair, LongCall
from optarb.testing import fake_chain, fake_view

RISING = [5000.0 + number for number in range(60)]


def view(closes=RISING, *, vix=15.0, underlying="SPX"):
    other = "SPY" if underlying == "SPX" else "SPX"
    return fake_view(
        closes,
        underlying=underlying,
        references={"VIX": [99.0] * (len(closes) - 1) + [vix]},
        more_chains={other: fake_chain(symbol=other, spot=500.0)},
    )


def test_evaluate_when_conditions_hold_then_a_neutral_signal_with_the_pair_and_the_reasons():
    expert = PairExpert(structure=CallPair(dte=20, moneyness=1.01), trend="up", confidence=0.8)
    signal = expert.evaluate(view())
    (proposal,) = signal.proposals
    assert proposal.direction is Direction.NEUTRAL
    assert proposal.structure == CallPair(dte=20, moneyness=1.01)
    assert proposal.confidence == 0.8
    # The mean of 5,010 to 5,059 is 5,034.50.
    assert proposal.reasons == (
        "VIX 15.00 is from 0 to 20",
        "close 5059.00 is above its 50-session mean 5034.50",
        # Forwards 5,059 and 500: 1.01 x 5,059 = 5,109.59 is nearest to 5,100; times 500 / 5,059 that is 504.05: 504 is sold.
        "residual strike -0.05, matched by 10.118 short contracts",
    )


def test_evaluate_when_the_short_chain_is_absent_then_the_signal_says_nothing_of_the_match():
    alone = fake_view(RISING, references={"VIX": [15.0] * 60})
    (proposal,) = PairExpert().evaluate(alone).proposals
    assert proposal.reasons == ("VIX 15.00 is from 0 to 20",)


@pytest.mark.parametrize(("vix", "speaks"), [(11.99, False), (12.0, True), (18.0, True), (18.01, False)])
def test_evaluate_when_the_volatility_index_is_at_the_edge_then_both_ends_count(vix, speaks):
    expert = PairExpert(lowest_volatility=12.0, highest_volatility=18.0)
    assert (expert.evaluate(view(vix=vix)) is not None) == speaks


@pytest.mark.parametrize(
    ("trend", "closes", "speaks"),
    [
        ("up", RISING, True),
        ("up", RISING[::-1], False),
        ("down", RISING, False),
        ("down", RISING[::-1], True),
        ("up", [5000.0] * 60, False),
        ("down", [5000.0] * 60, False),
        ("any", RISING[::-1], True),
        ("up", RISING[:40], False),
        ("any", RISING[:2], True),
    ],
)
def test_evaluate_when_there_is_a_trend_then_only_the_one_asked_for_counts(trend, closes, speaks):
    assert (PairExpert(trend=trend).evaluate(view(closes)) is not None) == speaks


def test_evaluate_when_asked_about_the_short_underlying_then_silent():
    assert PairExpert().evaluate(view(underlying="SPY")) is None


def test_features_when_the_trend_is_not_read_then_none_and_one_bar_is_enough():
    assert (PairExpert().features, PairExpert().warm_up) == ((), 1)
    reads = PairExpert(trend="down", trend_length=20)
    assert (reads.features, reads.warm_up) == (("sma_20",), 20)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"structure": LongCall(dte=30, delta=0.5)}, "structure must be a CallPair"),
        ({"lowest_volatility": 21.0}, r"must rise from zero or more, got 21\.0 to 20\.0"),
        ({"lowest_volatility": -1.0}, "must rise from zero or more"),
        ({"highest_volatility": math.nan}, "must rise from zero or more"),
        ({"trend": "sideways"}, 'trend must be "up", "down" or "any", got \'sideways\''),
        ({"trend_length": 1}, "trend_length must be a whole number of at least 2, got 1"),
        ({"confidence": 1.5}, "confidence must be from 0 to 1, got 1.5"),
    ],
)
def test_expert_when_a_parameter_makes_no_sense_then_refused(fields, words):
    with pytest.raises(ConfigurationError, match=words):
        PairExpert(**fields)
