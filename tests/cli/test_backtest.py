"""``optarb backtest``."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from optarb.backtesting.runner import backtest
from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.reports import load_result
from optarb.specs import BacktestSpec

# A background job of a shell is born deaf to SIGINT, and so would be what a test starts in it.
_LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
COMMAND = [sys.executable, "-c", _LISTENING + "from optarb.cli import main; main()"]


def test_backtest_when_run_then_result_alone_on_stdout(finished, folder):
    result = load_result(load_desk("my_desk:desk"), "february")

    assert finished.stdout == f"{result}\n"
    assert result.summary.sessions == 19  # February 2014 had 20 weekdays, one of them Presidents' Day
    assert "looking at 2014-02-03" in finished.stderr


def test_backtest_when_finished_before_then_same_result_without_running(finished, run):
    again = run("backtest", "--in-process", "spec.toml", "--desk", "my_desk:desk")

    assert (again.exit_code, again.stdout) == (0, finished.stdout)
    assert "looking at" not in again.stderr


def test_backtest_when_desk_comes_from_the_environment_then_used(run, monkeypatch):
    monkeypatch.setenv("OPTARB_DESK", "my_desk:in_memory")

    assert run("backtest", "--in-process", "spec.toml").exit_code == 0


def test_backtest_when_id_is_given_then_it_wins_over_the_spec(run):
    assert run("backtest", "--in-process", "spec.toml", "--desk", "my_desk:desk", "--id", "other").stdout.startswith(
        "Backtest other\n"
    )


def test_backtest_when_spec_changed_then_conflict_unless_replaced(finished, run, folder):
    spec = folder / "spec.toml"
    spec.write_text(spec.read_text().replace("50000", "60000"))

    refused = run("backtest", "--in-process", "spec.toml", "--desk", "my_desk:desk")
    replaced = run("backtest", "--in-process", "spec.toml", "--desk", "my_desk:desk", "--replace")

    assert refused.exit_code == ExitCode.CONFLICT
    assert refused.stderr.startswith("error: BookConflict: ")
    assert refused.stdout == ""
    assert replaced.exit_code == 0
    assert "$60,000.00" in replaced.stdout


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (
            ("nowhere.toml", "--desk", "my_desk:desk"),
            "error: ConfigurationError: cannot read spec 'nowhere.toml'",
            ExitCode.USAGE,
        ),
        (
            ("spec.toml", "--desk", "my_desk:desc"),
            "error: UnknownName: module 'my_desk': unknown attribute 'desc'",
            ExitCode.NOT_FOUND,
        ),
        (("spec.toml", "--desk", "my_desk:desk", "--id", "no good"), "error: ConfigurationError: backtest_id", ExitCode.USAGE),
    ],
)
def test_backtest_when_optarb_refuses_then_one_line_and_its_exit_code(run, words, message, code):
    done = run("backtest", *words)

    assert done.exit_code == code
    assert done.stderr.startswith(message)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("spec.toml",),
        ("spec.toml", "--desk"),
        ("spec.toml", "--desk", "my_desk:desk", "--no-such-option"),
        ("spec.toml", "--desk", "my_desk:desk", "--in-process", "--address", "localhost:7233"),
    ],
)
def test_backtest_when_used_wrongly_then_exit_code_2(run, words):
    done = run("backtest", *words)

    assert done.exit_code == 2
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "place"),
    [((), (None, "optarb")), (("--address", "there:7233", "--task-queue", "cpu"), ("there:7233", "cpu"))],
)
def test_backtest_when_not_told_in_process_then_run_on_temporal(run, monkeypatch, words, place):
    asked = []

    def run_on_temporal(spec, desk, address, *, task_queue):
        asked.append((spec.backtest_id, (address, task_queue)))
        return backtest(spec, desk, progress=False)

    monkeypatch.setitem(sys.modules, "optarb.cli._temporal", SimpleNamespace(run_on_temporal=run_on_temporal))

    done = run("backtest", "spec.toml", "--desk", "my_desk:desk", *words)

    assert done.exit_code == 0
    assert asked == [("february", place)]
    assert done.stdout.startswith("Backtest february\n")


def test_backtest_when_interrupted_then_130_and_the_command_that_goes_on_reaches_the_same_ledger(folder):
    words = ["backtest", "--in-process", "spec.toml", "--desk", "my_desk:desk", "--id", "stopped", "--replace"]
    interrupted = subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "INTERRUPT_AT": "2014-02-20"},
        check=False,
    )

    assert interrupted.returncode == 130, interrupted.stderr
    assert interrupted.stdout == ""
    assert "Traceback" not in interrupted.stderr
    hint = "go on with: optarb resume stopped --desk my_desk:desk --in-process"
    assert hint in interrupted.stderr

    again = subprocess.run([*COMMAND, *hint.split()[4:]], capture_output=True, text=True, timeout=100, check=False)

    assert again.returncode == 0, again.stderr
    assert "looking at 2014-02-03" not in again.stderr  # its block was committed before
    assert "looking at 2014-02-20" in again.stderr
    desk = load_desk("my_desk:desk")
    whole = backtest(BacktestSpec.from_toml(folder / "spec.toml"), desk, progress=False)
    assert load_result(desk, "stopped").summary.digest == whole.summary.digest


def test_backtest_when_interrupted_with_books_in_memory_then_said_that_nothing_is_left(folder):
    done = subprocess.run(
        [*COMMAND, "backtest", "--in-process", "spec.toml", "--desk", "my_desk:in_memory"],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "INTERRUPT_AT": "2014-02-04"},
        check=False,
    )

    assert done.returncode == 130
    assert "there is nothing to resume" in done.stderr


def test_backtest_when_a_server_is_started_for_it_then_stdout_holds_the_result_alone(folder, temporal_cli):
    unset = {name: value for name, value in os.environ.items() if name != "TEMPORAL_ADDRESS"}
    done = subprocess.run(
        [*COMMAND, "backtest", "spec.toml", "--desk", "my_desk:desk"],
        capture_output=True,
        text=True,
        timeout=100,
        env={**unset, "OPTARB_TEMPORAL_CLI": str(temporal_cli)},
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Backtest february\n")
    assert done.stdout.count("digest") == 1
