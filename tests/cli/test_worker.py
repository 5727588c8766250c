"""``optarb worker run``."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.errors import ServerUnavailable


@pytest.fixture
def asked(monkeypatch):
    asked = []
    fake = SimpleNamespace(run_worker=lambda *arguments, **named: asked.append((*arguments, named)))
    monkeypatch.setitem(sys.modules, "optarb.cli._worker_process", fake)
    return asked


def test_worker_when_run_then_desk_with_defaults(run, asked):
    assert run("worker", "run", "my_desk:desk").exit_code == 0
    assert asked == [(load_desk("my_desk:desk"), None, "optarb", {"supervised": False})]


def test_worker_when_options_are_given_then_passed_on(run, asked, monkeypatch):
    monkeypatch.setenv("OPTARB_DESK", "my_desk:desk")

    assert run("worker", "run", "--address", "there:7233", "--task-queue", "cpu").exit_code == 0
    assert asked[0][1:3] == ("there:7233", "cpu")


def test_worker_when_no_server_answers_then_error_and_exit_code_5(run, monkeypatch):
    def run_worker(*arguments, **named):
        raise ServerUnavailable("no Temporal server answers at 'there:7233'")

    monkeypatch.setitem(sys.modules, "optarb.cli._worker_process", SimpleNamespace(run_worker=run_worker))

    done = run("worker", "run", "my_desk:desk")

    assert done.exit_code == ExitCode.UNAVAILABLE
    assert done.stderr == "error: ServerUnavailable: no Temporal server answers at 'there:7233'\n"


def test_worker_when_desk_is_not_named_then_exit_code_2(run):
    assert run("worker", "run").exit_code == 2
