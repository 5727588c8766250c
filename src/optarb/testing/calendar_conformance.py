"""What every trading calendar must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar

import pytest

from optarb.errors import OptarbError
from optarb.protocols import TradingCalendar
from optarb.testing.conformance import ComponentConformance, in_threads

__all__ = ["TradingCalendarConformance"]


class TradingCalendarConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``calendar``."""

    methods: ClassVar[Sequence[str]] = ("sessions", "opens_at", "closes_at")

    @pytest.fixture
    def calendar(self) -> TradingCalendar:
        """Gives the calendar to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'calendar'")

    @pytest.fixture
    def component(self, calendar: object) -> object:
        """The calendar."""
        return calendar

    @pytest.fixture
    def span(self) -> tuple[date, date]:
        """First and last date of a year the calendar knows."""
        return date(2019, 1, 1), date(2019, 12, 31)

    def test_sessions_when_asked_then_increasing_dates_in_range(
        self, calendar: TradingCalendar, span: tuple[date, date]
    ) -> None:
        """Plain dates, oldest first, each once, both ends included."""
        sessions = calendar.sessions(*span)
        assert isinstance(sessions, tuple)
        assert all(type(session) is date for session in sessions)
        assert all(a < b for a, b in itertools.pairwise(sessions))
        assert span[0] <= sessions[0]
        assert sessions[-1] <= span[1]
        assert calendar.sessions(sessions[0], sessions[-1]) == sessions
        assert calendar.sessions(sessions[3], sessions[5]) == sessions[3:6]

    def test_sessions_when_range_has_none_then_empty(self, calendar: TradingCalendar, span: tuple[date, date]) -> None:
        """Days between two sessions, and a range that ends before it begins."""
        day = _no_session(calendar, span)
        assert calendar.sessions(day, day) == ()
        assert calendar.sessions(span[1], span[0]) == ()

    def test_hours_when_asked_then_aware_utc_in_order(self, calendar: TradingCalendar, span: tuple[date, date]) -> None:
        """Each session opens before it closes, and closes before the next opens."""
        before = None
        for session in calendar.sessions(*span):
            opens_at, closes_at = calendar.opens_at(session), calendar.closes_at(session)
            assert opens_at.utcoffset() == closes_at.utcoffset() == timedelta(0)
            assert opens_at < closes_at
            assert before is None or before < opens_at
            assert abs((opens_at.date() - session).days) <= 1
            before = closes_at

    def test_hours_when_no_session_then_error(self, calendar: TradingCalendar, span: tuple[date, date]) -> None:
        """A day without a session has no hours."""
        day = _no_session(calendar, span)
        for hours in (calendar.opens_at, calendar.closes_at):
            with pytest.raises(OptarbError, match=str(day)):
                hours(day)

    def test_sessions_when_threads_ask_then_the_same(self, calendar: TradingCalendar, span: tuple[date, date]) -> None:
        """It is called from several threads at once, the first time too."""
        answers = in_threads(lambda: calendar.sessions(*span))
        assert answers == [calendar.sessions(*span)] * 4


def _no_session(calendar: TradingCalendar, span: tuple[date, date]) -> date:
    sessions = calendar.sessions(*span)
    return next(a + timedelta(days=1) for a, b in itertools.pairwise(sessions) if b - a > timedelta(days=1))
