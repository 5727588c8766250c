"""``optarb report``."""

from __future__ import annotations

import pytest

from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
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


def test_report_when_book_is_unknown_then_error(run):
    done = run("report", "march", *DESK)

    assert (done.exit_code, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert done.stderr.startswith("error: BookNotFound: no backtest 'march'")


def test_report_when_books_live_in_memory_then_error(run):
    done = run("report", "february", "--desk", "my_desk:in_memory")

    assert done.exit_code == ExitCode.USAGE
    assert "live and end with the process" in done.stderr
