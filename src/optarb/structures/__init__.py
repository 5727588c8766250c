"""How a direction becomes contracts: the options strategies that have a name, and a pair over two underlyings."""

from __future__ import annotations

from optarb.structures.box import Box
from optarb.structures.butterfly import Butterfly
from optarb.structures.calendar import Calendar
from optarb.structures.call_pair import CallPair
from optarb.structures.condor import Condor
from optarb.structures.diagonal import Diagonal
from optarb.structures.iron_butterfly import IronButterfly
from optarb.structures.iron_condor import IronCondor
from optarb.structures.long_call import LongCall
from optarb.structures.long_put import LongPut
from optarb.structures.pair_matching import PairMatch, pair_match
from optarb.structures.ratio_spread import RatioSpread
from optarb.structures.straddle import Straddle
from optarb.structures.strangle import Strangle
from optarb.structures.vertical import Vertical

__all__ = [
    "Box",
    "Butterfly",
    "Calendar",
    "CallPair",
    "Condor",
    "Diagonal",
    "IronButterfly",
    "IronCondor",
    "LongCall",
    "LongPut",
    "PairMatch",
    "RatioSpread",
    "Straddle",
    "Strangle",
    "Vertical",
    "pair_match",
]
