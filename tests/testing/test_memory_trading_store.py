from __future__ import annotations

import pytest

from optarb.testing.memory_trading_store import MemoryTradingStore
from optarb.testing.trading_store_conformance import TradingStoreConformance


class TestMemoryTradingStore(TradingStoreConformance):
    @pytest.fixture
    def store(self):
        return MemoryTradingStore()


def test_close_when_used_again_then_books_are_still_there():
    store = MemoryTradingStore()
    store.once("a.b", None, "step", b"x")
    store.close()
    assert store.live_books() == ["a.b"]
    assert not store.is_shared
