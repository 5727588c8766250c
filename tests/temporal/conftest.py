"""A made-up market, what a run on it comes to in process, and a look at what tests leave behind."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import subprocess
import tempfile
import threading

import pytest
from tests.temporal import rig
from tests.temporal.fleet import Harbour
from tests.temporal.rig import Keeper

import optarb


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    """The folder of the made-up market."""
    return rig.write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="session")
def undisturbed(market, tmp_path_factory):
    """Summary of the whole range, run in this process on a store and a cache of its own."""
    desk = rig.make_desk(market, tmp_path_factory.mktemp("undisturbed"))
    with desk:
        summary = optarb.backtest(rig.make_spec(), desk).summary
    assert summary.trades > 400  # else equal digests would say little
    return summary


@pytest.fixture
def keeper(tmp_path):
    """The test's side of a gate."""
    made = Keeper(tmp_path / "gate")
    yield made
    made.close()


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory):
    """A cache that tests share, where it does not matter who computed what is in it."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def make_desk(market, warm_cache, tmp_path):
    """Makes desks with a store of the test's own."""
    return functools.partial(rig.make_desk, market, tmp_path, cache=warm_cache)


@pytest.fixture(scope="module")
def harbour(temporal_cli, market, tmp_path_factory):
    """A server on a database file and a nursery of workers, for a module's tests."""
    made = Harbour(temporal_cli, tmp_path_factory.mktemp("server") / "temporal.db", market)
    asyncio.run(made.server.start())
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def nothing_left_behind(tmp_path_factory, temporal_address):
    """Fails a module that leaves a process, a thread pool or a temporary file behind."""
    scratch = tmp_path_factory.mktemp("scratch")
    children, before = _children(), tempfile.tempdir
    tempfile.tempdir = str(scratch)
    yield
    tempfile.tempdir = before
    gc.collect()
    assert _children() == children
    assert [path.name for path in scratch.iterdir()] == []
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("optarb")] == []


def _children() -> set[str]:
    """Ids and commands of this process's children, without the command that lists them."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,pid=,comm="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()]
    return {f"{pid} {command}" for parent, pid, command in rows if parent == str(os.getpid()) and command != "ps"}
