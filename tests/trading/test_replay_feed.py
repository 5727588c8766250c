"""The feed of historical sessions: daily data in, modelled quotes of any instant out."""

from __future__ import annotations

import dataclasses
import pickle
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.trading.rig import MONDAY, TUESDAY, WEDNESDAY, at

from optarb.domain.bars import Bars
from optarb.domain.contracts import OptionContract
from optarb.errors import BadData, ConfigurationError
from optarb.pricing import quote_down, quote_up
from optarb.testing import FakeCalendar, FakeMarketData, fake_quotes
from optarb.testing.fake_quote_tables import fake_quote_rows
from optarb.trading.replay_feed import ReplayFeed
from optarb.trading.replay_path import DayCourse, PathFeed

FRIDAY = MONDAY - timedelta(days=3)
CALENDAR = FakeCalendar()
DAYS = (FRIDAY, MONDAY, TUESDAY, WEDNESDAY)
CLOSES = dict(zip(DAYS, (4990.0, 5030.0, 5000.0, 5010.0), strict=True))
ENDING = OptionContract.parse("SPXW240604C04950000")


def bars_of(symbol, rows):
    columns = np.array([rows[day] for day in DAYS], np.float64).T
    names = ("open", "high", "low", "close")
    return Bars(
        symbol=symbol,
        sessions=np.array(DAYS, "datetime64[D]"),
        volume=np.ones(len(DAYS)),
        **dict(zip(names, columns, strict=True)),
    )


SPX = bars_of("SPX", {day: (close - 5, close + 40, close - 60, close) for day, close in CLOSES.items()})
VIX = bars_of("VIX", {day: (level,) * 4 for day, level in zip(DAYS, (10.0, 12.0, 12.0, 18.0), strict=True)})


def rows_on(day):
    """Fridays of the model, and on Monday a contract that ends on Tuesday, whose quotes say 20 % too."""
    rows = fake_quote_rows(CLOSES[day], session=day, expiries=2, strikes=9)
    return (*rows, (TUESDAY, "C", 4950.0, 84.0, 86.0)) if day == MONDAY else rows


def market(quotes=None, **bars):
    quotes = quotes or fake_quotes({day: rows_on(day) for day in DAYS if day != WEDNESDAY}, spots=CLOSES)
    return FakeMarketData(bars_by_symbol={"SPX": SPX, "VIX": VIX} | bars, quotes_by_symbol={"SPX": quotes})


def feed_on(data=None, **fields):
    return ReplayFeed(**({"market_data": data or market(), "calendar": CALENDAR, "order": "low_first"} | fields))


def test_chain_when_asked_in_the_session_then_as_the_path_made_of_the_same_data_and_marked_as_modelled():
    course = DayCourse(open=5025, high=5070, low=4970, close=5030, volatility_open=10, volatility_close=12)
    own = market().quotes_by_symbol["SPX"]
    chain = _chain_of(own, MONDAY)
    path = PathFeed(
        {"SPX": chain},
        {"SPX": course},
        opens_at=at("09:30"),
        closes_at=at("16:00"),
        order="low_first",
    )
    feed = feed_on()
    for clock in ("09:30", "09:35", "11:40", "13:50", "15:07", "16:00", "16:20"):
        expected, got = path.chain("SPX", at(clock)), feed.chain("SPX", at(clock))
        assert got.modelled
        assert (got.session, got.taken_at) == (MONDAY, min(at(clock), at("16:00")))
        assert got.underlying_price == pytest.approx(path.spot("SPX", at(clock)))
        assert np.array_equal(got.bids, expected.bids)
        assert np.array_equal(got.asks, expected.asks)
        assert feed.underlying_price("SPX", at(clock)) == path.underlying_price("SPX", at(clock))


def _chain_of(table, session):
    from optarb.engine.chain_table import clean_quotes

    return clean_quotes(table, "SPX", CALENDAR)[0].chain(session)


@pytest.mark.parametrize(
    ("clock", "session", "why"),
    [
        ("09:29", MONDAY, "before the open"),
        ("12:00", MONDAY - timedelta(days=1), "no session"),
        ("12:00", WEDNESDAY, "a session without a chain"),
    ],
)
def test_chain_when_there_is_none_then_none_and_no_quotes(clock, session, why):
    feed = feed_on()
    assert feed.chain("SPX", at(clock, session)) is None, why
    assert feed.quotes([ENDING], at(clock, session)) == {}
    assert (feed.underlying_price("SPX", at(clock, session)) is None) == (session != WEDNESDAY)


