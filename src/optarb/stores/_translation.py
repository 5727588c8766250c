"""What errors of drivers and of SQLAlchemy mean."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Final

from sqlalchemy import exc

from optarb.errors import StoreError, StoreUnavailable

__all__ = ["translated_errors"]

# SQLite: busy, locked, i/o error, full, cannot open, locking protocol. The same call may work later.
_SQLITE_PASSING: Final = frozenset({5, 6, 10, 13, 14, 15})
_SQLITE_NO_DATABASE: Final = frozenset({11, 26})  # corrupt, not a database
# PostgreSQL: a standby, or a primary that became one; a transaction that idled for too long.
_POSTGRES_PASSING: Final = frozenset({"25006", "25P03"})


@contextlib.contextmanager
def translated_errors(shown: str) -> Generator[None]:
    """Turns errors of drivers and of SQLAlchemy into errors of optarb.

    Args:
        shown: Address for people.

    Raises:
        StoreUnavailable: The same call may work later.
        StoreError: It will not.
    """
    try:
        yield
    except exc.SQLAlchemyError as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
        raise _translated(cause, shown) from cause
    except Exception as error:
        # PEP 249 prescribes these names; importing every driver to know its classes would be the heavier way.
        if not any(base.__name__ == "Error" and base.__module__ in {"sqlite3", "psycopg"} for base in type(error).__mro__):
            raise
        raise _translated(error, shown) from error


def _translated(error: BaseException, shown: str) -> StoreError:
    names = {base.__name__ for base in type(error).__mro__}
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        passing = bool(names & {"OperationalError", "InterfaceError", "TimeoutError"})
        passing = passing or getattr(error, "sqlstate", None) in _POSTGRES_PASSING
    else:
        passing = code & 0xFF in _SQLITE_PASSING
        if code & 0xFF in _SQLITE_NO_DATABASE:
            return StoreError(f"store {shown!r} is no usable SQLite database ({error}); name another file, or restore a backup")
    if passing:
        return StoreUnavailable(f"store {shown!r} cannot be used right now ({error}); try again later")
    return StoreError(f"store {shown!r} refused what was asked: {type(error).__name__}: {error}")
