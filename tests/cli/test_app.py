"""The command as a whole."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest


def optarb(*words):
    return subprocess.run(
        [Path(sys.executable).parent / "optarb", *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_version_when_asked_for_then_the_installed_one():
    done = optarb("--version")

    assert (done.returncode, done.stdout) == (0, f"optarb {version('optarb')}\n")


def test_help_when_asked_for_then_every_command_is_listed():
    done = optarb("--help")

    assert done.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in done.stdout


@pytest.mark.parametrize("words", [("no-such-command",), ("worker", "no-such-command"), ("report",)])
def test_command_when_used_wrongly_then_exit_code_2(words):
    done = optarb(*words)

    assert (done.returncode, done.stdout) == (2, "")


def test_errors_when_told_then_no_markup_is_lost(run, folder):
    # A path in brackets looks like markup to rich.
    done = run("backtest", "--in-process", "[bold]x[/bold].toml", "--desk", "my_desk:desk")

    assert "'[bold]x[/bold].toml'" in done.stderr


def test_command_when_the_users_module_is_broken_then_its_traceback_is_shown(folder):
    (folder / "broken_desk.py").write_text("password = 'hunter2'\nraise RuntimeError('in the desk module')\n")

    done = optarb("list", "--desk", "broken_desk:desk")

    assert done.returncode == 1
    assert "broken_desk.py" in done.stderr
    assert "RuntimeError: in the desk module" in done.stderr
    assert "Locals" not in done.stderr


def test_cli_when_imported_then_heavy_libraries_stay_out():
    heavy = ["exchange_calendars", "pandas", "pyarrow", "scipy", "sqlalchemy", "temporalio"]
    code = f"import sys, optarb.cli.app; print(sorted(set({heavy}).intersection(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
