"""How live orders are worked: times and prices that hold for every order of a day."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from optarb.specs import _Frozen

__all__ = ["LiveRules"]


class LiveRules(_Frozen):
    """Times and prices by which orders are worked. The defaults are meant for exchange-listed index and ETF options.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    entry_seconds: float = Field(default=120.0, gt=0)
    """How long an entry may take from the decision on; what is not filled then is cancelled."""
    max_unhedged_seconds: float = Field(default=60.0, ge=0)
    """How long a position may be held with legs that do not match before it is unwound."""
    unknown_seconds: float = Field(default=30.0, gt=0)
    """How long an order whose answer was lost must not be found before the same id may be sent again."""
    rung_seconds: float = Field(default=15.0, gt=0)
    """How long a closing order works before it is cancelled and a bolder one sent; also the wait after a refusal."""
    cancel_repeat_seconds: float = Field(default=5.0, gt=0)
    """After how long a cancellation that had no effect is asked for again."""
    last_rung: float = Field(default=0.10, ge=0, le=1)
    """How far beyond the far side of the quotes the last limit lies, as a fraction of that price."""
    last_rung_ticks: int = Field(default=2, ge=0)
    """How far beyond it at least, in ticks."""
    market_band: float = Field(default=0.25, ge=0, le=1)
    """How far beyond the far side an order may pay that must fill, as a fraction of that price."""
    allow_market: bool = False
    """Whether an exit of the position manager may end there too; flatten and unwind always may."""
    cycle_seconds: float = Field(default=300.0, gt=0)
    """Between two cycles of the guardian while nothing moves."""
    fast_seconds: float = Field(default=2.0, gt=0)
    """Between two cycles while an order is live or a leg unhedged."""
    quote_age_seconds: float = Field(default=15.0, gt=0)
    """Oldest quote that may decide something."""
    quote_skew_seconds: float = Field(default=1.0, ge=0)
    """Farthest apart the quotes of one position's legs may have been taken to decide something together."""
    judge_after_seconds: float = Field(default=300.0, ge=0)
    """How long a live order keeps a difference between broker and books from being judged."""

    @property
    def entry(self) -> timedelta:
        """:attr:`entry_seconds` as a duration."""
        return timedelta(seconds=self.entry_seconds)

    @property
    def max_unhedged(self) -> timedelta:
        """:attr:`max_unhedged_seconds` as a duration."""
        return timedelta(seconds=self.max_unhedged_seconds)

    @property
    def unknown(self) -> timedelta:
        """:attr:`unknown_seconds` as a duration."""
        return timedelta(seconds=self.unknown_seconds)

    @property
    def rung(self) -> timedelta:
        """:attr:`rung_seconds` as a duration."""
        return timedelta(seconds=self.rung_seconds)

    @property
    def cancel_repeat(self) -> timedelta:
        """:attr:`cancel_repeat_seconds` as a duration."""
        return timedelta(seconds=self.cancel_repeat_seconds)
