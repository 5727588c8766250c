"""Results of books filled by hand."""

from __future__ import annotations

import pytest
from tests.reports.hand_book import EMPTY_REPORT, EMPTY_ROWS, EMPTY_SUMMARY, ROWS, write_book

from optarb.stores import SqlStore


@pytest.fixture
def store(request):
    return SqlStore(url="sqlite://", name=request.node.nodeid)


@pytest.fixture
def result(store):
    return write_book(store, ROWS)


@pytest.fixture
def empty(request):
    store = SqlStore(url="sqlite://", name=f"{request.node.nodeid} empty")
    return write_book(store, EMPTY_ROWS, EMPTY_SUMMARY, EMPTY_REPORT)
