"""The command as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

COMMANDS = ["demo", "backtest", "sweep", "list", "show", "cancel", "resume", "report", "explain"]
COMMANDS += ["parity", "replay", "guard", "halt", "flatten", "server", "check", "doctor"]
COMMANDS += ["schedule", "day", "worker", "cache", "store"]
GROUPS = {
    "schedule": ["create", "list", "show", "pause", "resume", "trigger", "delete"],
    "day": ["run", "list", "show"],
    "worker": ["run", "start", "stop", "status", "logs"],
    "cache": ["info", "clear"],
    "store": ["upgrade"],
}
SINGLE = [(name,) for name in COMMANDS if name not in GROUPS] + [
    (group, name) for group, names in GROUPS.items() for name in names
]


def optarb(*words):
    return subprocess.run(
        [Path(sys.executable).parent / "optarb", *words], capture_output=True, text=True, timeout=60, check=False
    )


def listed(help_text):
    return re.findall(r"^  (\w+)  ", help_text.partition("Commands:\n")[2], re.MULTILINE)


def test_version_when_asked_for_then_the_installed_one():
    done = optarb("--version")

    assert (done.returncode, done.stdout) == (0, f"optarb {version('optarb')}\n")


def test_help_when_asked_for_then_every_command_in_plain_text():
    done = optarb("--help")

    assert done.returncode == 0
    assert listed(done.stdout) == COMMANDS
    assert done.stdout.isascii()


@pytest.mark.parametrize("group", GROUPS)
def test_help_when_asked_of_a_group_then_its_commands(run, group):
    assert listed(run(group, "--help").stdout) == GROUPS[group]


@pytest.mark.parametrize("words", SINGLE, ids=" ".join)
def test_help_when_asked_of_a_command_then_ends_with_an_example_of_it(run, words):
    done = run(*words, "--help")

    assert done.exit_code == 0
    assert f"Example: optarb {' '.join(words)}" in " ".join(done.stdout.split())


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


def test_help_when_printed_then_heavy_libraries_stay_out():
    heavy = ["asyncio", "exchange_calendars", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "sqlalchemy", "temporalio"]
    heavy += ["rich.markdown", "rich.console"]
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print('loaded', sorted(set({heavy}).intersection(sys.modules))))\n"
        "sys.argv = ['optarb', '--help']\n"
        "from optarb.cli import main\n"
        "main()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.splitlines()[-1] == "loaded []"
