"""Notices in the log."""

from __future__ import annotations

import logging

import pytest
from tests.notifiers.services import notice_of

from optarb.notifiers import LogNotifier
from optarb.testing import NotifierConformance


class TestLogNotifier(NotifierConformance):
    overrides = {  # noqa: RUF012 - as users write it
        "test_notify_when_the_service_is_away_then_transient_error": "there is no service: a log is always there",
        "test_secrets_when_the_service_is_away_then_not_in_the_error": "there is no service: a log is always there",
    }
    test_notify_when_the_service_is_away_then_transient_error = None
    test_secrets_when_the_service_is_away_then_not_in_the_error = None

    @pytest.fixture
    def component(self):
        return LogNotifier()


@pytest.mark.parametrize(
    ("severity", "level"), [("info", logging.INFO), ("warning", logging.WARNING), ("alarm", logging.ERROR)]
)
def test_notify_when_written_then_level_and_text_follow_the_notice(caplog, severity, level):
    caplog.set_level(logging.DEBUG)
    LogNotifier().notify(notice_of(severity=severity, text="100 % of 10 calls"))
    told = f"[{severity}] paper.dips: Naked short options\n2024-06-03 14:35:20 UTC\n100 % of 10 calls"
    assert caplog.record_tuples == [("optarb.notices", level, told)]
