"""The commands that how-to pages show are there, with the options they are shown with."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.cli.test_reference_page import COMMANDS

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "how-to"


def shown(page):
    """Yields the words of each command on a page: lines of a console, and whole commands within the text."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for line in (*re.findall(r"^\$ optarb (.*)$", text, re.MULTILINE), *re.findall(r"`optarb ([^`]+)`", text)):
        yield shlex.split(line)


@pytest.mark.parametrize("page", ["runbook.md", "run-a-trading-day.md", "notifications.md"])
def test_page_when_it_shows_a_command_then_command_and_options_are_there(page):
    known = {tuple(name.split()[1:]): command for name, command in COMMANDS.items()}
    groups = {name[0] for name in known if len(name) == 2}
    found = list(shown(page))

    assert found
    for words in found:
        if words[0] in groups and len(words) == 1:
            continue
        command = known[tuple(words[: 2 if words[0] in groups else 1])]
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        assert {word for word in words if word.startswith("-")} <= options, words
