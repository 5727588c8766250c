"""What every notifier must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import itertools
import logging
import pickle
import traceback
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, ClassVar, cast

import pytest

from optarb._component import canonical
from optarb.errors import TransientError
from optarb.protocols.trading import Notice, Notifier
from optarb.testing.conformance import ComponentConformance, in_threads

__all__ = ["NotifierConformance"]

_SESSION = date(2024, 6, 3)
_AT = datetime(2024, 6, 3, 14, tzinfo=UTC)
_TEXTS = {
    "empty": "",
    "long": "x" * 100_000,
    "lines": "one\r\ntwo\n\n.\nthree",
    "markup": "<b>&amp; *a* _b_ `c` @everyone <!channel> [x](y)</b>",
    "others": "☃ 🚀 \u2028 \x00 \ud83d",
}


def _notice(key: str, **changes: Any) -> Notice:
    fields: dict[str, Any] = {"severity": "alarm", "title": "Naked short options", "text": "SPY 240621C500: -10"}
    return Notice(key=key, book_id="paper.dips", session=_SESSION, at=_AT, **{**fields, **changes})


class NotifierConformance(ComponentConformance):
    """Subclass it in a test module and define the fixtures ``component``, ``away`` and, if there are any, ``secrets``."""

    methods: ClassVar[Sequence[str]] = ("notify",)

    @pytest.fixture
    def component(self) -> object:
        """Gives the notifier to test; its service takes whatever comes, and the secrets are where they belong."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'component'")

    @pytest.fixture
    def away(self) -> object:
        """Gives one whose service does not answer."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'away'")

    @pytest.fixture
    def secrets(self) -> Sequence[str]:
        """Gives what nobody may see: passwords, tokens, addresses that hold one."""
        return ()

    @pytest.mark.parametrize("severity", ["info", "warning", "alarm"])
    def test_notify_when_of_any_severity_then_sent(self, component: object, severity: str) -> None:
        """Each kind is taken."""
        cast("Notifier", component).notify(_notice(severity, severity=severity))

    @pytest.mark.parametrize("field", ["title", "text"])
    @pytest.mark.parametrize("kind", _TEXTS)
    def test_notify_when_text_is_unusual_then_sent(self, component: object, field: str, kind: str) -> None:
        """What cannot be shown is cut or replaced; an alarm is not lost for its wording."""
        cast("Notifier", component).notify(_notice(kind, **{field: _TEXTS[kind]}))

    def test_notify_when_four_call_at_once_then_all_are_sent(self, component: object) -> None:
        """Threads may share it."""
        numbers = itertools.count()
        in_threads(lambda: cast("Notifier", component).notify(_notice(str(next(numbers)))))

    def test_notify_when_the_service_is_away_then_transient_error(self, away: object) -> None:
        """The notice stays in the outbox, and is tried again."""
        with pytest.raises(TransientError):
            cast("Notifier", away).notify(_notice("away"))

    def test_secrets_when_it_is_shown_stored_or_logged_then_not_seen(
        self, component: object, secrets: Sequence[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """A secret is in no field and in no log."""
        caplog.set_level(logging.DEBUG)
        cast("Notifier", component).notify(_notice("secret"))
        seen = f"{component!r} {canonical(component)} {pickle.dumps(component)!r} {caplog.text}"
        assert not [number for number, secret in enumerate(secrets) if secret in seen]

    def test_secrets_when_the_service_is_away_then_not_in_the_error(
        self, away: object, secrets: Sequence[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nor in an error, or in one that it is chained to."""
        caplog.set_level(logging.DEBUG)
        with pytest.raises(TransientError) as raised:
            cast("Notifier", away).notify(_notice("secret"))
        chain, error = [], cast("BaseException | None", raised.value)
        while error is not None:
            chain.append(f"{error!r} {vars(error)}")
            error = error.__cause__ or error.__context__
        seen = f"{chain} {''.join(traceback.format_exception(raised.value))} {caplog.text}"
        assert not [number for number, secret in enumerate(secrets) if secret in seen]
