"""The look-ahead checker: whether a component answers from what may be known alone."""

from __future__ import annotations

from optarb.lookahead.check import check_lookahead
from optarb.lookahead.report import LookaheadFinding, LookaheadReport, LookaheadTry, ReachedInput

__all__ = ["LookaheadFinding", "LookaheadReport", "LookaheadTry", "ReachedInput", "check_lookahead"]
