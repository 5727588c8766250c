"""What an option is worth: Black-76, implied volatility, forwards by put-call parity, time to settlement, ticks."""

from __future__ import annotations

from optarb.pricing.black import black76, black76_delta
from optarb.pricing.implied import ImpliedVolatility, VolatilityReason, implied_volatility
from optarb.pricing.parity import parity_forward
from optarb.pricing.settlement_time import session_close, session_open, settles_at, year_fraction
from optarb.pricing.ticks import quote_down, quote_up

__all__ = [
    "ImpliedVolatility",
    "VolatilityReason",
    "black76",
    "black76_delta",
    "implied_volatility",
    "parity_forward",
    "quote_down",
    "quote_up",
    "session_close",
    "session_open",
    "settles_at",
    "year_fraction",
]
