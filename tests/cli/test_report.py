"""``optarb report``."""

from __future__ import annotations

import pytest

from optarb.cli.desks import load_desk
from optarb.reports import load_result

DESK = ("--desk", "my_desk:desk")


@pytest.fixture
def result(finished):
    return load_result(load_desk("my_desk:desk"), "february")


def test_report_when_book_is_finished_then_figures(result, finished, run):
    done = run("report", "february", *DESK)

    assert (done.exit_code, done.stdout, done.stderr) == (0, finished.stdout, "")


def test_report_when_csv_then_files_and_a_line_on_stderr(result, run, folder):
    done = run("report", "february", *DESK, "--csv", "tables")

    assert done.exit_code == 0
    assert done.stderr == "wrote 10 files to tables\n"
    written = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    assert written == {path.name: path.read_bytes() for path in result.to_csv(folder / "again")}


def test_report_when_explain_then_the_trade_alone(result, run):
    trade_id = result.trades().index[0]

    done = run("report", "february", *DESK, "--explain", trade_id)

    assert (done.exit_code, done.stdout) == (0, f"{result.explain(trade_id)}\n")


def test_report_when_trade_is_unknown_then_suggestion(result, run):
    wrong = result.trades().index[0] + "0"

    done = run("report", "february", *DESK, "--explain", wrong)

    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: UnknownName: unknown trade '{wrong}'; did you mean '")


def test_report_when_book_is_unknown_then_error(run):
    done = run("report", "march", *DESK)

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: BookNotFound: no book 'march'")


def test_report_when_books_live_in_memory_then_error(run):
    done = run("report", "february", "--desk", "my_desk:in_memory")

    assert done.exit_code == 1
    assert "live and end with the process" in done.stderr
