"""``optarb cancel`` on the store alone; test_on_a_server.py cancels workflows."""

from __future__ import annotations

import json

import pytest

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode

DESK = ("--desk", "my_desk:desk")


@pytest.fixture
def running(folder, monkeypatch, nowhere):
    """A store with a book that a process runs, and no server."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", nowhere)
    store = load_desk("my_desk:desk").store
    epoch = store.claim("mine", owner="me", identity="i", documents={}, lease_seconds=60.0).epoch
    return store, epoch


def test_cancel_when_a_process_runs_it_then_its_next_renewal_says_so(run, running):
    store, epoch = running
    assert not store.renew("mine", epoch, 60.0)

    done = run("cancel", "mine", *DESK)

    assert (done.exit_code, done.stdout) == (0, "mine was asked to stop; go on later with: optarb resume mine\n")
    assert done.stderr.startswith("no workflow was asked: no Temporal server answers at")
    assert store.renew("mine", epoch, 60.0)


def test_cancel_when_it_does_not_run_then_nothing_is_asked(run, running):
    store, epoch = running
    store.finish("mine", epoch, "failed", error="x")

    text, document = run("cancel", "mine", *DESK), run("cancel", "mine", *DESK, "--json")

    assert (text.exit_code, text.stdout) == (0, "mine is failed: there is nothing to stop\n")
    assert json.loads(document.stdout) == {
        "backtest_id": "mine",
        "status": "failed",
        "workflow_cancelled": False,
        "store_asked": False,
    }
    assert not store.renew("mine", epoch, 60.0)


def test_cancel_when_its_owner_is_not_heard_of_then_said(run, running):
    store, _ = running
    store.claim("lost", owner="me", identity="i", documents={}, lease_seconds=0.0)

    assert run("cancel", "lost", *DESK).stdout.startswith("nobody has been heard of who runs lost")


def test_cancel_when_book_is_unknown_then_suggestion(run, running):
    done = run("cancel", "mina", *DESK)

    assert (done.exit_code, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert "did you mean 'mine'?" in done.stderr


def test_cancel_when_the_server_that_was_named_is_away_then_nothing_is_asked_of_the_store(run, running, nowhere):
    store, epoch = running

    assert run("cancel", "mine", *DESK, "--address", nowhere).exit_code == ExitCode.UNAVAILABLE
    assert not store.renew("mine", epoch, 60.0)
