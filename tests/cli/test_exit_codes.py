"""Exit codes."""

from __future__ import annotations

import pytest

from optarb import errors
from optarb.cli.exit_codes import ExitCode, exit_code_of

EXPECTED = {
    "OptarbError": 1,
    "DataError": 1,
    "BadData": 1,
    "DataChanged": 1,
    "ComponentError": 1,
    "StoreError": 1,
    "SchemaMismatch": 1,
    "ConfigurationError": 2,
    "MissingExtra": 2,
    "UnknownName": 3,
    "BookNotFound": 3,
    "BookError": 4,
    "BookConflict": 4,
    "AlreadyRunning": 4,
    "Superseded": 4,
    "TransientError": 5,
    "StoreUnavailable": 5,
    "BrokerUnavailable": 5,
    "ServerUnavailable": 5,
    "Cancelled": 130,
}


def classes(kind=errors.OptarbError):
    yield kind
    for child in kind.__subclasses__():
        yield from classes(child)


def test_exit_codes_when_listed_then_as_documented():
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 5, 130]


@pytest.mark.parametrize("name", EXPECTED)
def test_exit_code_when_error_is_known_then_its_own(name):
    assert exit_code_of(getattr(errors, name)("what happened")) == EXPECTED[name]


def test_exit_codes_when_errors_are_looked_through_then_none_is_forgotten():
    others = {kind.__name__ for kind in classes() if kind.__module__ == "optarb.errors"} - set(EXPECTED)

    # A class that is added since follows its base or its `retryable`, and no new one may end as success.
    assert all(exit_code_of(getattr(errors, name)("x")) != ExitCode.DONE for name in others)
