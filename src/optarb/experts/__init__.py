"""Experts: what reads a view and gives a signal."""

from __future__ import annotations

from optarb.experts.elliott_wave import ElliottWaveExpert
from optarb.experts.pair import PairExpert
from optarb.experts.rules import RulesExpert
from optarb.experts.scores import Scores, Vote
from optarb.experts.ultra_bull import UltraBullExpert

__all__ = ["ElliottWaveExpert", "PairExpert", "RulesExpert", "Scores", "UltraBullExpert", "Vote"]
