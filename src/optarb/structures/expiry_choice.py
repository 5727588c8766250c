"""The fields by which structures choose an expiry."""

from __future__ import annotations

from dataclasses import dataclass

from optarb.structures._checks import is_number, require_whole

__all__ = ["ExpiryChoice"]


@dataclass(frozen=True, kw_only=True)
class ExpiryChoice:
    """An expiry by calendar days.

    Raises:
        ValueError: A value out of its range.
    """

    dte: int = 30
    """Calendar days to expiry, 1 or more. The expiry with the least |days - dte| is taken, the earlier of two; never
    one that expires today."""
    rate: float = 0.0
    """Annual rate, continuous, an annual fraction, which discounts premiums where a delta or a forward is implied."""

    def __post_init__(self) -> None:
        require_whole("dte", self.dte, "days")
        if not is_number(self.rate):
            msg = f"rate must be a finite annual fraction, got {self.rate!r}"
            raise ValueError(msg)
