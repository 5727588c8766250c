"""The indicator catalogue: causal computations on bars, found by family or by a column's name.

Columns are named after their parameters (``sma_37``, ``macd_signal_12_26_9``), so that a name never changes its
meaning. Every formula states its seed, its warm-up and what it gives where prices do not move.
"""

from __future__ import annotations

from optarb.indicators.catalogue import CatalogueIndicator, default_catalogue, families
from optarb.indicators.column_names import named
from optarb.indicators.family import Family, Parameter

__all__ = ["CatalogueIndicator", "Family", "Parameter", "default_catalogue", "families", "named"]
