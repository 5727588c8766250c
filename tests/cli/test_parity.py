"""``optarb parity`` on a day that another process traded into an SQLite file."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from optarb.cli.exit_codes import ExitCode

ROOT = Path(__file__).resolve().parent.parent.parent

# A day of the rig, with a store in a file; a second desk takes two units of what it decides.
DESK = '''
import dataclasses
import json
from pathlib import Path

from tests.trading.rig import VERTICAL, Fixed, vertical

from optarb.domain.signals import Signal
from optarb.stores import SqlStore

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asks:
    """Asks a language model, as it were; every call is noted in a file."""

    def evaluate(self, view):
        answer = json.loads(view.once("opinion", self.call))
        return Signal.bullish(Fixed(VERTICAL), confidence=answer, reasons=["the model says so"])

    def call(self):
        with (HERE / "calls").open("a") as calls:
            calls.write("x")
        return json.dumps(0.7 + len((HERE / "calls").read_text()) / 100).encode()


world = vertical(expert=Asks())
world.desk = dataclasses.replace(world.desk, store=SqlStore(url=f"sqlite:///{HERE / 'live.db'}"))
world.store = world.desk.store.trading
desk = world.desk
greedy = dataclasses.replace(world.strategy, policy=dataclasses.replace(world.strategy.policy, quantity=2))
other = dataclasses.replace(desk, strategies=[greedy])
'''
DESK_OPTION = ("--desk", "day_desk:desk")
DAY = ("parity", "paper.live", "2024-06-03")


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A folder in which another process has traded the day."""
    folder = tmp_path_factory.mktemp("day")
    (folder / "day_desk.py").write_text(DESK)
    done = subprocess.run(
        [sys.executable, "-c", "import day_desk; print(day_desk.world.run().outcome); day_desk.desk.close()"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
    )
    assert (done.stdout, done.returncode) == ("traded\n", 0), done.stderr
    return folder


@pytest.fixture
def traded(day, folder):
    """The current folder, with the desk and what it has traded."""
    for name in ("day_desk.py", "live.db", "calls"):
        shutil.copy(day / name, folder)
    return folder


def test_parity_when_nothing_changed_then_equal_and_no_call_is_made(traded, run):
    done = run(*DAY, *DESK_OPTION)

    assert (done.exit_code, done.stderr) == (ExitCode.DONE, "")
    assert done.stdout.splitlines() == [
        "paper.live  2024-06-03  equal",
        "decided 2024-06-03 13:35:00 UTC, 1 entry",
        "live: as recorded",
        "backtest: as recorded",
    ]
    assert (traded / "calls").read_text() == "x"


def test_parity_when_json_then_the_intents_whole_and_the_keys_of_the_page(traded, run):
    done = run(*DAY, *DESK_OPTION, "--json")

    found = json.loads(done.stdout)
    page = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    assert all(f"| `optarb parity` | `{key}` |" in page for key in found)
    assert page.count("| `optarb parity` | ") == len(found)
    (intent,) = found["intents"]
    assert intent.pop("structure").startswith("Fixed(legs=")
    assert Decimal(intent.pop("limit")) == Decimal("3.10")
    assert intent == {"legs": [["SPY240621C00500000", 1], ["SPY240621C00510000", -1]], "units": 1}
    assert found["live"] == found["backtest"] == {"intents": json.loads(done.stdout)["intents"], "differences": []}
    assert (found["book_id"], found["session"], found["equal"], found["changed"]) == ("paper.live", "2024-06-03", True, [])
    assert found["decided_at"] == "2024-06-03T13:35:00+00:00"


def test_parity_when_the_policy_changed_then_failed_and_where(traded, run):
    text, document = run(*DAY, "--desk", "day_desk:other"), run(*DAY, "--desk", "day_desk:other", "--json")

    assert (text.exit_code, document.exit_code) == (ExitCode.FAILED, ExitCode.FAILED)
    lines = text.stdout.splitlines()
    assert lines[0] == "paper.live  2024-06-03  different"
    assert lines[2:4] == ["live: 1 entry", "  entry 1: units was 1, is 2"]
    assert lines[-1] == "changed since: policy.quantity has changed"
    assert json.loads(document.stdout)["equal"] is False


def test_parity_when_book_or_session_do_not_exist_then_the_exit_codes_of_the_page(traded, run):
    unknown = run("parity", "paper.lice", "2024-06-03", *DESK_OPTION)
    undecided = run("parity", "paper.live", "2024-06-04", *DESK_OPTION)
    no_date = run("parity", "paper.live", "yesterday", *DESK_OPTION)

    assert (unknown.exit_code, unknown.stderr.partition(";")[0]) == (
        ExitCode.NOT_FOUND,
        "error: BookNotFound: no live book 'paper.lice' in this store",
    )
    assert undecided.exit_code == ExitCode.CONFLICT
    assert "decided nothing on 2024-06-04" in undecided.stderr
    assert no_date.exit_code == ExitCode.USAGE


def test_parity_when_the_recording_is_damaged_then_failed_and_said(traded, run):
    with closing(sqlite3.connect(traded / "live.db")) as database, database:
        (body,) = database.execute("SELECT body FROM live_decisions WHERE step LIKE 'recording/%'").fetchone()
        database.execute("UPDATE live_decisions SET body = ? WHERE step LIKE 'recording/%'", (body[:-9],))

    done = run(*DAY, *DESK_OPTION)

    assert (done.exit_code, done.stdout) == (ExitCode.FAILED, "")
    assert done.stderr.startswith(
        "error: BadData: book 'paper.live', session 2024-06-03: the recording of the decision is damaged"
    )
