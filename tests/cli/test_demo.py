"""``optarb demo``."""

from __future__ import annotations

import sys
from datetime import date
from types import SimpleNamespace

import pytest

from optarb.backtesting.runner import backtest
from optarb.cli.demo import demo_desk, demo_spec
from optarb.market_data import demo_market_data


@pytest.fixture(autouse=True)
def temporary_folders(tmp_path, monkeypatch):
    """Has temporary folders made where a test can look for what was left behind."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def test_demo_when_run_in_process_then_five_years_and_nothing_left_behind(run, temporary_folders):
    done = run("demo", "--in-process")

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Backtest demo\n")
    assert "2014-01-03 to 2018-12-31 (1,257)" in done.stdout
    assert "modelled quotes  SPX" in done.stdout
    assert list(temporary_folders.iterdir()) == []


def test_demo_when_run_on_temporal_then_result_of_the_run_there(run, monkeypatch, temporary_folders):
    asked = []

    def run_on_temporal(spec, desk):
        asked.append(spec)
        short = spec.model_copy(update={"end": date(2014, 1, 31)})
        return backtest(short, desk, progress=False).summary

    monkeypatch.setitem(sys.modules, "optarb.cli._temporal", SimpleNamespace(run_on_temporal=run_on_temporal))

    done = run("demo", "--temporal")

    assert done.exit_code == 0, done.output
    assert asked == [demo_spec()]
    assert "2014-01-03 to 2014-01-31 (20)" in done.stdout
    assert list(temporary_folders.iterdir()) == []


def test_demo_spec_when_compared_with_the_data_then_it_uses_all_of_them(tmp_path):
    spec, volatility = demo_spec(), demo_market_data().bars("VIX").sessions.tolist()

    assert spec.start == volatility[0]
    assert spec.end == max(session for session in volatility if session.year == 2018)
    assert demo_desk(tmp_path).store.is_shared
