"""``optarb show`` on the store alone; test_on_a_server.py asks workflows."""

from __future__ import annotations

import json

import pytest

from optarb.backtesting.runner import backtest
from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.reports import load_result
from optarb.specs import BacktestSpec

DESK = ("--desk", "my_desk:desk")


@pytest.fixture
def stopped(folder):
    """A book that was interrupted after two of its four blocks of signals."""

    def stop(progress):
        if progress.phase == "signals" and progress.done >= 10:
            raise KeyboardInterrupt

    desk = load_desk("my_desk:desk")
    spec = BacktestSpec.from_toml(folder / "spec.toml").model_copy(update={"backtest_id": "stopped"})
    with pytest.raises(KeyboardInterrupt):
        backtest(spec, desk, progress=stop)
    return desk


def test_show_when_finished_then_figures_and_the_next_command(finished, run):
    summary = load_result(load_desk("my_desk:desk"), "february").summary

    lines = run("show", "february", *DESK).stdout.splitlines()

    assert lines[0] == "february  finished"
    assert lines[1] == "often, 2014-02-03 to 2014-02-28"
    assert lines[-2].startswith(f"{summary.trades} trades in 19 sessions, result {summary.pnl_usd:,.2f} USD")
    assert lines[-1] == "all figures: optarb report february"


def test_show_when_finished_and_json_then_the_summary_whole(finished, run):
    summary = load_result(load_desk("my_desk:desk"), "february").summary

    found = json.loads(run("show", "february", *DESK, "--json").stdout)

    assert found["summary"] == summary.model_dump(mode="json")
    assert (found["status"], found["phases"], found["workflow"], found["error"]) == ("finished", [], None, None)
    assert (found["strategy"], found["start"], found["end"]) == ("often", "2014-02-03", "2014-02-28")


def test_show_when_interrupted_then_what_each_phase_has_committed(stopped, run):
    done = run("show", "stopped", *DESK, "--json")

    found = json.loads(done.stdout)
    committed = {phase: len(stopped.store.done("stopped", phase)) for phase in ("ingest", "features", "signals", "trade")}
    assert found["status"] == "cancelled"
    phases = {one["name"]: (one["done"], one["total"]) for one in found["phases"]}
    assert phases["ingest"] == phases["features"] == (2, 2)  # SPX and VIX
    assert phases["trade"] == (0, 19)
    # Blocks of five sessions, the last of four.
    assert phases["signals"] == (min(5 * committed["signals"], 19), 19)
    assert found["summary"] is None


def test_show_when_interrupted_then_says_how_to_go_on(stopped, run):
    lines = run("show", "stopped", *DESK).stdout.splitlines()

    assert lines[0] == "stopped  cancelled"
    assert ["ingest", "2", "2"] in [line.split() for line in lines]
    assert lines[-1] == "go on with: optarb resume stopped"


def test_show_when_failed_then_its_error(run, folder):
    (folder / "failing_desk.py").write_text(
        "import dataclasses, my_desk\n"
        "@dataclasses.dataclass(frozen=True, kw_only=True)\n"
        "class Fails:\n"
        "    def evaluate(self, view):\n"
        "        raise RuntimeError('out of ideas')\n"
        "often = dataclasses.replace(my_desk.often, experts={'often': Fails()})\n"
        "desk = dataclasses.replace(my_desk.desk, strategies=[often])\n"
    )
    assert run("backtest", "spec.toml", "--in-process", "--desk", "failing_desk:desk").exit_code == ExitCode.FAILED

    text = run("show", "february", "--desk", "failing_desk:desk")
    found = json.loads(run("show", "february", "--desk", "failing_desk:desk", "--json").stdout)

    assert text.exit_code == 0
    assert "out of ideas" in text.stdout
    assert found["status"] == "failed"
    assert "out of ideas" in found["error"]


def test_show_when_the_desk_no_longer_knows_the_strategy_then_everything_else(stopped, run, folder):
    (folder / "other_desk.py").write_text(
        "import dataclasses, my_desk\n"
        "desk = dataclasses.replace(my_desk.desk, strategies=[dataclasses.replace(my_desk.often, name='renamed')])\n"
    )

    done = run("show", "stopped", "--desk", "other_desk:desk", "--json")

    assert json.loads(done.stdout)["phases"] == []
    assert "how far it is cannot be told: unknown strategy 'often'" in done.stderr


def test_show_when_id_is_almost_right_then_suggestion(finished, run, nowhere):
    done = run("show", "febuary", *DESK, "--address", nowhere)

    assert (done.exit_code, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert done.stderr == "error: BookNotFound: no backtest 'febuary' in the desk's store; did you mean 'february'?\n"


def test_show_when_nothing_is_alike_then_the_command_that_lists(run, nowhere):
    assert run("show", "xyz", *DESK, "--address", nowhere).stderr.endswith("optarb list shows those that are\n")


def test_show_when_it_is_a_sweep_then_its_settings_are_counted(run, folder):
    (folder / "grid.toml").write_text('"often.delta" = [0.3, 0.4]\n')
    (folder / "common.toml").write_text((folder / "spec.toml").read_text().replace('backtest_id = "february"', ""))
    swept = run("sweep", "common.toml", "--grid", "grid.toml", *DESK, "--id", "deltas", "--processes", "1", "--json")
    assert [one["often.delta"] for one in json.loads(swept.stdout)["settings"]] == [0.3, 0.4]

    lines = run("show", "deltas", *DESK).stdout.splitlines()

    assert lines[0] == "deltas  finished"
    assert lines[-1].endswith("optarb show deltas/0")
    assert run("show", "deltas/1", *DESK).stdout.startswith("deltas/1  finished\n")
    for command in ("report", "explain", "resume"):
        assert run(command, "deltas", *DESK).exit_code == ExitCode.CONFLICT
    assert run("resume", "deltas/1", *DESK).exit_code == ExitCode.CONFLICT
