"""Finds the user's desk by ``module:attribute``."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from optarb.errors import ConfigurationError, UnknownName

if TYPE_CHECKING:
    from types import ModuleType

    from optarb.desk import Desk

__all__ = ["DeskOption", "load_desk", "load_shared_desk"]

DeskOption = Annotated[
    str,
    typer.Option("--desk", envvar="OPTARB_DESK", metavar="MODULE:ATTRIBUTE", help="Where the desk is, such as my_desk:desk."),
]
"""The option ``--desk`` of a command."""


def load_desk(name: str) -> Desk:
    """Imports a desk. The current folder is searched first, as ``python -m`` does.

    Args:
        name: ``module:attribute``, such as ``"my_desk:desk"``.

    Raises:
        ConfigurationError: Not of that form, no such module, or the attribute is no desk.
        UnknownName: The module has no such attribute.
    """
    from optarb.desk import Desk

    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute.isidentifier():
        raise ConfigurationError(f"a desk is named module:attribute, such as my_desk:desk; got {name!r}")
    module = _imported(module_name)
    if not hasattr(module, attribute):
        desks = [known for known, value in vars(module).items() if isinstance(value, Desk)]
        raise UnknownName(f"module {module_name!r}: {UnknownName.of('attribute', attribute, desks)}")
    value = getattr(module, attribute)
    if not isinstance(value, Desk):
        hint = "call it in the module and name what it returns" if callable(value) else "name an optarb.Desk"
        raise ConfigurationError(f"{name!r} is no Desk but {type(value).__name__!r}; {hint}")
    return value


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


def _imported(name: str) -> ModuleType:
    here = os.getcwd()  # noqa: PTH109 - sys.path holds text
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module is there; something that it imports is not
        raise ConfigurationError(
            f"no module {error.name!r} in {here!r} or among the installed packages; "
            "run the command where the module is, or correct the name"
        ) from None
