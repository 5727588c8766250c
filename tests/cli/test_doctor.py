"""``optarb doctor``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.cli.live import write_desk

from optarb.cli import _checks
from optarb.cli.exit_codes import ExitCode

DESK = ("--desk", "my_desk:desk")


@pytest.fixture(autouse=True)
def no_server(monkeypatch, nowhere):
    """No server is named; where one is looked for, nothing listens. The test's own process is not ended."""
    monkeypatch.setattr("optarb.cli.doctor.os._exit", lambda code: pytest.fail("a check hung"))
    monkeypatch.delenv("TEMPORAL_ADDRESS", raising=False)
    monkeypatch.setattr("optarb.cli._asking.DEFAULT_ADDRESS", nowhere)


def lines(done):
    """Findings by what was looked at."""
    found = json.loads(done.stdout)
    by_name = {}
    for one in found["checks"]:
        by_name.setdefault(one["name"], []).append(one)
    return found["ok"], by_name


def levels(findings):
    return [one["level"] for one in findings]


def test_doctor_when_all_is_well_then_zero_and_each_subject_is_told(run, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.delenv("PGPASSWORD", raising=False)

    done = run("doctor", "--timeout", 100, *DESK, "--json")

    ok, found = lines(done)
    assert (done.exit_code, ok) == (0, True)
    assert set(found) == {"desk", "python", "keys", "server", "store", "cache", "calendar", "disk", "data SPX", "data VIX"}
    assert found["desk"][0]["message"] == "my_desk:desk with often"
    assert levels(found["store"]) == levels(found["data SPX"]) == ["ok", "ok"]
    assert "0 backtests, schema version" in found["store"][0]["message"]
    # The demo data: real S&P 500 bars from 1999 to 2018, and options priced from the VIX.
    assert found["data SPX"][0]["message"] == "5031 daily bars, 1999-01-04 to 2018-12-31"
    assert "modelled quotes in the 10 sessions from 2018-12-17 to 2018-12-31" in found["data SPX"][1]["message"]
    assert len(found["data VIX"]) == 1  # a reference needs no quotes
    assert {"OpenAI: OPENAI_API_KEY set", "PostgreSQL: none set"} <= {one["message"] for one in found["keys"]}
    assert "sk-very-secret" not in done.output
    assert levels(found["server"]) == ["warning"]  # a backtest starts its own, or runs in process


def test_doctor_when_read_by_a_person_then_lines_with_what_to_do(run):
    done = run("doctor", "--timeout", 100, *DESK)

    assert done.exit_code == 0
    text = done.stdout.splitlines()
    assert text[0].split() == ["ok", "desk", "my_desk:desk", "with", "often"]
    warning = next(number for number, line in enumerate(text) if line.startswith("warning"))
    assert text[warning + 1].strip().startswith("-> ")
    assert text[-1].endswith("1 warnings, 0 problems")


def test_doctor_when_no_desk_is_named_then_the_rest_all_the_same(run):
    done = run("doctor", "--timeout", 100, "--json")

    ok, found = lines(done)
    assert (done.exit_code, ok) == (0, True)
    assert set(found) == {"desk", "python", "keys", "server"}
    assert found["desk"][0]["level"] == "warning"


def test_doctor_when_the_server_that_was_named_is_away_then_problem(run, nowhere):
    done = run("doctor", "--timeout", 100, "--address", nowhere, "--json")

    ok, found = lines(done)
    assert (done.exit_code, ok) == (ExitCode.FAILED, False)
    assert levels(found["server"]) == ["problem"]
    assert nowhere in found["server"][0]["message"]


def test_doctor_when_server_runs_without_workers_then_warning(run, temporal_address):
    _, found = lines(run("doctor", "--timeout", 100, "--address", temporal_address, "--task-queue", "nobody-listens", "--json"))

    assert levels(found["server"]) == ["ok", "ok", "warning"]
    assert found["server"][2]["message"] == "no worker listens on task queue 'nobody-listens'"


def test_doctor_when_namespace_is_unknown_then_problem(run, temporal_address, monkeypatch):
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")

    done = run("doctor", "--timeout", 100, "--address", temporal_address, "--json")

    assert done.exit_code == ExitCode.FAILED
    assert lines(done)[1]["server"][-1]["message"] == "the server knows no namespace 'nowhere'"


BROKEN = """
import dataclasses, my_desk
from optarb.caches import NoCache
from optarb.errors import BadData
from optarb.stores import SqlStore

@dataclasses.dataclass(frozen=True, kw_only=True)
class NoVix:
    def fingerprint(self, symbol, kind): raise BadData("nothing here")
    def bars(self, symbol):
        if symbol == "VIX":
            raise ZeroDivisionError("a bug")
        return my_desk.desk.market_data.bars(symbol)
    def chains(self, symbol, start, end): return iter(())

@dataclasses.dataclass(frozen=True, kw_only=True)
class NeverOpen:
    def sessions(self, start, end): return ()
    def opens_at(self, session): raise BadData("closed")
    def closes_at(self, session): raise BadData("closed")

desk = dataclasses.replace(
    my_desk.desk,
    market_data=NoVix(),
    store=SqlStore(url="sqlite:///no/such/folder/books.db"),
    cache=NoCache(),
    calendar=NeverOpen(),
)
"""


def test_doctor_when_parts_of_the_desk_are_broken_then_each_is_told_and_none_hides_another(run, folder):
    (folder / "broken_desk.py").write_text(BROKEN)

    done = run("doctor", "--timeout", 100, "--desk", "broken_desk:desk", "--json")

    ok, found = lines(done)
    assert (done.exit_code, ok) == (ExitCode.FAILED, False)
    assert levels(found["store"]) == levels(found["calendar"]) == levels(found["data VIX"]) == ["problem"]
    assert "does not exist" in found["store"][0]["message"]
    assert found["data VIX"][0]["message"] == "ZeroDivisionError: a bug"
    assert levels(found["cache"]) == ["warning"]
    assert levels(found["data SPX"]) == ["ok", "warning"]
    assert "no option quotes" in found["data SPX"][1]["message"]
    assert "Traceback" not in done.output


def test_doctor_when_the_desks_module_is_broken_then_problem_instead_of_a_traceback(run, folder):
    (folder / "broken_desk.py").write_text("raise RuntimeError('in the desk module')\n")

    done = run("doctor", "--timeout", 100, "--desk", "broken_desk:desk", "--json")

    assert done.exit_code == ExitCode.FAILED
    assert lines(done)[1]["desk"][0]["message"] == "RuntimeError: in the desk module"


def test_doctor_when_something_hangs_then_told_and_the_process_ends(folder, nowhere):
    (folder / "hanging_desk.py").write_text("import threading\nthreading.Event().wait()\n")
    words = ["doctor", "--desk", "hanging_desk:desk", "--timeout", "0.5", "--address", nowhere, "--json"]

    done = subprocess.run(
        [sys.executable, "-m", "optarb.cli", *words], capture_output=True, text=True, timeout=110, check=False
    )

    assert done.returncode == ExitCode.FAILED, done.stderr
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["desk"]["message"] == "no answer in time"


@pytest.mark.parametrize(("free", "level"), [(1_000_000_000, "ok"), (999_999_999, "warning"), (99_999_999, "problem")])
def test_disk_when_little_is_left_then_told(run, folder, monkeypatch, free, level):
    from types import SimpleNamespace

    from optarb.cli.desks import load_desk

    monkeypatch.setattr(_checks.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    desk = load_desk("my_desk:desk")

    assert [one.level for one in _checks.checks_of_desk(desk)["disk"]()] == [level]


def test_doctor_when_the_desk_trades_live_days_then_broker_and_feed_are_asked_and_nothing_is_sent(run, folder):
    desk, _ = write_desk(folder, "doctor")

    found = lines(run("doctor", "--timeout", 100, "--desk", "live_desk:desk", "--json"))[1]

    assert levels(found["broker"]) == ["ok", "ok"]
    assert "no real money" in found["broker"][0]["message"]
    assert "unique_client_ids=True" in found["broker"][0]["message"]
    assert found["broker"][1]["message"].startswith("0 contracts held, equity 1,000,000.00 USD")
    assert levels(found["notices"]) == ["warning", "warning"]
    assert [one["hint"] for one in found["notices"]][1] == "give the desk heartbeat=HeartbeatUrl()"
    assert "feed" in found
    assert desk.broker.accepted() == []
