"""What to trade in a live day, small enough to travel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from optarb.specs import OverrideValue, _from_toml, _Frozen, _plain
from optarb.trading.limits import LiveLimits
from optarb.trading.rules import LiveRules

__all__ = ["DaySpec"]


class DaySpec(_Frozen):
    """A live day of one strategy in one broker account. The same spec serves every day.

    Raises:
        ConfigurationError: A field is missing, unknown or does not fit; the message names each with its value.
    """

    strategy: str = Field(min_length=1)
    """Name of a strategy of the desk."""
    account: str = Field(default="paper", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")
    """Name of the broker account: books of one account are reconciled with it together."""
    capital: Decimal = Field(default=Decimal(20_000), gt=0)
    """Dollars the book begins with, when it is first opened."""
    live: bool = False
    """Whether the broker may be one that trades real money: one whose own ``live`` is true."""
    entry_at: time = time(9, 35)
    """When the day is decided, New York time; on a half day too."""
    late_minutes: float = Field(default=30.0, gt=0)
    """How long after ``entry_at`` an opening order may still be sent."""
    mark: Literal["closing_side", "mid"] = "closing_side"
    """At what positions are valued."""
    am_settlement: Literal["open", "previous_close"] = "open"
    """What AM-settled contracts settle on where no value is supplied; see :class:`optarb.BacktestSpec`."""
    expiry_minutes: float = Field(default=90.0, ge=0)
    """How long before the close contracts that deliver shares today are closed, if they may be exercised."""
    expiry_margin: float = Field(default=0.01, ge=0)
    """How near to the money, as a fraction of the strike, a contract counts as one that may be exercised."""
    ex_dividend_minutes: float = Field(default=60.0, ge=0)
    """How long before the close, on the eve of an ex-date, short calls that would be exercised are closed."""
    rate: float = Field(default=0.0, ge=-0.2, le=1)
    """Annual rate by which that is judged, continuously compounded. At zero more calls count as exercised than will be."""
    halt_file: str | None = None
    """Path of a file that halts the book while it exists; None for none."""
    overrides: Mapping[str, OverrideValue] = Field(default_factory=dict)
    """Parameters of the strategy's components by path, as in :class:`optarb.BacktestSpec`."""
    rules: LiveRules = LiveRules()
    """How orders are worked."""
    limits: LiveLimits = LiveLimits()
    """Safety limits."""

    @field_validator("overrides")
    @classmethod
    def _sorted(cls, value: Mapping[str, OverrideValue]) -> Mapping[str, OverrideValue]:
        return {path: value[path] for path in sorted(value)}

    @classmethod
    def from_toml(cls, source: str | Path) -> DaySpec:
        """Reads a spec from TOML, such as ``entry_at = 09:35:00``; overrides may be nested tables.

        Args:
            source: A path, or the text itself if it is a ``str`` with a line break.

        Raises:
            ConfigurationError: The file cannot be read, is no TOML, or a field is missing, unknown or does not fit.
        """
        return cls(**_plain(_from_toml(source)))

    @property
    def book_id(self) -> str:
        """The book: one per account and strategy; it outlives days."""
        return f"{self.account}.{self.strategy}"
