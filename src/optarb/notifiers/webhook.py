"""Notices to a chat, or to any service that takes JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from optarb.errors import ConfigurationError, TransientError
from optarb.notifiers._posting import check_url, is_passing, phrase, post_json
from optarb.notifiers._secrets import check_variable, secret
from optarb.notifiers._wording import message, shortened
from optarb.protocols.trading import Notice

__all__ = ["WebhookNotifier"]

_Kind = Literal["slack", "discord", "telegram", "json"]


@dataclass(frozen=True, kw_only=True)
class WebhookNotifier:
    """Posts notices to an address that is a secret: whoever knows it can write to the chat.

    The address is read from the environment at each notice and kept nowhere: it stands in no field, and so in no log, error or
    stored row. It must begin with ``https://``, or name this very machine. Redirects are not followed; the proxies that the
    environment names (``HTTPS_PROXY``) are used. Nothing is tried again here: what was not taken stays in the outbox.
    """

    kind: _Kind
    """Whose format: ``slack`` (incoming webhook), ``discord`` (webhook), ``telegram`` (``sendMessage`` of a bot), or ``json``:
    the notice's fields as an object, ``session`` and ``at`` as ISO 8601."""
    url_variable: str = "OPTARB_WEBHOOK_URL"
    """Name of the environment variable that holds the address. Telegram's is
    ``https://api.telegram.org/bot<token>/sendMessage``."""
    chat_id: str | None = None
    """Telegram's chat to write to, such as ``"-1001234567890"`` or ``"@channel"``; None for the other kinds."""
    timeout_seconds: float = 10.0
    """How long to wait for the connection, and for each piece of the answer; > 0."""

    def __post_init__(self) -> None:
        """Checks the parameters."""
        if self.kind not in get_args(_Kind):
            raise ConfigurationError(f"kind must be one of {', '.join(get_args(_Kind))}, got {self.kind!r}")
        check_variable(self.url_variable, "url_variable")
        if (self.kind == "telegram") != bool(self.chat_id):
            raise ConfigurationError(
                f"chat_id belongs to kind 'telegram', which needs it; got chat_id={self.chat_id!r} with kind {self.kind!r}"
            )
        if not (math.isfinite(self.timeout_seconds) and self.timeout_seconds > 0):
            raise ConfigurationError(f"timeout_seconds must be finite and > 0, got {self.timeout_seconds!r}")

    def notify(self, notice: Notice) -> None:
        """Posts one notice.

        Raises:
            TransientError: The service cannot be reached, does not answer in time, or asks for another try.
            ConfigurationError: The address is missing or unusable, or the service refuses the notice.
        """
        url = secret(self.url_variable, f"the address of the {self.kind} webhook")
        check_url(url, self.url_variable)
        content = _CONTENTS[self.kind](notice)
        if self.chat_id is not None:
            content["chat_id"] = self.chat_id
        status = post_json(url, content, self.timeout_seconds, f"the {self.kind} webhook of {self.url_variable}")
        if 200 <= status < 300:
            return
        # What the service wrote beside the status is not shown: it may repeat the address.
        told = f"the {self.kind} webhook of {self.url_variable} answered {status} {phrase(status)}".rstrip()
        if is_passing(status):
            raise TransientError(f"{told}; it is tried again later")
        raise ConfigurationError(f"{told}; check the address in {self.url_variable}")


def _slack(notice: Notice) -> dict[str, Any]:
    # Its three special characters, which would begin links and mentions. Above 40,000 it cuts.
    text = shortened(message(notice), 4_000).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": text}


def _discord(notice: Notice) -> dict[str, Any]:
    return {"content": shortened(message(notice), 2_000), "allowed_mentions": {"parse": []}}


def _telegram(notice: Notice) -> dict[str, Any]:
    return {"text": shortened(message(notice), 4_096)}


def _json(notice: Notice) -> dict[str, Any]:
    return {
        "key": notice.key,
        "book_id": notice.book_id,
        "session": notice.session.isoformat(),
        "at": notice.at.isoformat(),
        "severity": notice.severity,
        "title": notice.title,
        "text": notice.text,
    }


_CONTENTS: Final[Mapping[str, Callable[[Notice], dict[str, Any]]]] = MappingProxyType(
    {"slack": _slack, "discord": _discord, "telegram": _telegram, "json": _json}
)
