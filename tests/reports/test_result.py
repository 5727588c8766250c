"""Loading a result, its provenance and its public names."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from tests.reports.hand_book import REPORT, ROWS, SUMMARY, A, write_book

import optarb.reports
from optarb.errors import BookError, BookNotFound
from optarb.reports import Explanation, Result, load_result


def test_load_result_when_finished_then_summary_as_stored(result):
    loaded = load_result(SimpleNamespace(store=result.store), "by-hand")

    assert isinstance(loaded, Result)
    assert (loaded.backtest_id, loaded.summary) == ("by-hand", SUMMARY)


def test_load_result_when_book_is_unknown_then_book_not_found(store):
    with pytest.raises(BookNotFound, match="'nowhere'"):
        load_result(SimpleNamespace(store=store), "nowhere")


def test_load_result_when_book_is_running_then_book_error_says_how_to_go_on(store):
    write_book(store, ROWS, finished=False)

    with pytest.raises(BookError, match=r"'by-hand' is running, not finished; run it again with its backtest_id"):
        load_result(SimpleNamespace(store=store), "by-hand")


def test_report_when_read_then_stored_provenance_with_the_spec(result):
    report = result.report()

    assert {name: report[name] for name in REPORT} == REPORT
    assert report["spec"]["overrides"] == {"dip.drop": 0.04}


def test_reports_when_imported_then_public_names_and_no_pandas():
    assert set(optarb.reports.__all__) == {"Explanation", "Result", "load_result"}
    assert optarb.reports.Explanation is Explanation
    code = "import sys, optarb.reports; print('pandas' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "False"


def test_text_when_printed_then_pandas_stays_out():
    code = (
        "import sys\n"
        "from optarb.stores import SqlStore\n"
        "from tests.reports.hand_book import A, ROWS, write_book\n"
        "result = write_book(SqlStore(url='sqlite://'), ROWS)\n"
        "str(result), str(result.explain(A))\n"
        "print('pandas' in sys.modules)"
    )
    root = __file__.rpartition("tests")[0].removesuffix("tests/")

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=root)

    assert done.stdout.strip() == "False"


def test_explain_when_called_then_an_explanation(result):
    assert isinstance(result.explain(A), Explanation)
