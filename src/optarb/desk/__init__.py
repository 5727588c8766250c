"""The desk, and what enters a run through it."""

from __future__ import annotations

from optarb.desk.desk import Desk, Setup

__all__ = ["Desk", "Setup"]
