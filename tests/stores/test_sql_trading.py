"""The store of live books in a database."""

from __future__ import annotations

import pytest

from optarb.stores import SqlStore
from optarb.testing.trading_store_conformance import TradingStoreConformance


class TestSqlTradingStoreOnFile(TradingStoreConformance):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}", timeout_seconds=60).trading
        yield store
        store.close()


class TestSqlTradingStoreInMemory(TradingStoreConformance):
    @pytest.fixture
    def store(self, request):
        return SqlStore(url="sqlite://", name=request.node.nodeid).trading


class TestSqlTradingStoreOnPostgres(TradingStoreConformance):
    @pytest.fixture
    def store(self, postgres_database):
        store = SqlStore(url=postgres_database(), timeout_seconds=60).trading
        yield store
        store.close()
