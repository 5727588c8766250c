"""What an option is worth: Black-76, implied volatility, forwards by put-call parity, time to settlement."""

from __future__ import annotations

from optarb.pricing.black76 import black76, black76_delta
from optarb.pricing.implied_volatility import ImpliedVolatility, VolatilityReason, implied_volatility
from optarb.pricing.parity import parity_forward
from optarb.pricing.settlement_time import session_close, session_open, settles_at, year_fraction

__all__ = [
    "ImpliedVolatility",
    "VolatilityReason",
    "black76",
    "black76_delta",
    "implied_volatility",
    "parity_forward",
    "session_close",
    "session_open",
    "settles_at",
    "year_fraction",
]
