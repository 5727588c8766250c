"""Calls of components: what they raise is told with who raised it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optarb.errors import ComponentError, OptarbError, TransientError

__all__ = ["called"]


def called(where: str, function: Callable[..., Any], *arguments: object, **named: object) -> Any:
    """Calls a component.

    Args:
        where: Who is called and in which session, for the message.
        function: What to call.
        *arguments: Its arguments.
        **named: Its named arguments.

    Raises:
        TransientError: The component asked for another try.
        OptarbError: An error of optarb that the component met, with ``where`` before its message.
        ComponentError: Anything else that it raised.
    """
    try:
        return function(*arguments, **named)
    except TransientError:
        raise
    except OptarbError as error:
        raise type(error)(f"{where}: {error}") from error
    except Exception as error:
        raise ComponentError(f"{where} raised {type(error).__name__}: {error}") from error
