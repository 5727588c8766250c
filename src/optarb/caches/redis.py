"""A cache in Redis, shared by the processes of several machines."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from optarb import _connections
from optarb.caches._frames import framed, read_frame
from optarb.caches._limits import check_key, expiry
from optarb.errors import ConfigurationError, MissingExtra
from optarb.protocols.caches import CacheUsage

if TYPE_CHECKING:
    import redis

    from optarb.caches._redis_link import RedisLink

__all__ = ["RedisCache"]

_LOG: Final = logging.getLogger("optarb.caches")
_LARGEST: Final = 512 * 1024 * 1024
"""Redis takes no greater value."""
_COPIED_BELOW: Final = 64 * 1024
_LONGEST_TTL_MS: Final = 10**15
_BATCH: Final = 1000
_SCHEMES: Final = ("redis://", "rediss://", "unix://")


@dataclass(frozen=True, kw_only=True, repr=False)
class RedisCache:
    """Keeps values in Redis (extra ``redis``).

    Every value carries a checksum, tested at every read; a damaged one is deleted and counts as absent. While the server is
    away, :meth:`get` finds nothing and :meth:`put` keeps nothing: a run goes on and computes what it would have found. One
    warning says so. Building one opens nothing.
    """

    url: str = "redis://localhost:6379/0"
    """``redis://host:port/database``, ``rediss://`` with TLS, or ``unix:///path/to/socket?db=0``. Leave the password to the
    environment variable ``OPTARB_REDIS_PASSWORD``, read at the first use; one in the address is kept out of ``repr``, logs and
    errors."""
    prefix: str = "optarb:"
    """Begins every key of this cache; not empty, so that :meth:`clear` removes nothing of others."""
    timeout_seconds: float = 10.0
    """How long to wait for the server to connect or to answer before it counts as away; > 0."""
    away_seconds: float = 15.0
    """How long a server that was away is not asked again, so that a run does not wait at every value; >= 0."""

    def __post_init__(self) -> None:
        """Checks the parameters."""
        if not str(self.url).startswith(_SCHEMES):
            raise ConfigurationError("the url of a Redis cache must begin with redis://, rediss:// or unix://")
        if not self.prefix:
            raise ConfigurationError("prefix must not be '': clear() would remove every key of the database")
        if not (math.isfinite(self.timeout_seconds) and self.timeout_seconds > 0):
            raise ConfigurationError(f"timeout_seconds must be finite and > 0, got {self.timeout_seconds!r}")
        if not (math.isfinite(self.away_seconds) and self.away_seconds >= 0):
            raise ConfigurationError(f"away_seconds must be finite and >= 0, got {self.away_seconds!r}")

    def __repr__(self) -> str:
        """Shows the address without its password."""
        return f"RedisCache(url={_shown(self.url)!r}, prefix={self.prefix!r})"

    def get(self, key: str) -> bytes | memoryview | None:
        """Returns the value, or None if it is absent, expired, damaged (then it is deleted), or the server is away.

        Raises:
            ConfigurationError: The server wants another password.
        """
        link, name = self._link(), self._name(key)
        data = link.ask_if_there(lambda client: client.get(name))
        if not isinstance(data, bytes):
            return None
        frame = read_frame(data, key, verify=True)
        if frame is None:
            _LOG.warning("cache entry %r in %s is damaged and was deleted", key, _shown(self.url))
            link.ask_if_there(partial(_unlink, [name]))
            return None
        return memoryview(data)[frame.value_at :] if frame.value_length >= _COPIED_BELOW else data[frame.value_at :]

    def put(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Stores a value under a key that has none.

        A value of more than 512 MB, with its frame, is not kept: Redis takes none. Nor is anything while the server is away.

        Raises:
            StoreError: The key is too long, or ``ttl`` is negative.
            ConfigurationError: The server wants another password.
        """
        check_key(key)
        expiry(ttl)
        if ttl == 0:
            return
        content = framed(key, value, math.inf) + value
        if len(content) > _LARGEST:
            _LOG.warning("cache entry %r has %d bytes, more than Redis takes (512 MB), and is not kept", key, len(value))
            return
        link, name = self._link(), self._name(key)
        milliseconds = None if ttl is None else min(math.ceil(ttl * 1000), _LONGEST_TTL_MS)

        def write(client: redis.Redis) -> bool:
            return bool(client.set(name, content, nx=True, px=milliseconds))

        # What is there already may be damaged: then reading it makes room.
        if not link.ask_if_there(write) and self.get(key) is None:
            link.ask_if_there(write)

    def delete(self, key: str) -> None:
        """Removes a key; nothing happens if it is absent.

        Raises:
            StoreUnavailable: The server is away, so the value may still be there.
        """
        self._link().ask(partial(_unlink, [self._name(key)]))

    def clear(self, prefix: str = "") -> None:
        """Removes every key that starts with the prefix.

        Raises:
            StoreUnavailable: The server is away, so values may still be there.
        """
        link = self._link()
        for names in self._names(link, prefix):
            link.ask(partial(_unlink, names))

    def usage(self, prefix: str = "") -> CacheUsage:
        """Counts the values whose keys start with the prefix, and their bytes with their frames.

        Raises:
            StoreUnavailable: The server is away.
        """
        link = self._link()
        entries = size = 0
        for names in self._names(link, prefix):
            lengths = link.ask(partial(_lengths, names))
            entries += sum(length > 0 for length in lengths)  # one that is gone meanwhile has none
            size += sum(lengths)
        return CacheUsage(entries=entries, size_bytes=size)

    def close(self) -> None:
        """Closes this process's connections; the next call opens them again."""
        _connections.close(self._key())

    def _name(self, key: str) -> bytes:
        return f"{self.prefix}{key}".encode()

    def _names(self, link: RedisLink, prefix: str) -> Iterator[list[bytes]]:
        """Finds keys in batches, without holding up the server's other clients; each key comes once."""
        pattern = b"".join(b"\\" + bytes([one]) if one in b"*?[]^-\\" else bytes([one]) for one in self._name(prefix)) + b"*"
        found = link.ask(lambda client: set(client.scan_iter(pattern, count=_BATCH)))
        names = sorted(found)
        for start in range(0, len(names), _BATCH):
            yield names[start : start + _BATCH]

    def _key(self) -> tuple[object, ...]:
        return (RedisCache, self.url, self.timeout_seconds, self.away_seconds)

    def _link(self) -> RedisLink:
        try:
            from optarb.caches._redis_link import RedisLink
        except ModuleNotFoundError as error:
            raise MissingExtra.of("redis", "redis") from error
        return _connections.opened(
            self._key(),
            lambda: RedisLink(self.url, _shown(self.url), timeout_seconds=self.timeout_seconds, away_seconds=self.away_seconds),
        )


def _unlink(names: list[bytes], client: redis.Redis) -> None:
    client.unlink(*names)


def _lengths(names: list[bytes], client: redis.Redis) -> list[int]:
    with client.pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.strlen(name)
        return [int(length) for length in pipeline.execute()]


def _shown(url: str) -> str:
    """An address for people, without passwords, also where one was not escaped as it should have been."""
    scheme, _, rest = url.partition("://")
    before, at, place = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    place, mark, query = place.partition("?")
    hidden = [f"{name}=***" if "password" in name.lower() else f"{name}={value}" for name, value in parse_qsl(query)]
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}{mark}{'&'.join(hidden)}"
