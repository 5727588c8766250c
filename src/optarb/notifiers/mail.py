"""Notices by e-mail."""

from __future__ import annotations

import contextlib
import email.utils
import hashlib
import logging
import math
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Literal, get_args

from optarb.errors import ConfigurationError, OptarbError, TransientError
from optarb.notifiers._posting import is_loopback
from optarb.notifiers._secrets import check_variable, secret
from optarb.notifiers._wording import headline, message
from optarb.protocols.trading import Notice

__all__ = ["EmailNotifier"]

_LOG: Final = logging.getLogger("optarb.notifiers")
_OWN_NAME: Final = "[127.0.0.1]"
"""What this machine calls itself. Left to the library, it would be looked up, which may take minutes where names are slow."""
_Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, kw_only=True)
class EmailNotifier:
    """Sends notices through an SMTP server, each as a mail of its own.

    The password is read from the environment at each notice and kept nowhere. The server's certificate is checked. Two mails
    of one notice, should a crash make them, bear the same ``Message-ID``, by which mail programs tell copies.
    """

    host: str
    """The SMTP server."""
    sender: str
    """Address the mails come from."""
    recipients: tuple[str, ...]
    """Addresses they go to; one at least."""
    port: int = 587
    """Its port: 587 goes with ``starttls``, 465 with ``tls``."""
    security: _Security = "starttls"
    """``starttls`` begins in the clear and turns to TLS before anything is told, ``tls`` begins with it; ``none`` is for a
    relay on this very machine that asks for no user."""
    user: str | None = None
    """Who signs in; None for a server that asks for nobody."""
    password_variable: str = "OPTARB_SMTP_PASSWORD"  # noqa: S105 - the name of a variable
    """Name of the environment variable that holds the password; read only if there is a ``user``."""
    timeout_seconds: float = 10.0
    """How long to wait for the connection and for each answer; > 0."""

    def __post_init__(self) -> None:
        """Checks the parameters."""
        if not self.recipients:
            raise ConfigurationError("recipients must be a tuple of one address or more, got none")
        for address in (self.sender, *self.recipients):
            if "@" not in address or not address.isascii() or not address.isprintable() or set(address) & set(" ,;<>"):
                raise ConfigurationError(f"{address!r} is no plain address, such as 'desk@example.com'")
        if self.security not in get_args(_Security):
            raise ConfigurationError(f"security must be one of {', '.join(get_args(_Security))}, got {self.security!r}")
        if self.security == "none" and (self.user is not None or not is_loopback(self.host)):
            raise ConfigurationError(
                f"security 'none' is for a relay on this very machine without user, got host {self.host!r}; use 'starttls'"
            )
        check_variable(self.password_variable, "password_variable")
        if not (math.isfinite(self.timeout_seconds) and self.timeout_seconds > 0):
            raise ConfigurationError(f"timeout_seconds must be finite and > 0, got {self.timeout_seconds!r}")

    def notify(self, notice: Notice) -> None:
        """Sends one notice; it is sent if the server takes it for one of the recipients.

        Raises:
            TransientError: The server cannot be reached, does not answer in time, or asks for another try.
            ConfigurationError: The password is missing or wrong, or the server refuses the mail.
        """
        password = None if self.user is None else secret(self.password_variable, f"the password of {self.user!r}")
        try:
            refused = self._send(self._mail(notice), password)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            trouble = self._trouble(error)
        else:
            if refused:
                _LOG.warning("%s takes no mail for %s", self.host, ", ".join(refused))
            return
        # Raised out here, so that it is not chained: the error of the library may hold the password.
        raise trouble

    def _mail(self, notice: Notice) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = headline(notice)
        mail["From"] = self.sender
        mail["To"] = ", ".join(self.recipients)
        mail["Date"] = email.utils.formatdate()
        digest = hashlib.sha256(f"{notice.book_id}\n{notice.key}".encode("utf-8", "replace")).hexdigest()
        mail["Message-ID"] = f"<{digest[:32]}@optarb>"
        mail.set_content(message(notice))
        return mail

    def _send(self, mail: EmailMessage, password: str | None) -> Sequence[str]:
        """Sends a mail, and returns the recipients that the server refused."""
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if self.security == "tls":
            server = smtplib.SMTP_SSL(self.host, self.port, _OWN_NAME, timeout=self.timeout_seconds, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, _OWN_NAME, timeout=self.timeout_seconds)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.user is not None and password is not None:
                server.login(self.user, password)
            refused = server.send_message(mail, self.sender, self.recipients)
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()  # the mail is taken, whatever the farewell
        finally:
            server.close()
        return list(refused)

    def _trouble(self, error: Exception) -> OptarbError:
        """Says what went wrong without the server's text or the library's, which may repeat the password."""
        server = f"the SMTP server {self.host}:{self.port}"
        if isinstance(error, UnicodeError):
            return ConfigurationError(f"host, user and password of {server} must be ASCII")
        if isinstance(error, smtplib.SMTPAuthenticationError) and error.smtp_code >= 500:
            return ConfigurationError(
                f"{server} refuses user {self.user!r} ({error.smtp_code}); check {self.password_variable}, and whether the "
                "provider wants a password made for programs"
            )
        codes = _codes(error)
        if codes and all(500 <= code < 600 for code in codes):
            return ConfigurationError(f"{server} refuses the mail ({', '.join(map(str, codes))}); check sender and recipients")
        if codes or not _is_refusal(error):
            told = ", ".join(map(str, codes)) or error.strerror if isinstance(error, OSError) else None
            reason = f"{type(error).__name__}: {told}" if told else type(error).__name__
            return TransientError(f"{server} takes no mail now ({reason}); it is tried again later")
        return ConfigurationError(f"{server} does not offer what is needed ({type(error).__name__}); check security and user")


def _codes(error: Exception) -> list[int]:
    """Returns what the server answered, each once."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return sorted({code for code, _ in error.recipients.values()})
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _is_refusal(error: Exception) -> bool:
    """Whether the library itself gave up, for something that the server does not offer."""
    return isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected)
