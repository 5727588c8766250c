"""Bars from Parquet and CSV files."""

from __future__ import annotations

import pickle
from datetime import date

import numpy as np
import pytest

from optarb.errors import BadData, UnknownName
from optarb.market_data import CsvMarketData, ParquetMarketData


def test_bars_when_a_file_lies_in_a_folder_are_as_written(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "SPX", bar_columns)
    bars = file_format.source(bars=str(tmp_path)).bars("SPX").checked()
    assert bars.symbol == "SPX"
    assert bars.sessions.tolist() == bar_columns["session"]
    for name in ("open", "high", "low", "close", "volume"):
        column = getattr(bars, name)
        assert column.dtype == np.float64
        assert column.tolist() == bar_columns[name]


def test_bars_when_a_path_object_or_a_uri_is_given_are_found(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "SPX", bar_columns)
    assert len(file_format.source(bars=tmp_path).bars("SPX")) == 3
    assert len(file_format.source(bars=tmp_path.as_uri()).bars("SPX")) == 3


def test_bars_when_columns_are_mapped_are_read_by_our_names(file_format, bar_columns, tmp_path):
    renamed = {{"session": "date", "close": "last"}.get(name, name): column for name, column in bar_columns.items()}
    file_format.write(tmp_path / "SPX", renamed)
    source = file_format.source(bars=str(tmp_path), columns={"session": "date", "close": "last"})
    assert source.bars("SPX").close.tolist() == [101.0, 102.0, 103.5]


def test_bars_when_a_file_has_closes_alone_have_no_range(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "VIX", {name: bar_columns[name] for name in ("session", "close")})
    bars = file_format.source(bars=str(tmp_path)).bars("VIX").checked()
    assert bars.open.tolist() == bars.high.tolist() == bars.low.tolist() == [101.0, 102.0, 103.5]
    assert bars.volume.tolist() == [0.0, 0.0, 0.0]


def test_bars_when_years_lie_in_files_of_their_own_follow_each_other(file_format, bar_columns, tmp_path):
    later = {**bar_columns, "session": [date(2020, 1, 2), date(2020, 1, 3), date(2020, 1, 6)]}
    file_format.write(tmp_path / "SPX-2020", later)
    file_format.write(tmp_path / "SPX-2019", bar_columns)
    bars = file_format.source(bars=str(tmp_path)).bars("SPX").checked()
    assert bars.sessions[[0, 3]].tolist() == [date(2019, 5, 28), date(2020, 1, 2)]


def test_bars_when_one_file_holds_many_symbols_are_those_of_one(file_format, bar_columns, tmp_path):
    path = file_format.write(tmp_path / "all", {**bar_columns, "symbol": ["SPX", "VIX", "SPX"]})
    source = file_format.source(bars=str(path))
    assert source.bars("SPX").close.tolist() == [101.0, 103.5]
    assert source.bars("VIX").close.tolist() == [102.0]
    with pytest.raises(BadData, match=r"'SPY'.*SPX, VIX"):
        source.bars("SPY")


def test_bars_when_a_mapping_names_the_file_are_found_there(file_format, bar_columns, tmp_path):
    path = file_format.write(tmp_path / "sp500-daily", bar_columns)
    source = file_format.source(bars={"SPX": str(path)})
    assert len(source.bars("SPX")) == 3
    with pytest.raises(BadData, match=r"'VIX'.*SPX"):
        source.bars("VIX")


def test_bars_when_values_are_wrong_are_passed_on_for_the_ingest_to_refuse(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "SPX", {**bar_columns, "high": [103.0, None, 105.0]})
    bars = file_format.source(bars=str(tmp_path)).bars("SPX")
    assert np.isnan(bars.high[1])
    with pytest.raises(BadData, match="2019-05-29"):
        bars.checked()


def test_bars_when_the_symbol_is_unknown_say_what_is_there(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "SPX", bar_columns)
    with pytest.raises(BadData, match=rf"SPY.*SPX{file_format.suffix}"):
        file_format.source(bars=str(tmp_path)).bars("SPY")


def test_bars_when_the_folder_is_absent_say_so(file_format, tmp_path):
    with pytest.raises(BadData, match="nowhere"):
        file_format.source(bars=str(tmp_path / "nowhere")).bars("SPX")


def test_bars_when_none_were_given_say_which_field(file_format):
    with pytest.raises(BadData, match="bars="):
        file_format.source().bars("SPX")
    with pytest.raises(BadData, match="quotes="):
        file_format.source().fingerprint("SPX", "quotes")


