"""Tables as CSV files."""

from __future__ import annotations

import csv
import json
from decimal import Decimal

import pandas as pd
import pytest
from tests.reports.hand_book import A, B

from optarb.errors import ConfigurationError

NAMES = ["trades", "equity", "denials", "signals", "intents", "fills", "events", "exits", "marks", "notes"]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_to_csv_when_written_then_one_file_a_table(result, tmp_path):
    files = result.to_csv(tmp_path / "deep" / "down")

    assert files == tuple(tmp_path / "deep" / "down" / f"{name}.csv" for name in NAMES)
    assert all(file.is_file() for file in files)


def test_to_csv_when_read_back_then_money_is_exact_and_dates_are_plain(result, tmp_path):
    result.to_csv(tmp_path)

    trades = rows_of(tmp_path / "trades.csv")
    assert [row["trade_id"] for row in trades] == [A, B]
    assert [row["pnl_usd"] for row in trades] == ["-451.3000", "-1402.6000"]
    assert (trades[0]["opened"], trades[0]["closed"]) == ("2018-01-02", "2018-01-04")
    equity = rows_of(tmp_path / "equity.csv")
    assert [row["session"] for row in equity] == ["2018-01-02", "2018-01-03", "2018-01-04", "2018-01-05"]
    assert Decimal(equity[-1]["equity_usd"]) == Decimal("18146.1")


def test_to_csv_when_read_back_then_nested_values_and_instants_come_back(result, tmp_path):
    result.to_csv(tmp_path)

    signals, fills = rows_of(tmp_path / "signals.csv"), rows_of(tmp_path / "fills.csv")
    assert json.loads(signals[0]["reasons"]) == ["5 % below", "oversold"]
    assert json.loads(rows_of(tmp_path / "denials.csv")[0]["numbers"]) == {"confidence": "0.4"}
    assert pd.Timestamp(fills[0]["taken_at"]) == pd.Timestamp("2018-01-02 21:00", tz="UTC")
    assert fills[3]["taken_at"] == ""
    assert [row["modelled"] for row in fills] == ["False", "True", "True", "False"]


def test_to_csv_when_written_twice_then_equal_bytes_and_line_feeds(result, tmp_path):
    first = [file.read_bytes() for file in result.to_csv(tmp_path / "first")]
    again = [file.read_bytes() for file in result.to_csv(str(tmp_path / "again"))]

    assert first == again
    assert not any(b"\r" in content for content in first)


def test_to_csv_when_nothing_happened_then_headers_stay(result, empty, tmp_path):
    full, none = result.to_csv(tmp_path / "full"), empty.to_csv(tmp_path / "none")

    for one, other in zip(full, none, strict=True):
        assert one.read_text().splitlines()[0] == other.read_text().splitlines()[0]
    assert (tmp_path / "none" / "trades.csv").read_text().count("\n") == 1


def test_to_csv_when_other_files_are_there_then_left_alone(result, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    (tmp_path / "trades.csv").write_text("old")

    result.to_csv(tmp_path)

    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert (tmp_path / "trades.csv").read_text().startswith("trade_id,")


def test_to_csv_when_folder_is_a_file_then_configuration_error(result, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match=r"cannot write CSV files to '.*file'"):
        result.to_csv(tmp_path / "file")
