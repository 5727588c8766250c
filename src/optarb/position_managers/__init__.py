"""Position managers: open positions become exits."""

from __future__ import annotations

from optarb.position_managers.exit_rules import ExitRules

__all__ = ["ExitRules"]
