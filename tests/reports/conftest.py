"""Results of books filled by hand, and a browser to look at them."""

from __future__ import annotations

import asyncio
import os

import pytest
from tests.reports.browser import Browser, find_browser
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


@pytest.fixture(scope="session")
def browser():
    """A Chromium. Fetching it is `make browser`'s task: a test run does not install."""
    from playwright.async_api import async_playwright

    path, why = find_browser()
    if path is None:
        if os.environ.get("OPTARB_REQUIRE_SERVER") == "1":
            pytest.fail(f"OPTARB_REQUIRE_SERVER=1, and {why}")
        pytest.skip("no browser (run: make browser)")
    with asyncio.Runner() as runner:
        driver = runner.run(async_playwright().start())
        # Chromium's own sandbox does not work as root.
        chromium = runner.run(driver.chromium.launch(executable_path=path, args=["--no-sandbox"]))
        yield Browser(runner, chromium)
        runner.run(chromium.close())
        runner.run(driver.stop())
