"""Experts: what reads a view and gives a signal."""

from __future__ import annotations

from optarb.experts.elliott_wave import ElliottWaveExpert
from optarb.experts.inverted import InvertedExpert
from optarb.experts.pair import PairExpert
from optarb.experts.regime import RegimeExpert
from optarb.experts.rules import RulesExpert
from optarb.experts.scores import Scores, Vote
from optarb.experts.ultra_bull import UltraBullExpert
from optarb.experts.veto import VetoExpert
from optarb.experts.voting import VotingExpert

__all__ = [
    "ElliottWaveExpert",
    "InvertedExpert",
    "PairExpert",
    "RegimeExpert",
    "RulesExpert",
    "Scores",
    "UltraBullExpert",
    "VetoExpert",
    "Vote",
    "VotingExpert",
]
