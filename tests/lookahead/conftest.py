"""A short range of the made-up market, and cheats that begin with nothing kept."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from tests.lookahead import cheats, honest

import optarb
from optarb.lookahead import check_lookahead
from optarb.lookahead._processes import FreshProcesses
from optarb.lookahead._synthetic import synthetic_desk

START, END = date(2022, 10, 3), date(2022, 11, 9)
SPEC = optarb.BacktestSpec(strategy="synthetic", start=START, end=END, capital=Decimal(200_000))


@pytest.fixture(autouse=True)
def nothing_kept():
    cheats.KEPT.clear()
    honest.MEMO.clear()


@pytest.fixture(scope="session")
def bars():
    """All bars of SPX that a check of the short range loads: through its last session."""
    whole = synthetic_desk(0).market_data.bars("SPX")
    return whole.between(None, END)


@pytest.fixture(scope="session")
def interpreters():
    """Two interpreters that serve all tests: they ask no component themselves, so what they load next begins afresh."""
    running = {}

    class Shared:
        def __init__(self, packed, *, hash_seed):
            if hash_seed not in running:
                running[hash_seed] = FreshProcesses(packed, hash_seed=hash_seed)
                running[hash_seed].__enter__()
            self._one = running[hash_seed]
            self._one._packed = packed

        def __enter__(self):
            return self._one

        def __exit__(self, *_):
            pass

    yield Shared
    for one in running.values():
        one.__exit__(None, None, None)


@pytest.fixture
def check(interpreters, monkeypatch):
    """Checks on the short range, in this process unless told otherwise."""
    monkeypatch.setattr("optarb.lookahead.check.FreshProcesses", interpreters)

    def checked(component, *, indicators=(), spec=SPEC, sessions=3, processes=False, **more):
        desk = synthetic_desk(0)
        desk = optarb.Desk(strategies=desk.strategies, market_data=desk.market_data, indicators=indicators)
        return check_lookahead(component, desk=desk, spec=spec, sessions=sessions, processes=processes, **more)

    return checked


@pytest.fixture
def found(check):
    """Checks and returns the findings by kind."""
    return lambda component, **more: {one.kind: one for one in check(component, **more).findings}
