"""``optarb demo``."""

from __future__ import annotations

import re
import sys
from datetime import date
from types import SimpleNamespace

import pytest

from optarb.backtesting.runner import backtest
from optarb.cli.demo import demo_desk, demo_spec
from optarb.market_data import demo_market_data
from optarb.reports import load_result


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path, monkeypatch):
    """Has temporary folders made where a test can look for what was left behind."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def fake_server(monkeypatch, changes):
    """Has "Temporal" be a run in this process, with the spec changed."""
    asked = []

    def run_with_own_server(spec, desk, **named):
        asked.append((spec, desk.store.url))
        done = backtest(spec.model_copy(update=changes), desk, progress=False)
        return load_result(desk, done.backtest_id)

    monkeypatch.setitem(sys.modules, "optarb.cli._temporal", SimpleNamespace(run_with_own_server=run_with_own_server))
    return asked


def test_demo_when_run_in_process_then_five_years_and_nothing_left_behind(run, temporary_folders):
    done = run("demo", "--in-process")

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Backtest demo\n")
    assert "2014-01-03 to 2018-12-31 (1,257)" in done.stdout
    assert "modelled quotes  SPX" in done.stdout
    assert len(re.findall(r"^digest .*\b[0-9a-f]{64}\b", done.stdout, re.MULTILINE)) == 1
    assert list(temporary_folders.iterdir()) == []


def test_demo_when_run_in_both_ways_then_both_digests_are_shown_and_equal(run, monkeypatch, temporary_folders):
    asked = fake_server(monkeypatch, {})

    done = run("demo")

    assert done.exit_code == 0, done.output
    digests = re.findall(r"^digest .*\b([0-9a-f]{64})\b", done.stdout, re.MULTILINE)
    assert len(digests) == 2
    assert len(set(digests)) == 1
    assert [spec for spec, _ in asked] == [demo_spec()]
    assert list(temporary_folders.iterdir()) == []


def test_demo_when_digests_differ_then_error(run, monkeypatch):
    fake_server(monkeypatch, {"end": date(2014, 1, 31)})

    done = run("demo")

    assert done.exit_code == 1
    assert "error: OptarbError: the digests differ" in done.stderr


def test_demo_spec_when_compared_with_the_data_then_it_uses_all_of_them(tmp_path):
    spec, volatility = demo_spec(), demo_market_data().bars("VIX").sessions.tolist()

    assert spec.start == volatility[0]
    assert spec.end == max(session for session in volatility if session.year == 2018)
    assert demo_desk(tmp_path).store.is_shared
