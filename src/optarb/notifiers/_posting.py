"""Talking to an address that nobody may see, with what Python brings."""

from __future__ import annotations

import http
import http.client
import ipaddress
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from optarb.errors import ConfigurationError, TransientError

__all__ = ["check_url", "get", "is_loopback", "is_passing", "phrase", "post_json"]

_PRINTABLE: Final = re.compile(r"[!-~]+")
_PASSING: Final = frozenset({408, 425, 429})
"""Answers that ask for another try; so does every 5xx."""


def check_url(url: str, variable: str) -> None:
    """Refuses an address that cannot be posted to in secret.

    Args:
        url: The address.
        variable: Where it stands, for the message, which does not show it.

    Raises:
        ConfigurationError: It is no address, holds a user or password, or is neither https nor on this machine.
    """
    if not _is_usable(url):
        raise ConfigurationError(
            f"the address in {variable} cannot be used: it must be https://host/path without user and password, "
            "or http:// on this very machine"
        )


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")  # as the library will
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or not _PRINTABLE.fullmatch(url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Tells whether a host is this very machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def post_json(url: str, content: Mapping[str, Any], timeout_seconds: float, what: str) -> int:
    """Posts an object as JSON, and returns the status of the answer, whichever it is.

    Args:
        url: The address; it passed :func:`check_url`.
        content: The object.
        timeout_seconds: How long each step may take.
        what: What is posted to, for the message.

    Raises:
        TransientError: There is no answer.
    """
    request = urllib.request.Request(  # noqa: S310 - check_url let https and this machine pass
        url,
        data=json.dumps(content).encode(),
        # Discord's gate refuses Python's own name.
        headers={"Content-Type": "application/json", "User-Agent": "optarb"},
        method="POST",
    )
    return _status(request, timeout_seconds, what)


def get(url: str, timeout_seconds: float, what: str) -> int:
    """Gets an address, and returns the status of the answer, whichever it is.

    Args:
        url: The address; it passed :func:`check_url`.
        timeout_seconds: How long each step may take.
        what: What is asked, for the message.

    Raises:
        TransientError: There is no answer.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "optarb"})  # noqa: S310 - as above
    return _status(request, timeout_seconds, what)


def is_passing(status: int) -> bool:
    """Tells whether an answer asks for another try."""
    return status in _PASSING or status >= 500


def phrase(status: int) -> str:
    """Returns the words of a status; empty for one that has none."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _status(request: urllib.request.Request, timeout_seconds: float, what: str) -> int:
    try:
        with _opener().open(request, timeout=timeout_seconds) as response:
            return int(response.status)
    except (OSError, http.client.HTTPException) as error:
        reason = _reason(error)
    # Raised out here, so that it is not chained: the error of the library may hold the address.
    raise TransientError(f"{what} cannot be reached ({reason}); it is tried again later")


def _opener() -> urllib.request.OpenerDirector:
    """Opens through the environment's proxies, and takes every status for an answer.

    A redirect is one too: followed, it would turn the POST into a GET and tell the address to another host.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
        opener.add_handler(handler())
    opener.add_handler(urllib.request.UnknownHandler())
    return opener


def _reason(error: BaseException) -> str:
    """Says what went wrong without the error's own text, which may repeat the address."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    told = getattr(cause, "strerror", None)
    name = type(cause).__name__ if isinstance(cause, BaseException) else type(error).__name__
    return f"{name}: {told}" if isinstance(told, str) else name