def test_quotes_when_the_contract_ends_today_then_by_the_chain_before_and_at_the_close_its_intrinsic_value():
    feed = feed_on()
    (early,) = feed.quotes([ENDING], at("09:35", TUESDAY)).values()
    (late,) = feed.quotes([ENDING], at("16:00", TUESDAY)).values()
    assert _chain_of(market().quotes_by_symbol["SPX"], TUESDAY).quote(ENDING) is None
    assert early.modelled
    assert late.modelled
    # spot 5000 at the close, strike 4950, and half the spread of 2.00 to either side
    assert (late.bid, late.ask) == (Decimal(49), Decimal(51))
    assert early.bid > late.bid - 5
    assert feed.quotes([ENDING], at("10:00", WEDNESDAY)) == {}


def test_quotes_when_the_contract_settles_this_morning_then_none_since_it_trades_no_more():
    days = (MONDAY, TUESDAY)
    quotes = fake_quotes({day: rows_on(day) for day in days}, root="SPX", spots=CLOSES)
    feed = feed_on(market(quotes))
    settled, going_on = (OptionContract.parse(name) for name in ("SPX240604C04950000", "SPX240607C05000000"))
    assert settled in feed.quotes([settled, going_on], at("10:00"))
    assert list(feed.quotes([settled, going_on], at("10:00", TUESDAY))) == [going_on]


def test_quotes_when_the_chain_says_neither_when_nor_at_which_price_then_it_counts_as_one_of_the_close():
    told = market().quotes_by_symbol["SPX"]
    untold = dataclasses.replace(
        told,
        taken_at=np.full(len(told), np.datetime64("NaT", "s")),
        underlying_prices=np.full(len(told), np.nan),
    )
    clock = at("11:11")
    one, other = (feed_on(market(quotes)).chain("SPX", clock) for quotes in (told, untold))
    assert np.array_equal(one.bids, other.bids)
    assert np.array_equal(one.asks, other.asks)


def test_volatility_when_the_index_is_its_close_alone_then_from_the_close_before():
    """VIX closes at 12 and 12: Tuesday's volatility stands still, and Monday's rises from 10 to 12, by 20 %."""
    with_index, without = feed_on(), feed_on(volatility=None)
    name = OptionContract.parse("SPXW240607C05000000")

    def middle(feed, session):
        return float(feed.quotes([name], at("09:35", session))[name].mid)

    assert middle(with_index, TUESDAY) == middle(without, TUESDAY)
    assert middle(with_index, MONDAY) < middle(without, MONDAY) - 2


def test_bars_when_the_close_lies_outside_the_range_then_the_path_reaches_it():
    odd = bars_of("SPX", {day: (close - 5, close - 1, close - 60, close) for day, close in CLOSES.items()})
    feed = feed_on(market(SPX=odd))
    assert feed.underlying_price("SPX", at("13:50")) == Decimal("5030.0000")


def test_spreads_when_repriced_then_those_of_the_chain_rounded_outward():
    own = _chain_of(market().quotes_by_symbol["SPX"], MONDAY)
    got = feed_on().chain("SPX", at("12:34"))
    spread = own.asks - own.bids
    wide = got.bids > 0
    assert ((got.asks - got.bids)[wide] >= spread[wide] - 1e-9).all()
    assert ((got.asks - got.bids)[wide] <= spread[wide] + 0.2 + 1e-9).all()
    assert np.array_equal(got.bids, quote_down("SPXW", got.bids))
    assert np.array_equal(got.asks, quote_up("SPXW", got.asks))


def test_feed_when_pickled_or_asked_by_many_then_the_same_quotes():
    feed = feed_on()
    instants = [at(f"{hour}:{minute:02}") for hour in (10, 11, 12) for minute in range(0, 60, 7)]
    expected = [feed.chain("SPX", instant).bids.tolist() for instant in instants]
    again = pickle.loads(pickle.dumps(feed))
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda instant: again.chain("SPX", instant).bids.tolist(), instants)) == expected


def test_feed_when_data_are_missing_then_it_says_which():
    late = at("10:00", date(2024, 6, 6))
    with pytest.raises(BadData, match="'SPX' has no bar on 2024-06-06"):
        feed_on().chain("SPX", late)
    with pytest.raises(BadData, match="SPY"):
        feed_on().chain("SPY", at("10:00"))
    with pytest.raises(BadData, match="VXN"):
        feed_on(volatility="VXN").chain("SPX", at("10:00"))
    with pytest.raises(ConfigurationError, match="order must be"):
        feed_on(order="up_first")