def test_bars_when_a_column_is_missing_name_it_and_those_present(file_format, bar_columns, tmp_path):
    del bar_columns["high"]
    file_format.write(tmp_path / "SPX", bar_columns)
    with pytest.raises(BadData, match=r"SPX.*'high'.*session, open, low, close, volume"):
        file_format.source(bars=str(tmp_path)).bars("SPX")


def test_bars_when_dates_are_no_dates_name_the_column(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "SPX", {**bar_columns, "session": [20190528, 20190529, 20190530]})
    with pytest.raises(BadData, match="'session' holds int64"):
        file_format.source(bars=str(tmp_path)).bars("SPX")


def test_bars_when_prices_are_no_numbers_name_the_column(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "SPX", {**bar_columns, "close": ["101", "n. a.", "103"]})
    with pytest.raises(BadData, match="'close' holds string"):
        file_format.source(bars=str(tmp_path)).bars("SPX")


def test_bars_when_a_file_is_truncated_name_it(parquet, bar_columns, tmp_path):
    path = parquet.write(tmp_path / "SPX", bar_columns)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadData, match=r"SPX\.parquet"):
        ParquetMarketData(bars=str(tmp_path)).bars("SPX")


@pytest.mark.parametrize("content", ["", "session,close\n2019-05-28,1,2,3\n"])
def test_bars_when_a_csv_file_is_broken_name_it(content, tmp_path):
    (tmp_path / "SPX.csv").write_text(content)
    with pytest.raises(BadData, match=r"SPX\.csv"):
        CsvMarketData(bars=str(tmp_path)).bars("SPX")


def test_fingerprint_when_one_byte_changes_is_another(file_format, bar_columns, tmp_path):
    path = file_format.write(tmp_path / "SPX", bar_columns)
    source = file_format.source(bars=str(tmp_path))
    before = source.fingerprint("SPX", "bars")
    assert file_format.source(bars=str(path.parent)).fingerprint("SPX", "bars") == before
    changed = bytearray(path.read_bytes())
    changed[len(changed) // 2] ^= 1
    path.with_suffix(".new").write_bytes(changed)
    path.with_suffix(".new").replace(path)
    assert source.fingerprint("SPX", "bars") != before


def test_fingerprint_when_a_file_moves_is_the_same_and_when_the_mapping_changes_is_not(file_format, bar_columns, tmp_path):
    file_format.write(tmp_path / "one" / "SPX", bar_columns)
    file_format.write(tmp_path / "two" / "SPX", bar_columns)
    one, two = (file_format.source(bars=str(tmp_path / name)) for name in ("one", "two"))
    assert one.fingerprint("SPX", "bars") == two.fingerprint("SPX", "bars")
    mapped = file_format.source(bars=str(tmp_path / "one"), columns={"close": "open"})
    assert mapped.fingerprint("SPX", "bars") != one.fingerprint("SPX", "bars")
    quotes_only = file_format.source(bars=str(tmp_path / "one"), columns={"bid": "b"}, quoted_at="unknown")
    assert quotes_only.fingerprint("SPX", "bars") == one.fingerprint("SPX", "bars")


def test_source_when_pickled_is_equal_and_opens_nothing(file_format, tmp_path):
    source = file_format.source(bars={"SPX": str(tmp_path / "x")}, columns={"session": "date"})
    assert pickle.loads(pickle.dumps(source)) == source


def test_source_when_a_mapping_changes_afterwards_keeps_its_own(file_format):
    columns = {"session": "date"}
    source = file_format.source(columns=columns)
    columns["session"] = "day"
    assert source.columns == {"session": "date"}


def test_source_when_a_field_is_wrong_refuses(file_format):
    with pytest.raises(UnknownName, match="did you mean 'session'"):
        file_format.source(columns={"sesion": "date"})
    with pytest.raises(ValueError, match="quoted_at"):
        file_format.source(quoted_at="4pm")


def test_bars_when_real_files_are_read_are_sound(real_data):
    source = CsvMarketData(
        bars={"SPX": str(real_data / "spx-daily.csv"), "VIX": str(real_data / "vix-daily.csv")},
        columns={"session": "date"},
    )
    bars = source.bars("SPX").checked()
    assert len(bars) == 6289
    assert (bars.sessions[0].item(), bars.sessions[-1].item()) == (date(1999, 1, 4), date(2023, 12, 29))
    assert bars.close[0] == 1228.1
    assert len(source.bars("VIX").checked()) == 8574
