"""Fixtures for all tests: real data and a Temporal server."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

_CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data():
    """The folder of real market data, which is no part of the project.

    ``OPTARB_REAL_DATA`` names it; unset, it is looked for beside the checkout, and tests that need it are skipped if it
    is not there. A path that is set and missing is a mistake, so it fails.
    """
    named = os.environ.get("OPTARB_REAL_DATA")
    folder = Path(named) if named else _CHECKOUT.parent / "shared" / "data"
    if folder.is_dir():
        return folder
    if named:
        pytest.fail(f"OPTARB_REAL_DATA is set to {named!r}, which is no folder")
    return pytest.skip("no real market data (set OPTARB_REAL_DATA)")


@pytest.fixture(scope="session")
def temporal_cli():
    """The ``temporal`` executable. Fetching it is `make server`'s task: a test run does not download or build."""
    from optarb.errors import ServerUnavailable
    from optarb.temporal.server import resolve_cli

    try:
        return resolve_cli(fetch=False)
    except ServerUnavailable as error:
        if os.environ.get("OPTARB_REQUIRE_SERVER") == "1":
            pytest.fail(f"OPTARB_REQUIRE_SERVER=1, and {error}")
        return pytest.skip("no Temporal server (run: make server)")


@pytest.fixture(scope="session")
def temporal_address(temporal_cli):
    """``host:port`` of an embedded server that lasts for the whole run."""
    from optarb.temporal.server import EmbeddedServer

    server = EmbeddedServer(cli=temporal_cli)
    with asyncio.Runner() as runner:
        runner.run(server.__aenter__())
        yield server.address
        runner.run(server.__aexit__(None, None, None))
