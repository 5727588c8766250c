"""Dividends from Parquet and CSV files, and through sources that wrap others."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from optarb.domain.dividends import Dividend
from optarb.errors import BadData
from optarb.market_data import CombinedMarketData, CsvMarketData, ModelledOptions
from optarb.protocols import SupportsDividends

PAID = {"ex_date": [date(2023, 6, 16), date(2023, 3, 17), date(2023, 9, 15)], "amount": [1.638, 1.506, 1.583]}
FIRST, LAST = date(2023, 3, 17), date(2023, 6, 16)


def test_dividends_when_a_file_lies_in_a_folder_then_those_between_the_dates_oldest_first(file_format, tmp_path):
    file_format.write(tmp_path / "SPY", PAID)
    source = file_format.source(dividends=str(tmp_path))
    assert isinstance(source, SupportsDividends)
    assert source.dividends("SPY", FIRST, LAST) == [
        Dividend(ex_date=FIRST, amount=Decimal("1.506")),
        Dividend(ex_date=LAST, amount=Decimal("1.638")),
    ]


def test_dividends_when_some_are_estimates_or_columns_have_other_names_then_read_so(file_format, tmp_path):
    renamed = {"date": PAID["ex_date"], "amount": PAID["amount"], "announced": [True, True, False]}
    file_format.write(tmp_path / "paid", renamed)
    file = next(tmp_path.iterdir())
    source = file_format.source(dividends={"SPY": str(file)}, columns={"ex_date": "date"})
    assert [one.announced for one in source.dividends("SPY", FIRST, date(2023, 12, 31))] == [True, True, False]


def test_dividends_when_none_are_given_then_none_and_when_the_symbol_has_no_file_then_an_error(file_format, tmp_path):
    file_format.write(tmp_path / "SPY", PAID)
    assert list(file_format.source().dividends("SPY", FIRST, LAST)) == []
    with pytest.raises(BadData, match="QQQ"):
        file_format.source(dividends=str(tmp_path)).dividends("QQQ", FIRST, LAST)


def test_dividends_when_a_file_has_no_rows_then_it_pays_none(tmp_path):
    (tmp_path / "BRK.csv").write_text("ex_date,amount\n")
    assert list(CsvMarketData(dividends=tmp_path).dividends("BRK", FIRST, LAST)) == []


def test_dividends_when_an_amount_is_not_positive_then_the_file_is_named(file_format, tmp_path):
    file_format.write(tmp_path / "SPY", {**PAID, "amount": [1.0, -1.0, 1.0]})
    with pytest.raises(BadData, match=r"SPY.*positive"):
        file_format.source(dividends=str(tmp_path)).dividends("SPY", FIRST, LAST)


def test_fingerprint_when_dividends_change_then_that_of_the_bars_changes_and_an_index_needs_none(
    file_format, bar_columns, tmp_path
):
    bars, paid = tmp_path / "bars", tmp_path / "paid"
    bars.mkdir()
    paid.mkdir()
    for symbol in ("SPY", "SPX"):
        file_format.write(bars / symbol, bar_columns)
    plain, source = file_format.source(bars=bars), file_format.source(bars=bars, dividends=paid)
    assert source.fingerprint("SPX", "bars") == plain.fingerprint("SPX", "bars")
    file_format.write(paid / "SPY", PAID)
    first = source.fingerprint("SPY", "bars")
    assert first != plain.fingerprint("SPY", "bars")
    file_format.write(paid / "SPY", {**PAID, "amount": [1.0, 2.0, 3.0]})
    assert source.fingerprint("SPY", "bars") != first


def test_wrappers_when_what_they_wrap_knows_dividends_then_passed_on(file_format, tmp_path):
    file_format.write(tmp_path / "SPY", PAID)
    source, plain = file_format.source(dividends=str(tmp_path)), object()
    (first, _) = CombinedMarketData(bars_from=source, quotes_from=plain).dividends("SPY", FIRST, LAST)
    assert first.amount == Decimal("1.506")
    assert CombinedMarketData(bars_from=plain, quotes_from=source).dividends("SPY", FIRST, LAST) == ()
    assert len(ModelledOptions(data=source).dividends("SPY", FIRST, LAST)) == 2
    assert ModelledOptions(data=plain).dividends("SPY", FIRST, LAST) == ()
