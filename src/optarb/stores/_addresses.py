"""What the address of a database says before it is opened."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import make_url

from optarb.errors import ConfigurationError

__all__ = ["Address", "address_of"]

_SECRETS = ("password", "passfile", "sslpassword")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is."""

    url: sa.URL
    """For SQLAlchemy, with the driver named and a file's path made absolute."""
    shown: str
    """For people: without passwords."""
    file: str | None
    """Absolute path of an SQLite file; None for anything else."""
    in_memory: bool
    """Whether it lives in this process only."""


def address_of(url: str) -> Address:
    """Reads an address; a relative path is taken from the working directory of this moment.

    Raises:
        ConfigurationError: It is no address, or one of a database that is not supported.
    """
    parsed, shown = _parse(url)
    if parsed.get_backend_name() != "sqlite":
        return Address(parsed, shown, None, in_memory=False)
    if _is_memory(parsed):
        return Address(parsed, shown, None, in_memory=True)
    file = os.path.abspath(os.path.expanduser(parsed.database or ""))  # noqa: PTH100, PTH111  # called at every access
    return Address(parsed.set(database=file), shown, file, in_memory=False)


@functools.lru_cache(maxsize=64)
def _parse(url: str) -> tuple[sa.URL, str]:
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        # Not chained, not quoted: the text may hold a password.
        raise ConfigurationError(
            "the url of a store cannot be read; write sqlite:///path/to/file.db or postgresql://user@host/database"
        ) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise ConfigurationError(
            f"a store cannot use {parsed.drivername!r}; use sqlite:///path/to/file.db or postgresql://user@host/database"
        )
    hidden = {name: "***" for name in parsed.query if name.lower() in _SECRETS}
    return parsed, parsed.update_query_dict(hidden).render_as_string(hide_password=True)


def _is_memory(url: sa.URL) -> bool:
    if url.query:
        raise ConfigurationError(
            f"the url of an SQLite store takes no options, got {', '.join(sorted(url.query))}; write sqlite:///path/to/file.db"
        )
    return url.database in {None, "", ":memory:"}
