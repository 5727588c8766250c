"""Experts: what reads a view and gives a signal."""

from __future__ import annotations

from optarb.experts.rules import RulesExpert
from optarb.experts.scores import Scores, Vote

__all__ = ["RulesExpert", "Scores", "Vote"]
