"""What is written to stdout."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from optarb.cli.output import colour, instant, print_json, print_table


def test_table_when_ids_are_long_then_columns_line_up_and_no_line_breaks(capsys):
    long_id = "a" * 150
    print_table(("backtest", "status", ""), [(long_id, "finished", ""), ("b", "failed", "BadData: no bars")])

    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "backtest" + " " * 142 + "  status",
        long_id + "  finished",
        "b" + " " * 149 + "  failed    BadData: no bars",
    ]


def test_table_when_no_column_is_named_then_no_head(capsys):
    print_table(("", ""), [("ok", "python")])

    assert capsys.readouterr().out == "ok  python\n"


@pytest.mark.parametrize(("terminal", "no_colour", "coloured"), [(True, "", True), (False, "", False), (True, "1", False)])
def test_colour_when_no_terminal_or_not_wanted_then_plain(monkeypatch, terminal, no_colour, coloured):
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("NO_COLOR", no_colour)

    assert colour("failed  ") == ("\x1b[31mfailed  \x1b[0m" if coloured else "failed  ")
    assert colour("other") == "other"


def test_json_when_printed_then_instants_in_utc_and_decimals_as_text(capsys):
    at = datetime(2024, 6, 3, 16, tzinfo=timezone(timedelta(hours=2)))
    print_json({"at": at, "day": date(2024, 6, 3), "usd": Decimal("1.50"), "none": None})

    assert json.loads(capsys.readouterr().out) == {
        "at": "2024-06-03T14:00:00+00:00",
        "day": "2024-06-03",
        "usd": "1.50",
        "none": None,
    }


def test_json_when_value_has_no_place_then_refused():
    with pytest.raises(TypeError, match="no place in a JSON document"):
        print_json({"bytes": b"x"})


def test_instant_when_written_then_utc_to_the_second():
    assert instant(datetime(2024, 6, 3, 1, 2, 3, 999, tzinfo=UTC)) == "2024-06-03 01:02:03"
    assert instant(None) == ""
