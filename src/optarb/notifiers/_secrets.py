"""Secrets, read when they are needed and kept nowhere."""

from __future__ import annotations

import os

from optarb.errors import ConfigurationError

__all__ = ["check_variable", "secret"]


def check_variable(name: str, field: str) -> None:
    """Refuses what is no name of an environment variable: somebody may have put the secret itself there.

    Raises:
        ConfigurationError: It is none. The value is not shown.
    """
    if not name.isidentifier():
        raise ConfigurationError(f"{field} must be the name of an environment variable, such as OPTARB_WEBHOOK_URL")


def secret(variable: str, what: str) -> str:
    """Reads a secret.

    Args:
        variable: Name of the environment variable.
        what: What it holds, for the message.

    Raises:
        ConfigurationError: It is not set, or empty.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigurationError(f"{what} is missing; set the environment variable {variable}")
    return value
