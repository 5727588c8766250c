"""Sessions of exchanges."""

from __future__ import annotations

from optarb.calendars.exchange import ExchangeCalendar

__all__ = ["ExchangeCalendar"]
