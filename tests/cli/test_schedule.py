"""``optarb schedule`` on a server."""

from __future__ import annotations

import json

import pytest
from tests.cli.live import DESK, trade, write_desk

from optarb.cli.exit_codes import ExitCode


@pytest.fixture
def scheduled(run, folder, temporal_address, queue):
    """Calls a command on a schedule that exists, of a book that holds a position."""
    desk, spec = write_desk(folder, queue)
    with desk:
        trade(desk, spec)
    made = run("schedule", "create", "day.toml", *DESK, "--task-queue", queue, "--address", temporal_address, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["task_queue"] == queue

    def call(command, *words):
        return run("schedule", command, spec.book_id, *words, "--address", temporal_address)

    yield call
    call("delete", *DESK, "--unguarded")


def test_schedule_when_used_from_creation_to_the_end_then_each_command_does_what_it_says(scheduled, run, temporal_address):
    shown = json.loads(scheduled("show", "--json").stdout)
    listed = json.loads(run("schedule", "list", "--address", temporal_address, "--json").stdout)["schedules"]
    refused = scheduled("pause", "--note", "holidays", *DESK)
    paused = json.loads(scheduled("pause", "--note", "holidays", *DESK, "--unguarded", "--json").stdout)
    resumed = scheduled("resume")
    kept = scheduled("delete", *DESK)
    gone = scheduled("delete", *DESK, "--unguarded", "--json")
    after = scheduled("show")

    assert (shown["paused"], len(shown["next_at"])) == (False, 10)
    (mine,) = [one for one in listed if one["book_id"] == shown["book_id"]]
    assert (mine["paused"], mine["next_at"][0]) == (False, shown["next_at"][0])
    assert refused.exit_code == kept.exit_code == ExitCode.CONFLICT
    assert "holds +1 SPY240621C00500000" in refused.stderr
    assert (paused["paused"], paused["note"]) == (True, "holidays")
    assert resumed.stdout.splitlines()[0].split()[1] == "running"
    assert json.loads(gone.stdout) == {"book_id": shown["book_id"], "deleted": True}
    assert after.exit_code == ExitCode.NOT_FOUND


def test_schedule_when_the_book_has_none_then_one_of_almost_that_name_is_suggested(scheduled, run, temporal_address, queue):
    done = run("schedule", "show", f"{queue}.lives", "--address", temporal_address)
    assert done.exit_code == ExitCode.NOT_FOUND
    assert f"did you mean '{queue}.live'?" in done.stderr


def test_create_when_no_server_answers_then_unavailable_and_when_the_spec_is_wrong_then_usage(run, folder, nowhere):
    write_desk(folder, "alone")
    assert run("schedule", "create", "day.toml", *DESK, "--address", nowhere).exit_code == ExitCode.UNAVAILABLE
    (folder / "day.toml").write_text('strategy = "live"\ncapital = -1\n')
    wrong = run("schedule", "create", "day.toml", *DESK, "--address", nowhere)
    assert wrong.exit_code == ExitCode.USAGE
    assert "capital" in wrong.stderr
