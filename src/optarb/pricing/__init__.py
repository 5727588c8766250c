"""What an option is worth: Black-76, American options, implied volatility, forwards by parity, time to settlement, ticks."""

from __future__ import annotations

from optarb.pricing.american import DividendModel, Payments, american_value, american_volatility, call_exercise_gain
from optarb.pricing.black import black76, black76_delta
from optarb.pricing.implied import ImpliedVolatility, VolatilityReason, implied_volatility
from optarb.pricing.parity import parity_forward
from optarb.pricing.settlement_time import session_close, session_open, settles_at, year_fraction
from optarb.pricing.ticks import quote_down, quote_up

__all__ = [
    "DividendModel",
    "ImpliedVolatility",
    "Payments",
    "VolatilityReason",
    "american_value",
    "american_volatility",
    "black76",
    "black76_delta",
    "call_exercise_gain",
    "implied_volatility",
    "parity_forward",
    "quote_down",
    "quote_up",
    "session_close",
    "session_open",
    "settles_at",
    "year_fraction",
]
