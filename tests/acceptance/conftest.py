"""Good data, a store with a book that must be found as it was left, and two years that run in many ways."""

from __future__ import annotations

import pytest
from tests.acceptance import small_desk, two_years

import optarb

NEIGHBOUR = "neighbour"


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A folder of good data, not to be written to."""
    folder = tmp_path_factory.mktemp("good")
    small_desk.market().write(folder / "data")
    return folder


@pytest.fixture
def store(files, tmp_path):
    """A store with another finished book, which must be found as it was left."""
    kept = optarb.SqlStore(url=f"sqlite:///{tmp_path}/books.db")
    desk = small_desk.desk(files, store=kept)
    with desk:
        digest = small_desk.run(desk, backtest_id=NEIGHBOUR).summary.digest
        rows = small_desk.ledger(kept, NEIGHBOUR)
        yield kept
        assert small_desk.ledger(kept, NEIGHBOUR) == rows
        assert optarb.load_result(desk, NEIGHBOUR).summary.digest == digest
        assert len(rows["fills"]) > 5


@pytest.fixture
def run(files, store):
    """Runs a changed desk or spec against the store that holds the neighbour."""

    def run(*, expert=None, policy=None, exits=None, data=None, **changes):
        desk = small_desk.desk(files, store=store, expert=expert, policy=policy, exits=exits, data=data)
        return small_desk.run(desk, **changes)

    return run


@pytest.fixture(autouse=True)
def _no_fuse_left():
    """A test that fails before its fuse burns must not set off the next one."""
    yield
    two_years.FUSE.clear()


@pytest.fixture(scope="session")
def two_year_files(tmp_path_factory):
    """Two years of spoilt chains, and bars from a year before."""
    folder = tmp_path_factory.mktemp("two-years")
    two_years.market().write(folder / "data")
    return folder


@pytest.fixture(scope="session")
def reference(two_year_files, tmp_path_factory):
    """Summary and ledger of one run that nothing happened to."""
    with two_years.desk(two_year_files, tmp_path_factory.mktemp("reference")) as desk:
        result = two_years.run(desk, backtest_id="reference")
        ledger = small_desk.ledger(desk.store, "reference")
    assert result.summary.sessions == 503
    assert result.summary.trades > 100
    assert len(set(result.trades().exit_reason)) >= 4
    assert len(ledger["notes"]) > 100
    return result.summary, ledger
