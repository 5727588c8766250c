"""A calendar without holidays of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from optarb.errors import BadData
from optarb.pricing import session_close, session_open

__all__ = ["FakeCalendar"]


@dataclass(frozen=True, kw_only=True)
class FakeCalendar:
    """Every weekday is a session, from 09:30 to 16:00 in New York. Nothing is loaded, so it is fast and has no end."""

    holidays: tuple[date, ...] = ()
    """Weekdays without a session."""

    def sessions(self, start: date, end: date) -> tuple[date, ...]:
        """Returns the sessions from start to end, both inclusive; empty if there are none."""
        days = (start + timedelta(days=number) for number in range((end - start).days + 1))
        return tuple(day for day in days if self._is_session(day))

    def opens_at(self, session: date) -> datetime:
        """Returns 09:30 in New York, aware UTC.

        Raises:
            BadData: The date is no session.
        """
        return session_open(self._checked(session))

    def closes_at(self, session: date) -> datetime:
        """Returns 16:00 in New York, aware UTC.

        Raises:
            BadData: The date is no session.
        """
        return session_close(self._checked(session))

    def _is_session(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def _checked(self, day: date) -> date:
        if not self._is_session(day):
            raise BadData(f"{day} is no session of {self!r}; choose a weekday that is no holiday")
        return day
