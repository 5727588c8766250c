"""An expert that says what it was told to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from optarb.domain.signals import Signal

if TYPE_CHECKING:
    from optarb.protocols import MarketView

__all__ = ["ScriptedExpert"]


@dataclass(frozen=True, kw_only=True)
class ScriptedExpert:
    """Gives each session's signal from a script, and none in other sessions."""

    signals: Mapping[date, Signal]
    """Signals by session."""
    underlying: str | None = None
    """Answer for this underlying only; None for every one."""

    def evaluate(self, view: MarketView) -> Signal | None:
        """Returns the session's signal, if any."""
        if self.underlying is not None and view.underlying != self.underlying:
            return None
        return self.signals.get(view.session)
