"""Every error that optarb raises on purpose.

The tree::

    OptarbError
    ├── ConfigurationError          a spec, a desk or a component is wrong; nothing ran
    │   ├── UnknownName             a strategy, component, parameter or column that does not exist
    │   └── MissingExtra            an optional dependency is not installed
    ├── DataError                   market data is missing, broken or out of range
    │   ├── BadData                 a file or a row that cannot be used
    │   └── DataChanged             data, code or libraries differ from those fixed at the claim
    ├── ComponentError              a user's component raised, or returned what it may not return
    ├── TransientError              (retryable) raised by components that want another try
    ├── BookError                   a book cannot be used in this way
    │   ├── BookNotFound
    │   ├── BookConflict            the id belongs to a run of another spec, data or code
    │   ├── AlreadyRunning          the id is being run elsewhere
    │   ├── Superseded              another claim owns the book; this one must not write
    │   └── Cancelled               the run was asked to stop; the book can be resumed
    ├── StoreError
    │   ├── SchemaMismatch          the store was made by another version
    │   └── StoreUnavailable        (retryable) locked, full or unreachable
    ├── BrokerUnavailable           (retryable) the broker cannot be asked right now
    └── ServerUnavailable           (retryable) no Temporal server answers

Each class says through ``retryable`` whether trying the same call again can help.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AlreadyRunning",
    "BadData",
    "BookConflict",
    "BookError",
    "BookNotFound",
    "BrokerUnavailable",
    "Cancelled",
    "ComponentError",
    "ConfigurationError",
    "DataChanged",
    "DataError",
    "MissingExtra",
    "OptarbError",
    "SchemaMismatch",
    "ServerUnavailable",
    "StoreError",
    "StoreUnavailable",
    "Superseded",
    "TransientError",
    "UnknownName",
    "error_named",
]


class OptarbError(Exception):
    """Base of every error that optarb raises on purpose."""

    retryable: ClassVar[bool] = False
    """Whether the same call can succeed later without any change."""


class ConfigurationError(OptarbError):
    """A spec, a desk or a component is wrong. Nothing ran."""


class UnknownName(ConfigurationError):
    """A name that does not exist; the message lists or suggests those that do."""

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str]) -> UnknownName:
        """Builds the error with a suggestion.

        Args:
            kind: What was looked up, such as ``"strategy"``.
            name: The name that was not found.
            known: All names that exist.
        """
        names = sorted(known)
        close = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names) or 'none'}"
        return cls(f"unknown {kind} {name!r}; {hint}")


class MissingExtra(ConfigurationError):
    """An optional dependency is not installed; the message names the extra."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtra:
        """Builds the error for a package that an extra brings.

        Args:
            package: Import name of what is missing.
            extra: Name of the extra of optarb that installs it.
        """
        return cls(f'{package!r} is not installed; run: pip install "optarb[{extra}]"')


class DataError(OptarbError):
    """Market data is missing, broken or out of range."""


class BadData(DataError):
    """A file or a row that cannot be used."""


class DataChanged(DataError):
    """Data, code or libraries differ from those fixed when the book was claimed."""


class ComponentError(OptarbError):
    """A component raised an exception, or returned what its protocol does not allow."""


class TransientError(OptarbError):
    """Raised by a component that wants to be called again; retried as the phase allows."""

    retryable = True


class BookError(OptarbError):
    """A book cannot be used in this way."""


class BookNotFound(BookError):
    """No book of that id is in the store."""


class BookConflict(BookError):
    """The id belongs to a run of another spec, other data or other code."""


class AlreadyRunning(BookError):
    """The book is being run by another owner right now."""


class Superseded(BookError):
    """Another claim owns the book now; this execution must not write to it."""


class Cancelled(BookError):
    """The run was asked to stop. What is committed stays; the book can be resumed."""


class StoreError(OptarbError):
    """The store cannot do what was asked."""


class SchemaMismatch(StoreError):
    """The store was made by a version of optarb with another schema."""


class StoreUnavailable(StoreError):
    """The store is locked, full or unreachable; trying later can help."""

    retryable = True


class BrokerUnavailable(OptarbError):
    """The broker cannot be asked right now."""

    retryable = True


class ServerUnavailable(OptarbError):
    """No Temporal server answers, or none can be had."""

    retryable = True


def error_named(name: str) -> type[OptarbError]:
    """Finds an error class by its name, for errors that travelled as text.

    Args:
        name: Class name, such as ``"BookConflict"``.

    Returns:
        The class, or :class:`OptarbError` if the name is not one of this tree.
    """
    found = globals().get(name)
    return found if isinstance(found, type) and issubclass(found, OptarbError) else OptarbError
