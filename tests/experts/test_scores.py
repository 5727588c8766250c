from __future__ import annotations

import math

import pytest

from optarb.domain.signals import Direction
from optarb.errors import ConfigurationError
from optarb.experts import Scores, Vote


def test_scores_when_votes_of_both_sides_then_summed_by_side():
    scores = Scores(
        votes=(
            Vote(direction=Direction.BULLISH, points=0.1, reason="a"),
            Vote(direction=Direction.BEARISH, points=1.0, reason="b"),
            Vote(direction=Direction.BULLISH, points=0.2, reason="c"),
        )
    )

    assert scores.bullish == pytest.approx(0.3)
    assert scores.bearish == 1.0
    assert scores.of(Direction.NEUTRAL) == 0.0
    assert scores.reasons(Direction.BULLISH) == ("a", "c", "against: b")
    assert scores.reasons(Direction.BEARISH) == ("b", "against: a", "against: c")


def test_scores_when_no_votes_then_zero():
    assert (Scores(votes=()).bullish, Scores(votes=()).bearish) == (0.0, 0.0)


def test_vote_when_neutral_then_refused():
    with pytest.raises(ConfigurationError, match="a rule without a view returns None"):
        Vote(direction=Direction.NEUTRAL, points=1.0, reason="")


@pytest.mark.parametrize("points", [0.0, -1.0, math.nan, math.inf])
def test_vote_when_points_are_not_above_zero_then_refused(points):
    with pytest.raises(ConfigurationError, match="points of a vote must be a finite number greater than 0, got"):
        Vote(direction=Direction.BULLISH, points=points, reason="")
