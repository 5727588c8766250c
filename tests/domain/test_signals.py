from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from optarb.domain.legs import NoFit
from optarb.domain.signals import Direction, Proposal, Signal


@dataclass(frozen=True, kw_only=True)
class Nothing:
    name: str = "nothing"

    def choose(self, chains, underlying):
        return NoFit(reason=self.name)


def proposal(confidence, name="nothing"):
    return Proposal(direction=Direction.NEUTRAL, structure=Nothing(name=name), confidence=confidence)


@pytest.mark.parametrize("confidence", [-0.01, 1.01, math.nan, math.inf, "0.5", None])
def test_proposal_when_confidence_is_no_fraction_then_refused_with_the_value(confidence):
    with pytest.raises(ValueError, match="from 0 to 1, got") as caught:
        proposal(confidence)
    assert repr(confidence) in str(caught.value)


@pytest.mark.parametrize("confidence", [0, 0.0, 0.5, 1, 1.0])
def test_proposal_when_confidence_is_a_fraction_then_taken(confidence):
    assert proposal(confidence).confidence == confidence


@pytest.mark.parametrize("structure", [Nothing, None, "LongCall", object()])
def test_proposal_when_structure_cannot_choose_then_refused(structure):
    with pytest.raises(ValueError, match="instance with a choose method"):
        Proposal(direction=Direction.BULLISH, structure=structure, confidence=0.5)


def test_signal_when_without_proposals_then_refused_with_the_remedy():
    with pytest.raises(ValueError, match="return None"):
        Signal(proposals=())


def test_best_when_two_are_equal_then_the_first():
    first, second = proposal(0.7, "first"), proposal(0.7, "second")
    assert Signal(proposals=(proposal(0.2), first, second)).best is first


@pytest.mark.parametrize(
    ("make", "direction"),
    [(Signal.bullish, Direction.BULLISH), (Signal.bearish, Direction.BEARISH), (Signal.neutral, Direction.NEUTRAL)],
)
def test_signal_when_made_in_one_word_then_one_proposal_of_that_direction(make, direction):
    signal = make(Nothing(), confidence=0.4, reasons=["a", "b"])
    assert signal == Signal(proposals=(Proposal(direction=direction, structure=Nothing(), confidence=0.4, reasons=("a", "b")),))
