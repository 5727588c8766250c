"""Finds the user's desk by ``module:attribute``."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optarb.errors import BookError, BookNotFound, ConfigurationError, UnknownName

if TYPE_CHECKING:
    from types import ModuleType

    from optarb.desk import Desk
    from optarb.protocols import BookInfo

__all__ = ["BookArgument", "DeskOption", "find_backtest", "find_book", "import_attribute", "load_desk", "load_shared_desk"]

DeskOption = Annotated[
    str,
    typer.Option("--desk", envvar="OPTARB_DESK", metavar="MODULE:ATTRIBUTE", help="Where the desk is, such as my_desk:desk."),
]
"""The option ``--desk`` of a command."""

BookArgument = Annotated[str, typer.Argument(metavar="BACKTEST_ID", help="The book of a backtest; optarb list shows them.")]
"""The argument ``BACKTEST_ID`` of a command."""


def load_desk(name: str) -> Desk:
    """Imports a desk. The current folder is searched first, as ``python -m`` does.

    Args:
        name: ``module:attribute``, such as ``"my_desk:desk"``.

    Raises:
        ConfigurationError: Not of that form, no such module, or the attribute is no desk.
        UnknownName: The module has no such attribute.
    """
    from optarb.desk import Desk

    value = import_attribute(name, "desk", "my_desk:desk", kind=Desk)
    if not isinstance(value, Desk):
        hint = "call it in the module and name what it returns" if callable(value) else "name an optarb.Desk"
        raise ConfigurationError(f"{name!r} is no Desk but {type(value).__name__!r}; {hint}")
    return value


def import_attribute(name: str, what: str, example: str, *, kind: type = object) -> Any:
    """Imports what a module defines. The current folder is searched first, as ``python -m`` does.

    Args:
        name: ``module:attribute``.
        what: What it is, for messages.
        example: Such a name, for messages.
        kind: Attributes of this class are suggested where the name is unknown.

    Raises:
        ConfigurationError: Not of that form, or no such module.
        UnknownName: The module has no such attribute.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute.isidentifier():
        raise ConfigurationError(f"a {what} is named module:attribute, such as {example}; got {name!r}")
    module = _imported(module_name)
    if not hasattr(module, attribute):
        known = [public for public, value in vars(module).items() if isinstance(value, kind) and not public.startswith("_")]
        raise UnknownName(f"module {module_name!r}: {UnknownName.of('attribute', attribute, known)}")
    return getattr(module, attribute)


def load_shared_desk(name: str) -> Desk:
    """Imports a desk whose books outlive a process, for commands that read what another process wrote.

    Args:
        name: ``module:attribute``.

    Raises:
        ConfigurationError: As :func:`load_desk`, or the desk's store lives in one process only.
        UnknownName: The module has no such attribute.
    """
    desk = load_desk(name)
    if not desk.store.is_shared:
        raise ConfigurationError(
            f"the books of desk {name!r} live and end with the process that made them; "
            "give the desk a store in a file, such as SqlStore(url='sqlite:///optarb.db')"
        )
    return desk


def find_book(desk: Desk, backtest_id: str) -> BookInfo:
    """Looks a book up.

    Args:
        desk: Whose store to ask.
        backtest_id: The book.

    Raises:
        BookNotFound: No such book; the message suggests one of almost that name.
    """
    try:
        return desk.store.book(backtest_id)
    except BookNotFound:
        close = difflib.get_close_matches(backtest_id, [book.book_id for book in desk.store.books()], n=1)
        hint = f"did you mean {close[0]!r}?" if close else "optarb list shows those that are"
        raise BookNotFound(f"no backtest {backtest_id!r} in the desk's store; {hint}") from None


def find_backtest(desk: Desk, backtest_id: str) -> BookInfo:
    """Looks up the book of one backtest.

    Args:
        desk: Whose store to ask.
        backtest_id: The book.

    Raises:
        BookNotFound: No such book; the message suggests one of almost that name.
        BookError: It is a whole sweep.
    """
    book = find_book(desk, backtest_id)
    if "sweep" in book.documents:
        raise BookError(f"{backtest_id!r} is a sweep; name one of its settings, such as '{backtest_id}/0'")
    return book


def _imported(name: str) -> ModuleType:
    here = os.getcwd()  # noqa: PTH109 - sys.path holds text
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with redirect_stdout(sys.stderr):  # what a module prints is no result of a command
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there; something that it imports is not
        raise ConfigurationError(
            f"no module {error.name!r} in {here!r} or among the installed packages; "
            f"{_similar(name)}run the command where the module is, or correct the name"
        ) from None


def _similar(name: str) -> str:
    """Suggests a module of the current folder with almost that name."""
    here = Path.cwd()
    modules = {file.stem for file in here.glob("*.py")} | {file.parent.name for file in here.glob("*/__init__.py")}
    close = difflib.get_close_matches(name.partition(".")[0], sorted(modules), n=1)
    return f"did you mean {close[0]!r}? Otherwise " if close else ""
