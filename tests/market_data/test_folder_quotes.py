"""Option quotes from Parquet and CSV files."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from optarb.errors import BadData
from optarb.market_data import ParquetMarketData, _quote_reader, _table_files

FIRST, LAST = date(2019, 1, 1), date(2019, 12, 31)
PER_ROW = (
    "sessions",
    "root_indices",
    "expiries",
    "calls",
    "strikes",
    "bids",
    "asks",
    "underlying_prices",
    "taken_at",
)


def rows_of(tables):
    """Every row as plain values, in order; checks that tables hold whole sessions and follow in time."""
    rows, seen = [], []
    for table in tables:
        sessions = sorted(set(table.sessions.tolist()))
        assert not seen or sessions[0] > seen[-1]
        seen += sessions
        assert {len(getattr(table, name)) for name in PER_ROW} == {len(table)}
        columns = [table.sessions, table.root_indices, table.expiries, table.calls, table.strikes, table.bids]
        rows += [
            (session, table.roots[root], *rest)
            for session, root, *rest in zip(*(column.tolist() for column in columns), strict=True)
        ]
    return rows


def test_chains_when_a_file_lies_in_a_folder_are_as_written(file_format, quote_columns, tmp_path):
    file_format.write(tmp_path / "SPX", quote_columns)
    (table,) = file_format.source(quotes=str(tmp_path)).chains("SPX", FIRST, LAST)
    assert [table.roots[index] for index in table.root_indices] == quote_columns["root"]
    assert table.sessions.tolist() == quote_columns["session"]
    assert table.expiries.tolist() == quote_columns["expiry"]
    assert table.calls.tolist() == [True, False, True, False, True]
    assert table.strikes.tolist() == quote_columns["strike"]
    assert table.bids[[0, 2, 3, 4]].tolist() == [50.0, 10.0, 0.0, 45.0]
    assert np.isnan(table.bids[1])
    assert table.asks.tolist() == quote_columns["ask"]
    assert np.isnan(table.underlying_prices).all()
    assert not table.modelled


def test_chains_when_sessions_are_asked_for_hold_those_alone(file_format, quote_columns, tmp_path):
    file_format.write(tmp_path / "SPX", quote_columns)
    source = file_format.source(quotes=str(tmp_path))
    (table,) = source.chains("SPX", date(2019, 5, 29), date(2019, 5, 29))
    assert set(table.sessions.tolist()) == {date(2019, 5, 29)}
    assert len(table) == 2
    assert list(source.chains("SPX", date(2019, 5, 30), LAST)) == []


@pytest.mark.parametrize(
    ("quoted_at", "expected"),
    [
        ("close", "2019-05-28T20:00:00"),
        ("15:45", "2019-05-28T19:45:00"),
        ("unknown", "NaT"),
    ],
)
def test_chains_when_the_time_is_stated_carry_it(quoted_at, expected, file_format, quote_columns, tmp_path):
    file_format.write(tmp_path / "SPX", quote_columns)
    (table,) = file_format.source(quotes=str(tmp_path), quoted_at=quoted_at).chains("SPX", FIRST, LAST)
    assert str(table.taken_at[0]) == expected


def test_chains_when_a_column_has_the_time_carry_it(file_format, quote_columns, tmp_path):
    at = [datetime(2019, 5, 28, 19, 45, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(5)]
    columns = pa.table({**quote_columns, "when": pa.array(at, pa.timestamp("us", "UTC"))})
    file_format.write(tmp_path / "SPX", columns)
    source = file_format.source(quotes=str(tmp_path), quoted_at="column", columns={"taken_at": "when"})
    (table,) = source.chains("SPX", FIRST, LAST)
    assert table.taken_at.tolist() == [instant.replace(tzinfo=None) for instant in at]


def test_chains_when_instants_have_no_time_zone_are_refused(file_format, quote_columns, tmp_path):
    naive = pa.array([datetime(2019, 5, 28, 15, 45)] * 5, pa.timestamp("s"))  # noqa: DTZ001 - the point of the test
    file_format.write(tmp_path / "SPX", pa.table({**quote_columns, "taken_at": naive}))
    with pytest.raises(BadData, match=r"'taken_at'.*time zone"):
        list(file_format.source(quotes=str(tmp_path), quoted_at="column").chains("SPX", FIRST, LAST))


class HalfDays:
    """A calendar on which every session but Memorial Day closes at one in the afternoon."""

    def sessions(self, start, end):
        return () if start == end == date(2019, 5, 27) else (start, end)

    def opens_at(self, session):
        return datetime(session.year, session.month, session.day, 13, 30, tzinfo=UTC)

    def closes_at(self, session):
        return datetime(session.year, session.month, session.day, 17, 0, tzinfo=UTC)


def test_chains_when_a_calendar_is_given_close_when_it_says(parquet, quote_columns, tmp_path):
    quote_columns["session"][0] = date(2019, 5, 27)
    parquet.write(tmp_path / "SPX", quote_columns)
    source = ParquetMarketData(quotes=str(tmp_path), calendar=HalfDays())
    (table,) = source.chains("SPX", FIRST, LAST)
    assert str(table.taken_at[1]) == "2019-05-28T17:00:00"
    assert str(table.taken_at[0]) == "2019-05-27T20:00:00"  # no session: the ingest leaves it out


def test_chains_when_strikes_are_decimals_or_integers_are_floats(parquet, quote_columns, tmp_path):
    decimals = [Decimal("2800.000"), Decimal("2750.500"), Decimal("2900.000"), Decimal("2750.000"), Decimal("2800.000")]
    parquet.write(tmp_path / "SPX", {**quote_columns, "strike": decimals})
    parquet.write(tmp_path / "SPY", {**quote_columns, "strike": [280, 275, 290, 275, 280]})
    source = ParquetMarketData(quotes=str(tmp_path))
    assert next(source.chains("SPX", FIRST, LAST)).strikes.tolist() == [2800.0, 2750.5, 2900.0, 2750.0, 2800.0]
    assert next(source.chains("SPY", FIRST, LAST)).strikes.tolist() == [280.0, 275.0, 290.0, 275.0, 280.0]


def test_chains_when_months_lie_in_files_of_their_own_follow_in_time(file_format, quote_columns, tmp_path):
    later = {**quote_columns, "session": [date(2019, 6, 3)] * 5}
    file_format.write(tmp_path / "SPX" / "b", quote_columns)
    file_format.write(tmp_path / "SPX" / "a", later)
    rows = rows_of(file_format.source(quotes=str(tmp_path)).chains("SPX", FIRST, LAST))
    assert [row[0] for row in rows] == quote_columns["session"] + later["session"]
    assert [row[1] for row in rows] == quote_columns["root"] * 2


def test_chains_when_files_share_sessions_or_are_unsorted_hold_whole_sessions(file_format, quote_columns, tmp_path):
    backwards = {name: column[::-1] for name, column in quote_columns.items()}
    other = {**quote_columns, "strike": [1.0, 2.0, 3.0, 4.0, 5.0]}
    file_format.write(tmp_path / "SPX-1", backwards)
    file_format.write(tmp_path / "SPX-2", other)
    rows = rows_of(file_format.source(quotes=str(tmp_path)).chains("SPX", FIRST, LAST))
    assert [row[0].day for row in rows] == [28] * 6 + [29] * 4
    assert [row[4] for row in rows] == [2900.0, 2750.5, 2800.0, 1.0, 2.0, 3.0, 2800.0, 2750.0, 4.0, 5.0]


@pytest.fixture(params=[1, 2, 3, 4])
def small_pieces(request, monkeypatch):
    """Reads and delivers a few rows at a time."""
    monkeypatch.setattr(_table_files, "_BATCH_ROWS", request.param)
    monkeypatch.setattr(_quote_reader, "_TABLE_ROWS", request.param)


@pytest.mark.parametrize("order", ["sorted", "unsorted"])
def test_chains_when_read_in_pieces_never_cut_a_session(order, small_pieces, quote_columns, tmp_path):
    table = pa.table(quote_columns)
    if order == "unsorted":
        table = table.take([3, 0, 1, 4, 2])
    pq.write_table(table, tmp_path / "SPX.parquet", row_group_size=2)
    source = ParquetMarketData(quotes=str(tmp_path))
    rows = rows_of(source.chains("SPX", FIRST, LAST))
    assert [row[:2] for row in rows] == list(zip(quote_columns["session"], quote_columns["root"], strict=True))
    second = rows_of(source.chains("SPX", date(2019, 5, 29), LAST))
    assert second == rows[3:]


def test_chains_when_one_file_holds_many_underlyings_are_those_of_one(file_format, quote_columns, tmp_path):
    path = file_format.write(tmp_path / "all", {**quote_columns, "symbol": ["SPX", "SPY", "SPX", "SPX", "SPY"]})
    source = file_format.source(quotes=str(path))
    assert [row[4] for row in rows_of(source.chains("SPX", FIRST, LAST))] == [2800.0, 2900.0, 2750.0]
    with pytest.raises(BadData, match="QQQ"):
        list(source.chains("QQQ", FIRST, LAST))


def test_chains_when_a_pattern_is_mapped_read_all_that_match(file_format, quote_columns, tmp_path):
    file_format.write(tmp_path / "chain-2019-05", quote_columns)
    source = file_format.source(quotes={"SPX": str(tmp_path / f"chain-*{file_format.suffix}")})
    assert len(rows_of(source.chains("SPX", FIRST, LAST))) == 5
    nothing = file_format.source(quotes={"SPX": str(tmp_path / "other-*")})
    with pytest.raises(BadData, match="chain-2019-05"):
        list(nothing.chains("SPX", FIRST, LAST))


def test_chains_when_a_right_is_neither_call_nor_put_name_it(file_format, quote_columns, tmp_path):
    file_format.write(tmp_path / "SPX", {**quote_columns, "right": ["C", "P", "X", "C", "P"]})
    with pytest.raises(BadData, match="'right' holds 'X'"):
        list(file_format.source(quotes=str(tmp_path)).chains("SPX", FIRST, LAST))


def test_chains_when_a_column_is_missing_name_it(file_format, quote_columns, tmp_path):
    del quote_columns["expiry"]
    file_format.write(tmp_path / "SPX", quote_columns)
    with pytest.raises(BadData, match=r"'expiry'.*session, root, right, strike, bid, ask"):
        list(file_format.source(quotes=str(tmp_path)).chains("SPX", FIRST, LAST))


def test_chains_when_an_expiry_is_absent_name_the_column(parquet, quote_columns, tmp_path):
    quote_columns["expiry"][1] = None
    parquet.write(tmp_path / "SPX", quote_columns)
    with pytest.raises(BadData, match="'expiry' is empty in 1 of 5 rows"):
        list(ParquetMarketData(quotes=str(tmp_path)).chains("SPX", FIRST, LAST))


def test_fingerprint_when_the_time_or_the_calendar_changes_is_another(parquet, quote_columns, tmp_path):
    parquet.write(tmp_path / "SPX", quote_columns)
    known = {
        ParquetMarketData(quotes=str(tmp_path), quoted_at=quoted_at).fingerprint("SPX", "quotes")
        for quoted_at in ("close", "unknown", "15:45")
    }
    assert len(known) == 3


def test_chains_when_the_real_chain_is_read_are_as_published(real_data):
    path = real_data / "spx-chain-2019-05.parquet"
    source = ParquetMarketData(
        quotes={"SPX": str(path)},
        columns={"session": "date", "underlying_price": "underlying"},
        quoted_at="unknown",
    )
    tables = list(source.chains("SPX", FIRST, LAST))
    assert sum(map(len, tables)) == 339_352
    published = pq.read_table(path).to_pandas()
    for ours, theirs in (("strikes", "strike"), ("bids", "bid"), ("asks", "ask"), ("underlying_prices", "underlying")):
        column = np.concatenate([getattr(table, ours) for table in tables])
        np.testing.assert_array_equal(column, published[theirs].to_numpy())
    roots = np.concatenate([np.array(table.roots)[table.root_indices] for table in tables])
    assert (roots == published["root"].to_numpy(dtype=str)).all()
    sessions = np.concatenate([table.sessions for table in tables])
    assert (sessions == published["date"].to_numpy().astype("datetime64[D]")).all()
    assert np.isnat(tables[0].taken_at).all()


def test_chains_when_files_tell_sizes_are_read_and_unknown_where_one_does_not(file_format, quote_columns, tmp_path):
    rows = len(quote_columns["session"])
    file_format.write(tmp_path / "SPX-2018", {**quote_columns, "bid_size": [*range(1, rows), None], "ask_size": [10] * rows})
    later = {**quote_columns, "session": [day.replace(year=2020) for day in quote_columns["session"]]}
    file_format.write(tmp_path / "SPX-2020", later)
    tables = list(file_format.source(quotes=str(tmp_path)).chains("SPX", date(2000, 1, 1), date(2099, 1, 1)))
    told = [
        None if size is None or math.isnan(size) else size
        for table in tables
        for size in ([None] * len(table) if table.bid_sizes is None else table.bid_sizes.tolist())
    ]
    assert told == [*range(1, rows), None, *[None] * rows]
    assert tables[0].ask_sizes.tolist() == [10.0] * len(tables[0])
