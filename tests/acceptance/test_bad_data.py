"""Broken bars and files are said at once; broken quotes are skipped and counted by kind."""

from __future__ import annotations

import dataclasses
import math
from datetime import date

import pyarrow.parquet as pq
import pytest
from tests.acceptance import small_desk

import optarb


def row_of(columns, day):
    return columns["session"].index(day)


# -- bars -------------------------------------------------------------------------------------------------------------------

DAY = date(2016, 1, 20)


def duplicate(columns):
    place = row_of(columns, DAY)
    for values in columns.values():
        values.insert(place, values[place])


def swap(columns):
    place = row_of(columns, DAY)
    for values in columns.values():
        values[place], values[place + 1] = values[place + 1], values[place]


def assign(column, value):
    def change(columns):
        columns[column][row_of(columns, DAY)] = value

    return change


def high_below_low(columns):
    place = row_of(columns, DAY)
    columns["high"][place], columns["low"][place] = columns["low"][place], columns["high"][place]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (duplicate, "2016-01-20.*duplicate"),
        (swap, "2016-01-20.*not sorted"),
        (assign("close", math.nan), "2016-01-20.*close is NaN"),
        (assign("open", math.inf), "2016-01-20.*open is NaN or infinite"),
        (assign("low", -3.0), "2016-01-20.*low is zero or negative"),
        (assign("close", 0.0), "2016-01-20.*close is zero"),
        (assign("volume", -1.0), "2016-01-20.*volume"),
        (high_below_low, "2016-01-20.*high is below low"),
    ],
)
def test_bars_when_broken_then_session_fault_and_remedy_are_named(run, store, tmp_path, change, words):
    with pytest.raises(optarb.BadData, match=rf"'SPX'.*{words}.*(mend|keep|sort)"):
        run(data=small_desk.spoilt(tmp_path, change))


def without(*days):
    def change(columns):
        for day in days:
            place = row_of(columns, day)
            for values in columns.values():
                del values[place]

    return change


def test_bars_when_a_session_is_missing_then_refused_with_the_way_round(run, store, tmp_path):
    with pytest.raises(optarb.BadData, match=r"2016-01-20.*allow_gaps"):
        run(data=small_desk.spoilt(tmp_path, without(DAY)))


def test_bars_when_gaps_are_allowed_then_they_are_passed_over_and_counted(run, store, tmp_path):
    result = run(data=small_desk.spoilt(tmp_path, without(DAY, date(2016, 2, 3))), allow_gaps=True, backtest_id="mine")

    assert result.report()["bars_counts"]["SPX"]["missing_session"] == 2
    for table in ("signals", "verdicts", "intents", "fills", "exits"):
        assert not store.rows("mine", table, 20160120, 20160120), table
        assert not store.rows("mine", table, 20160203, 20160203), table


# -- files ------------------------------------------------------------------------------------------------------------------


def halve(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def scribble(file):
    file.write_bytes(b"this is not a table\n" * 100)


def empty(file):
    file.write_bytes(b"")


def flip(file):
    """Damages the middle, where the values are; the footer stays whole."""
    content = bytearray(file.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 64] = bytes(255 - byte for byte in content[middle : middle + 64])
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("table", ["bars", "quotes"])
@pytest.mark.parametrize("damage", [halve, scribble, empty])
def test_file_when_unreadable_then_it_is_named(run, store, tmp_path, table, damage):
    small_desk.market().write(tmp_path / "bad")
    file = tmp_path / "bad" / table / "SPX.parquet"
    damage(file)
    with pytest.raises(optarb.BadData, match=r"SPX\.parquet"):
        run(data=small_desk.parquet(tmp_path, "bad"))


@pytest.mark.parametrize("table", ["bars", "quotes"])
def test_file_when_absent_then_the_place_is_named(run, store, tmp_path, table):
    small_desk.market().write(tmp_path / "bad")
    (tmp_path / "bad" / table / "SPX.parquet").unlink()
    with pytest.raises(optarb.BadData, match=r"SPX"):
        run(data=small_desk.parquet(tmp_path, "bad"))


@pytest.mark.parametrize("column", ["session", "expiry", "strike", "bid"])
def test_file_when_a_column_is_missing_then_it_is_named(run, store, tmp_path, column):
    with pytest.raises(optarb.BadData, match=rf"SPX\.parquet.*'{column}'.*columns="):
        run(data=small_desk.spoilt(tmp_path, lambda columns: columns.pop(column), table="quotes"))


@pytest.mark.parametrize("line", ["2016-01-20,SPXW,2016-02-19,C,2000,abc,1.5,2000", "2016-01-20,SPXW"])
def test_csv_when_a_line_is_rubbish_then_the_file_is_named(run, store, tmp_path, line):
    files = small_desk.market().write(tmp_path / "bad")
    for folder in (files.bars, files.quotes):
        table = pq.read_table(folder / "SPX.parquet").to_pandas()
        table.to_csv(folder / "SPX.csv", index=False)
    with (files.quotes / "SPX.csv").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(optarb.BadData, match=r"SPX\.csv"):
        run(data=optarb.CsvMarketData(bars=files.bars, quotes=files.quotes))


# -- when quotes were taken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quoted_at", ["15:45", "unknown"])
def test_same_session_bars_when_quotes_are_not_after_the_close_then_refused(files, run, store, quoted_at):
    data = dataclasses.replace(small_desk.parquet(files), quoted_at=quoted_at)
    with pytest.raises(optarb.ConfigurationError, match=r"same_session.*2016-01-04.*previous_session"):
        run(data=data, bars="same_session")
    assert run(data=data).summary.trades > 5


# -- counted, not fatal -----------------------------------------------------------------------------------------------------


def test_quotes_when_rows_are_unusable_then_skipped_and_counted_by_kind(run, store, tmp_path):
    session = date(2016, 1, 20)
    expected = {"crossed": 3, "negative": 2, "unquoted": 4, "expired": 5, "duplicate": 6}

    def change(columns):
        places = [i for i, day in enumerate(columns["session"]) if day == session and columns["right"][i] == "P"]
        take = iter(places)
        for _ in range(expected["crossed"]):
            place = next(take)
            columns["bid"][place] = columns["ask"][place] + 1.0
        for _ in range(expected["negative"]):
            columns["bid"][next(take)] = -1.0
        for _ in range(expected["unquoted"]):
            place = next(take)
            columns["bid"][place] = columns["ask"][place] = 0.0
        for _ in range(5):
            columns["bid"][next(take)] = 0.0  # a real quote
        for i in range(expected["expired"]):
            place = next(take)
            for name, values in columns.items():
                values.append(date(2016, 1, 8) if name == "expiry" else 1000.0 + i if name == "strike" else values[place])
        for _ in range(expected["duplicate"]):
            place = next(take)
            for values in columns.values():
                values.append(values[place])

    clean = run(backtest_id="clean")
    result = run(backtest_id="mine", data=small_desk.spoilt(tmp_path, change, table="quotes"))

    counts, before = result.report()["counts"]["quotes"], clean.report()["counts"]["quotes"]
    added = {kind: n - before.get(kind, 0) for kind, n in counts.items() if n != before.get(kind, 0)}
    assert {kind: added.get(kind, 0) for kind in expected} == expected
    # Only puts were touched and only calls are traded.
    assert small_desk.ledger(store, "mine")["fills"] == small_desk.ledger(store, "clean")["fills"]
