"""For tests of components and of workflows: fakes, and a conformance class for each protocol."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from optarb.testing.cache_conformance import CacheConformance
    from optarb.testing.store_conformance import BacktestStoreConformance

__all__ = ["BacktestStoreConformance", "CacheConformance"]

_MODULES: Final = {
    "BacktestStoreConformance": "optarb.testing.store_conformance",
    "CacheConformance": "optarb.testing.cache_conformance",
}
"""Where each name lives. Loaded on first use: a test of an expert needs neither pytest's fixtures nor Temporal."""


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
