"""The command ``optarb``."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Runs the command line of this process and ends the process.

    Exit codes: 0; 1 after an error; 2 for wrong usage; 130 after Ctrl-C.
    """
    from optarb.cli.app import app

    app(prog_name="optarb")
