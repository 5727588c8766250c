"""The page on the command line names every command, option, default, exit code and JSON key that there is, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from optarb.cli import _worker_groups
from optarb.cli._processes import ProcessMark
from optarb.cli.app import app
from optarb.cli.exit_codes import ExitCode
from optarb.cli.worker import _document

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")


def commands(command=None, words=("optarb",)):
    """Yields each command with its whole name."""
    command = command or typer.main.get_command(app)
    if not hasattr(command, "commands"):
        yield " ".join(words), command
        return
    for name, below in command.commands.items():
        yield from commands(below, (*words, name))


COMMANDS = dict(commands())


def table(text, first):
    """Returns the rows of the table whose head begins with a word."""
    body = re.search(rf"^\| {first} \|.*?\n\|[-|]+\n((?:\|.*\n?)+)", text, re.MULTILINE)[1]
    return [[cell.strip() for cell in line.strip().strip("|").split(" | ")] for line in body.splitlines()]


def section(name):
    return re.search(rf"^### `{name}`$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


def default_of(parameter):
    if parameter.required:
        return "required"
    if parameter.default is False:
        return "off"
    return "none" if parameter.default in (None, "") else f"`{parameter.default}`"


def names_of(parameter):
    if parameter.param_type_name == "argument":
        return parameter.metavar.strip("[]{}")
    return "`, `".join([*parameter.opts, *parameter.secondary_opts])


def test_page_when_read_then_has_a_section_for_each_command_in_order():
    assert re.findall(r"^### `(.*)`$", PAGE, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_page_when_read_then_names_every_parameter_with_its_default(name):
    shown = [one for one in COMMANDS[name].params if not getattr(one, "hidden", False) and one.name != "help"]

    assert [row[:2] for row in table(section(name), "parameter")] == [[f"`{names_of(one)}`", default_of(one)] for one in shown]


def test_page_when_read_then_names_every_exit_code():
    assert [row[:2] for row in table(PAGE, "code")] == [[str(code.value), f"`{code.name}`"] for code in ExitCode]


def test_page_when_read_then_tells_the_keys_of_every_command_with_json():
    with_json = [name for name, command in COMMANDS.items() if any("--json" in one.opts for one in command.params)]

    assert {row[0].strip("`") for row in table(PAGE, "command")} == set(with_json)


def keys(name):
    return {row[1].strip("`") for row in table(PAGE, "command") if row[0] == f"`optarb {name}`"}


def test_page_when_commands_print_json_then_these_are_their_keys(finished, run, monkeypatch, nowhere):
    monkeypatch.setenv("TEMPORAL_ADDRESS", nowhere)
    words = {
        "show": ["february"],
        "cancel": ["february"],
        "resume": ["february", "--in-process"],
        "report": ["february"],
        "backtest": ["spec.toml", "--in-process"],
        "list": [],
        "cache info": [],
        "store upgrade": [],
    }
    printed = {
        name: set(json.loads(run(*name.split(), *more, "--desk", "my_desk:desk", "--json").stdout))
        for name, more in words.items()
    }

    assert printed == {name: keys(name) for name in words}
    assert keys("doctor") == {"ok", "checks"}  # as tests/cli/test_doctor.py reads it
    assert keys("sweep") == {"sweep_id", "settings"}  # as tests/cli/test_show.py reads it
    assert keys("worker status") == {"groups"}  # as tests/cli/test_worker_groups.py reads it


def test_page_when_read_then_names_every_key_of_groups_and_workers():
    mark = ProcessMark(pid=1, host="h", started="s")
    worker = _worker_groups.WorkerState(number=1, state="working", process=mark, started_at=None, restarts=0, last_exit=None)
    settings = _worker_groups.GroupSettings(name="n", desk="d:d", count=1, task_queue="q", address=None, directory="/")
    state = _worker_groups.GroupState(settings=settings, supervisor=mark, started_at="", stopped_at=None, workers=(worker,))
    document = _document(state, {}, None)

    assert [row[0] for row in table(PAGE, "key of a group")] == [f"`{key}`" for key in document]
    assert [row[0] for row in table(PAGE, "key of a worker")] == [f"`{key}`" for key in document["workers"][0]]
