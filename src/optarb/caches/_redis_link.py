"""This process's link to a Redis server, and what its errors mean. Importing this needs the extra ``redis``."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from optarb.errors import ConfigurationError, OptarbError, StoreError, StoreUnavailable

__all__ = ["PASSWORD_VARIABLE", "RedisLink"]

ResultT = TypeVar("ResultT")

PASSWORD_VARIABLE: Final = "OPTARB_REDIS_PASSWORD"  # noqa: S105 - the name of the variable
_LOG: Final = logging.getLogger("optarb.caches")
_REFUSED: Final = (exceptions.AuthenticationError, exceptions.NoPermissionError)
_PASSING: Final = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.OutOfMemoryError,
    exceptions.ReadOnlyError,
)


class RedisLink:
    """Pooled connections to a server, and whether it was there when it was last asked."""

    def __init__(self, url: str, shown: str, *, timeout_seconds: float, away_seconds: float) -> None:
        """Connects to nothing yet.

        Args:
            url: Address; without a password the one of :data:`PASSWORD_VARIABLE` is taken.
            shown: Address for people.
            timeout_seconds: How long to wait for the server.
            away_seconds: How long a server that was away is not asked again.

        Raises:
            ConfigurationError: The address cannot be read.
        """
        self._shown = shown
        self._away_seconds = away_seconds
        self._away_until = 0.0
        self._is_away = False
        self._lock = threading.Lock()
        options: dict[str, Any] = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
        # A connection that the server closed meanwhile is made anew once, without waiting.
        options |= {"retry": Retry(NoBackoff(), 1), "retry_on_error": [exceptions.ConnectionError]}
        try:
            self._client = redis.Redis.from_url(url, password=os.environ.get(PASSWORD_VARIABLE), **options)
        except (ValueError, TypeError):
            # Not chained, not quoted: the text may hold a password.
            raise ConfigurationError(
                "the url of a cache cannot be read; write redis://host:6379/0 or unix:///path/to/socket"
            ) from None

    def ask_if_there(self, call: Callable[[redis.Redis], ResultT]) -> ResultT | None:
        """Asks the server; None while it is away, which is told once, when it goes.

        Raises:
            ConfigurationError: The server wants another password.
            StoreError: The server refused what was asked.
        """
        if time.monotonic() < self._away_until:
            return None
        try:
            answer = self.ask(call)
        except StoreUnavailable as error:
            self._went_away(error)
            return None
        if self._is_away:
            self._came_back()
        return answer

    def ask(self, call: Callable[[redis.Redis], ResultT]) -> ResultT:
        """Asks the server.

        Raises:
            StoreUnavailable: It is away, or has no room.
            ConfigurationError: It wants another password.
            StoreError: It refused what was asked.
        """
        try:
            return call(self._client)
        except exceptions.RedisError as error:
            raise self._translated(error) from error

    def close(self) -> None:
        """Closes the pooled connections."""
        self._client.close()

    def _translated(self, error: exceptions.RedisError) -> OptarbError:
        if isinstance(error, _REFUSED):
            return ConfigurationError(
                f"cache {self._shown!r} refused access ({error}); set the environment variable {PASSWORD_VARIABLE}, "
                "or the user in the url"
            )
        if isinstance(error, _PASSING):
            return StoreUnavailable(f"cache {self._shown!r} cannot be used right now ({error}); try again later")
        return StoreError(f"cache {self._shown!r} refused what was asked: {type(error).__name__}: {error}")

    def _went_away(self, error: StoreUnavailable) -> None:
        with self._lock:
            self._away_until = time.monotonic() + self._away_seconds
            first, self._is_away = not self._is_away, True
        if first:
            _LOG.warning("%s; until it is back, everything is computed anew", error)

    def _came_back(self) -> None:
        with self._lock:
            self._is_away = False
        _LOG.info("cache %r is back", self._shown)
