"""How a direction becomes contracts: long options, verticals and a pair over two underlyings."""

from __future__ import annotations

from optarb.structures.call_pair import CallPair
from optarb.structures.long_call import LongCall
from optarb.structures.long_put import LongPut
from optarb.structures.vertical import Vertical

__all__ = ["CallPair", "LongCall", "LongPut", "Vertical"]
