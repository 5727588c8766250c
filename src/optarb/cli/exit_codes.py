"""What the command tells a shell when it ends."""

from __future__ import annotations

from enum import IntEnum

from optarb.errors import BookError, BookNotFound, Cancelled, ConfigurationError, OptarbError, UnknownName

__all__ = ["ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """Exit codes of the command ``optarb``."""

    DONE = 0
    """Done."""
    FAILED = 1
    """A run or a check failed; or an error that optarb did not raise on purpose, with its traceback."""
    USAGE = 2
    """Wrong usage: an option, a spec, a desk or a component. Nothing ran."""
    NOT_FOUND = 3
    """Something that was named does not exist: a backtest, a trade, a strategy, a group of workers."""
    CONFLICT = 4
    """The state of a book forbids it: it is being run, is not finished, or belongs to another spec."""
    UNAVAILABLE = 5
    """A server or a store cannot be reached right now; the same command may work later."""
    INTERRUPTED = 130
    """Ctrl-C, or a run that was cancelled: what is committed stays, and can be resumed. 128 + SIGINT, as shells say it."""


# The first class that fits decides, so a class stands before its bases.
_BY_CLASS: tuple[tuple[type[OptarbError], ExitCode], ...] = (
    (Cancelled, ExitCode.INTERRUPTED),
    (BookNotFound, ExitCode.NOT_FOUND),
    (BookError, ExitCode.CONFLICT),
    (UnknownName, ExitCode.NOT_FOUND),
    (ConfigurationError, ExitCode.USAGE),
)


def exit_code_of(error: OptarbError) -> ExitCode:
    """Returns the exit code of an error.

    Args:
        error: What ended a command.
    """
    for kind, code in _BY_CLASS:
        if isinstance(error, kind):
            return code
    return ExitCode.UNAVAILABLE if error.retryable else ExitCode.FAILED
