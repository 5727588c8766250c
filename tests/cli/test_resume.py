"""``optarb resume``; test_backtest.py resumes a run that was interrupted."""

from __future__ import annotations

import json

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.reports import load_result

DESK = ("--desk", "my_desk:desk")


def test_resume_when_finished_then_its_result_without_running(finished, run):
    done = run("resume", "february", *DESK, "--in-process")

    assert (done.exit_code, done.stdout) == (0, finished.stdout)
    assert "looking at" not in done.stderr


def test_resume_when_the_spec_once_replaced_a_book_then_it_does_not_clear_it_again(run, folder):
    spec = folder / "spec.toml"
    spec.write_text(spec.read_text().replace("backtest_id", 'on_existing = "replace"\nbacktest_id'))
    first = run("backtest", "spec.toml", *DESK, "--in-process", "--json")

    again = run("resume", "february", *DESK, "--in-process", "--json")

    assert again.exit_code == 0
    assert again.stdout == first.stdout
    assert "looking at" not in again.stderr
    assert json.loads(again.stdout) == {
        "summary": load_result(load_desk("my_desk:desk"), "february").summary.model_dump(mode="json")
    }


def test_resume_when_another_process_runs_it_then_conflict(run, folder, finished):
    store = load_desk("my_desk:desk").store
    book = store.book("february")
    store.claim("busy", owner="another", identity=book.identity, documents=with_id(book.documents, "busy"), lease_seconds=60.0)

    done = run("resume", "busy", *DESK, "--in-process")

    assert (done.exit_code, done.stdout) == (ExitCode.CONFLICT, "")
    assert done.stderr.startswith("error: AlreadyRunning: ")


def with_id(documents, backtest_id):
    return {**documents, "spec": json.dumps({**json.loads(documents["spec"]), "backtest_id": backtest_id})}


def test_resume_when_book_is_unknown_then_suggestion(finished, run):
    done = run("resume", "febuary", *DESK)

    assert done.exit_code == ExitCode.NOT_FOUND
    assert "did you mean 'february'?" in done.stderr


def test_resume_when_in_process_and_a_server_is_named_then_usage_error(run):
    assert run("resume", "february", *DESK, "--in-process", "--address", "there:7233").exit_code == ExitCode.USAGE
