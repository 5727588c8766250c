"""The command ``optarb``."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Runs the command line of this process and ends the process.

    How it ends is told by :class:`optarb.cli.exit_codes.ExitCode`.
    """
    from optarb.cli.app import app

    app(prog_name="optarb")
