"""A sign of life to a service that raises the alarm when it stops."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from optarb.errors import ConfigurationError, TransientError
from optarb.notifiers._posting import check_url, get, is_passing, phrase
from optarb.notifiers._secrets import check_variable, secret

__all__ = ["HeartbeatUrl"]

_BOOK: Final = "{book}"
_NO_SLUG: Final = re.compile(r"[^a-z0-9_-]")


@dataclass(frozen=True, kw_only=True)
class HeartbeatUrl:
    """Gets a secret address as a sign of life, for a dead-man's switch such as healthchecks.io: it alarms when they stop.

    The address is read from the environment at each sign and kept nowhere: it stands in no field, and so in no log, error or
    stored row. It must begin with ``https://``, or name this very machine. ``{book}`` in it stands for the book, in small
    letters with ``-`` for all but letters, digits and ``_``: ``paper.dips`` becomes ``paper-dips``. Use it where a desk trades
    several books, since one that is guarded would else hide one that is not. Redirects are not followed; the proxies that the
    environment names (``HTTPS_PROXY``) are used.
    """

    variable: str = "OPTARB_HEARTBEAT_URL"
    """Name of the environment variable that holds the address."""
    timeout_seconds: float = 5.0
    """How long to wait for the connection, and for each piece of the answer; > 0."""

    def __post_init__(self) -> None:
        """Checks the parameters."""
        check_variable(self.variable, "variable")
        if not (math.isfinite(self.timeout_seconds) and self.timeout_seconds > 0):
            raise ConfigurationError(f"timeout_seconds must be finite and > 0, got {self.timeout_seconds!r}")

    def beat(self, book_id: str, at: datetime) -> None:  # noqa: ARG002 - the service has a clock of its own
        """Gives one sign of life.

        Args:
            book_id: The book that is guarded.
            at: When the cycle ended, aware UTC; not sent.

        Raises:
            TransientError: The service cannot be reached, does not answer in time, or asks for another try.
            ConfigurationError: The address is missing or unusable, or the service refuses it.
        """
        url = secret(self.variable, "the address of the heartbeat").replace(_BOOK, _NO_SLUG.sub("-", book_id.lower()))
        check_url(url, self.variable)
        status = get(url, self.timeout_seconds, f"the heartbeat of {self.variable}")
        if 200 <= status < 300:
            return
        told = f"the heartbeat of {self.variable} was answered {status} {phrase(status)}".rstrip()
        if is_passing(status):
            raise TransientError(f"{told}; the next one may pass")
        raise ConfigurationError(f"{told}; check the address in {self.variable}")
