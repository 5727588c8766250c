"""Exchange sessions from the package exchange_calendars."""

from __future__ import annotations

import threading
import warnings
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from optarb.errors import BadData, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ExchangeCalendar"]

_LOADING = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class ExchangeCalendar:
    """The sessions of one exchange, loaded on first use and kept for the process.

    Raises:
        ValueError: ``start`` not before ``end``, or no name.
    """

    name: str = "XNYS"
    """Name of the exchange in the package exchange_calendars; ``"XNYS"`` is the New York Stock Exchange."""
    start: date = date(1990, 1, 1)
    """First date it can be asked about."""
    end: date = date(2030, 12, 31)
    """Last date it can be asked about. Sessions yet to come are as announced when the package was published."""

    def __post_init__(self) -> None:
        if not self.name or self.start >= self.end:
            msg = f"a calendar needs a name and start < end, got {self.name!r}, {self.start!r} and {self.end!r}"
            raise ValueError(msg)

    def sessions(self, start: date, end: date) -> tuple[date, ...]:
        """Returns the sessions from start to end, both inclusive; empty if there are none.

        Args:
            start: First date.
            end: Last date; before ``start`` there are no sessions.

        Raises:
            BadData: A date is outside the calendar's own ``start`` and ``end``.
            ConfigurationError: No exchange has this name.
        """
        if start > end:
            return ()
        for day in (start, end):
            if not self.start <= day <= self.end:
                msg = f"calendar {self.name!r} holds {self.start} to {self.end}, got {day}; widen its start or end"
                raise BadData(msg)
        known = self._hours().sessions
        return known[bisect_left(known, start) : bisect_right(known, end)]

    def opens_at(self, session: date) -> datetime:
        """Returns when a session opens, aware UTC.

        Raises:
            BadData: The date is no session.
        """
        return self._of(session, self._hours().opens)

    def closes_at(self, session: date) -> datetime:
        """Returns when a session closes, aware UTC; earlier on half days.

        Raises:
            BadData: The date is no session.
        """
        return self._of(session, self._hours().closes)

    def _hours(self) -> _Hours:
        with _LOADING:
            return _load(self.name, self.start, self.end)

    def _of(self, session: date, instants: Mapping[date, datetime]) -> datetime:
        try:
            return instants[session]
        except KeyError:
            msg = f"{session} is no session of {self.name!r} between {self.start} and {self.end}"
            raise BadData(msg) from None


class _Hours(NamedTuple):
    sessions: tuple[date, ...]
    opens: Mapping[date, datetime]
    closes: Mapping[date, datetime]


@lru_cache(maxsize=8)
def _load(name: str, start: date, end: date) -> _Hours:
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        # It reads pandas columns in a way that pandas 3 announces to change; that is between the two packages.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            calendar = exchange_calendars.get_calendar(name, start=start.isoformat(), end=end.isoformat())
    except InvalidCalendarName as error:
        msg = f"no exchange calendar is called {name!r}; exchange_calendars lists them, such as 'XNYS'"
        raise ConfigurationError(msg) from error
    sessions = tuple(day.date() for day in calendar.sessions)
    return _Hours(
        sessions=sessions,
        opens=dict(zip(sessions, _instants(calendar.opens), strict=True)),
        closes=dict(zip(sessions, _instants(calendar.closes), strict=True)),
    )


def _instants(column: object) -> list[datetime]:
    import numpy as np

    seconds = np.asarray(column, dtype="datetime64[s]").astype(np.int64)
    return [datetime.fromtimestamp(second, tz=UTC) for second in seconds.tolist()]
