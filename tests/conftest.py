"""Fixtures for all tests: real data, and servers of Temporal, PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import os
import subprocess
import uuid
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
def skipping_server():
    """Temporal's test server, which skips time where nothing happens. It is fetched unless it is there (make test-server)."""
    found = subprocess.run([_CHECKOUT / "scripts" / "find-test-server", "--fetch"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return Path(found.stdout.strip())
    why = found.stderr.strip().rpartition("\n")[2]
    if os.environ.get("OPTARB_REQUIRE_SERVER") == "1":
        pytest.fail(f"OPTARB_REQUIRE_SERVER=1, and {why}")
    return pytest.skip("no test server that skips time (run: make test-server)")


@pytest.fixture(scope="session")
def temporal_address(temporal_cli):
    """``host:port`` of an embedded server that lasts for the whole run."""
    from optarb.temporal.server import EmbeddedServer

    server = EmbeddedServer(cli=temporal_cli)
    with asyncio.Runner() as runner:
        runner.run(server.__aenter__())
        yield server.address
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL server that lasts for the whole run. A test that stops one starts its own."""
    from tests import servers

    with servers.running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server):
    """Address of the server's own database; tests that write take ``postgres_database``."""
    return postgres_server.url()


@pytest.fixture
def postgres_database(postgres_server):
    """Makes empty databases, gone after the test; returns the address of each."""
    made = []

    def make():
        made.append(postgres_server.create_database())
        return made[-1]

    yield make
    for url in made:
        postgres_server.drop_database(url)


@pytest.fixture(scope="session")
def redis_url():
    """Address of a Redis server that lasts for the whole run; each test uses a ``redis_prefix`` of its own."""
    from tests import servers

    with servers.running_redis() as server:
        yield server.url


@pytest.fixture
def redis_prefix():
    """Begins the keys of this test and of no other."""
    return f"test-{uuid.uuid4().hex}:"
