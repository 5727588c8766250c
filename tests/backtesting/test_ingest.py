from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from tests.backtesting.conftest import END, SESSIONS, START, ingest, market_data, nothing, quotes

import optarb
from optarb.backtesting.ingest import ingest_symbol, ingested
from optarb.backtesting.market_loader import load_market
from optarb.testing import fake_quotes


def months(context):
    return ingested(context)["SPX"]["quotes"]["months"]


def test_ingest_when_done_then_months_with_their_counts(make_desk, make_spec, claimed):
    context = claimed(make_desk(), make_spec())
    ingest(context)

    told = [(month["month"], month["first"], month["last"], month["sessions"]) for month in months(context)]
    assert told == [
        ("2024-05", "2024-05-20", "2024-05-31", 10),
        ("2024-06", "2024-06-03", "2024-06-28", 20),
        ("2024-07", "2024-07-01", "2024-07-05", 5),
    ]
    # Two expiries of three strikes and two rights; taken at the close, the contracts of a Friday's own expiry are dead.
    assert sum(month["rows"] + month["counts"].get("dead", 0) for month in months(context)) == 35 * 12
    assert ingested(context)["SPX"]["bars"]["rows"] == 60
    assert "quotes" not in ingested(context)["VIX"]


def test_ingest_when_repeated_then_nothing_is_done_or_asked(make_desk, make_spec, claimed):
    context = claimed(make_desk(), make_spec())
    assert ingest_symbol(context, "SPX", nothing)
    asked = len(context.desk.market_data.asked)
    assert not ingest_symbol(context, "SPX", nothing)
    assert len(context.desk.market_data.asked) == asked


def test_ingest_when_another_book_has_the_same_data_then_from_the_cache(make_desk, make_spec, claimed):
    desk = make_desk()
    first = claimed(desk, make_spec(), "first")
    ingest(first)
    desk.market_data.asked.clear()

    second = claimed(desk, make_spec(capital=1), "second")
    ingest(second)

    assert desk.market_data.asked == []
    assert ingested(second) == ingested(first)


def test_ingest_when_interrupted_after_a_month_then_done_anew_with_the_same_result(make_desk, make_spec, claimed):
    class Interruption(Exception):
        pass

    def interrupt(phase, done, total):
        raise Interruption

    whole = claimed(make_desk(), make_spec(), "whole")
    ingest(whole)
    context = claimed(make_desk(), make_spec())
    with pytest.raises(Interruption):
        ingest_symbol(context, "SPX", interrupt)
    assert ingested(context) == {}

    assert ingest_symbol(context, "SPX", nothing)
    assert ingested(context)["SPX"] == ingested(whole)["SPX"]


def test_ingest_when_ticked_then_once_a_month(make_desk, make_spec, claimed):
    ticks = []
    ingest_symbol(claimed(make_desk(), make_spec()), "SPX", lambda phase, done, total: ticks.append((phase, done)))
    assert ticks == [("ingest", 0), ("ingest", 1), ("ingest", 2)]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_chains_when_one_month_is_lost_from_the_cache_then_that_month_alone_is_read_again(make_desk, make_spec, claimed, lost):
    desk = make_desk()
    context = claimed(desk, make_spec())
    ingest(context)
    expected = {day: load_market(context).view(day).chain("SPX").asks.tolist() for day in SESSIONS}
    desk.cache.delete("chain/" + months(context)[lost]["digest"])
    # Another source object: the market kept in this process is not used.
    again = dataclasses.replace(context, desk=dataclasses.replace(desk, market_data=market_data()))
    market = load_market(again)

    assert {day: market.view(day).chain("SPX").asks.tolist() for day in SESSIONS} == expected
    ranges = [(START, date(2024, 5, 31)), (date(2024, 6, 3), date(2024, 6, 28)), (date(2024, 7, 1), END)]
    assert again.desk.market_data.asked == [("chains", "SPX", *ranges[lost])]
    assert desk.cache.get("chain/" + months(context)[lost]["digest"]) is not None


def test_ingest_when_no_quote_lies_in_the_range_then_bad_data(make_desk, make_spec, claimed):
    data = dataclasses.replace(market_data(), quotes_by_symbol={"SPX": fake_quotes({})})
    context = claimed(make_desk(market_data=data), make_spec())
    with pytest.raises(optarb.BadData, match="no usable option quotes of 'SPX' from 2024-05-20 to 2024-07-05"):
        ingest_symbol(context, "SPX", nothing)


class Backwards(type(market_data())):
    """Delivers its sessions newest first."""

    def chains(self, symbol, start, end):
        yield from reversed(list(super().chains(symbol, start, end)))


class Raising(type(market_data())):
    def chains(self, symbol, start, end):
        yield next(iter(super().chains(symbol, start, end)))
        raise ConnectionError("the line is dead")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (Backwards, optarb.BadData("quotes of 'SPX': 2024-07-04 comes after 2024-07-05; sort by date")),
        (Raising, optarb.ComponentError("market data, quotes of 'SPX': ConnectionError: the line is dead")),
    ],
)
def test_ingest_when_the_source_misbehaves_then_the_fault_is_named(make_desk, make_spec, claimed, kind, error):
    source = market_data()
    data = kind(bars_by_symbol=source.bars_by_symbol, quotes_by_symbol={"SPX": quotes()})
    context = claimed(make_desk(market_data=data), make_spec())
    with pytest.raises(type(error), match=str(error)):
        ingest_symbol(context, "SPX", nothing)
    assert ingested(context) == {}
