"""Notices in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from optarb.notifiers._wording import message
from optarb.protocols.trading import Notice, Severity

__all__ = ["LogNotifier"]

_LOG: Final = logging.getLogger("optarb.notices")
_LEVELS: Final[Mapping[Severity, int]] = MappingProxyType(
    {"info": logging.INFO, "warning": logging.WARNING, "alarm": logging.ERROR}
)


@dataclass(frozen=True, kw_only=True)
class LogNotifier:
    """Writes notices to the logger ``optarb.notices``: an ``info`` as INFO, a ``warning`` as WARNING, an ``alarm`` as ERROR."""

    def notify(self, notice: Notice) -> None:
        """Writes one notice."""
        _LOG.log(_LEVELS[notice.severity], "%s", message(notice))
