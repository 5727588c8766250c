"""Policies: candidates and the account become entries."""

from __future__ import annotations

from optarb.policies.risk import RiskPolicy

__all__ = ["RiskPolicy"]
