"""Cleaning of raw quotes: what goes, what stays, how it is counted, and how the rest lies in memory."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.calendars import ExchangeCalendar
from optarb.domain.contracts import OptionContract
from optarb.domain.quote_table import QuoteTable
from optarb.domain.time import NEW_YORK
from optarb.engine.chain_table import clean_quotes, joined

CALENDAR = ExchangeCalendar()
DAY, FRIDAY, LATER = date(2018, 1, 17), date(2018, 1, 19), date(2018, 2, 16)


def at(day, hour, minute=0, second=0):
    """New York time as the table holds it."""
    local = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=NEW_YORK)
    return local.astimezone(UTC).replace(tzinfo=None)


def row(symbol, bid=1.0, ask=1.2, *, day=DAY, taken=None, price=2800.0):
    """One raw quote. ``taken`` is the New York time, by default 15:45; False for unknown."""
    text = symbol.replace(" ", "")
    root, tail = text[:-15], text[-15:]
    expiry = date(2000 + int(tail[:2]), int(tail[2:4]), int(tail[4:6]))
    when = np.datetime64("NaT", "s") if taken is False else at(day, *(taken or (15, 45)))
    return (day, root, expiry, tail[6] == "C", int(tail[7:]) / 1000, bid, ask, price, when)


def raw(*rows, modelled=False):
    roots = tuple(dict.fromkeys(one[1] for one in rows))
    return QuoteTable(
        sessions=np.array([one[0] for one in rows], "datetime64[D]"),
        roots=roots,
        root_indices=np.array([roots.index(one[1]) for one in rows], np.int64),
        expiries=np.array([one[2] for one in rows], "datetime64[D]"),
        calls=np.array([one[3] for one in rows], np.bool_),
        strikes=np.array([one[4] for one in rows], np.float64),
        bids=np.array([one[5] for one in rows], np.float64),
        asks=np.array([one[6] for one in rows], np.float64),
        underlying_prices=np.array([one[7] for one in rows], np.float64),
        taken_at=np.array([one[8] for one in rows], "datetime64[s]"),
        modelled=modelled,
    )


def clean(*rows, symbol="SPX"):
    return clean_quotes(raw(*rows), symbol, CALENDAR)


GOOD = "SPXW180216C02800000"


# -- what goes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bid", "ask", "kind"),
    [
        (math.nan, 1.0, "unquoted"),
        (1.0, math.nan, "unquoted"),
        (math.nan, math.nan, "unquoted"),
        (1.0, math.inf, "unquoted"),
        (0.0, 0.0, "unquoted"),
        (-0.05, 1.0, "negative"),
        (-1.0, -0.5, "negative"),
        (1.2, 1.0, "crossed"),
        (1.0, 0.0, "crossed"),
    ],
)
def test_clean_when_a_quote_is_unusable_then_dropped_and_counted_by_kind(bid, ask, kind):
    table, counts = clean(row("SPXW180216C02790000"), row(GOOD, bid, ask))
    assert counts == {kind: 1}
    assert table.keys.shape == (1,)
    assert table.chain(DAY).quote(OptionContract.parse(GOOD)) is None


@pytest.mark.parametrize(("bid", "ask"), [(1.0, 1.0), (0.0, 0.05), (1.0, 99.0)])
def test_clean_when_locked_wide_or_without_a_bid_then_kept(bid, ask):
    table, counts = clean(row(GOOD, bid, ask))
    assert (table.bids.tolist(), table.asks.tolist()) == ([bid], [ask])
    assert counts == ({} if bid else {"zero_bid": 1})


@pytest.mark.parametrize("root", ["SPX7", "2SPY", "spx"])
def test_clean_when_the_root_is_adjusted_then_dropped_and_no_part_of_the_roots(root):
    table, counts = clean(row(GOOD), row(f"{root}180216C02800000"))
    assert counts == {"adjusted": 1}
    assert table.roots == ("SPXW",)


def test_clean_when_a_row_is_bad_in_two_ways_then_counted_once():
    _, counts = clean(row(GOOD), row("SPXW180101C02800000", 2.0, 1.0), row("SPX7180216C02800000", math.nan, 1.0))
    assert counts == {"crossed": 1, "unquoted": 1}


def test_clean_when_expired_then_dropped_and_the_day_itself_stays():
    _, counts = clean(row(GOOD), row("SPXW180116C02800000"), row("SPXW180117C02800000"))
    assert counts == {"expired": 1}


def test_clean_when_a_contract_stands_twice_then_the_first_row_counts():
    table, counts = clean(row(GOOD, 1.0, 1.1), row(GOOD, 2.0, 2.1), row(GOOD, 3.0, 3.1), row(GOOD, 4.0, 4.1, day=FRIDAY))
    assert counts == {"duplicate": 2}
    assert table.bids.tolist() == [1.0, 4.0]


def test_clean_when_the_first_of_two_rows_is_bad_then_the_good_one_counts():
    table, counts = clean(row(GOOD, 2.0, 1.0), row(GOOD, 3.0, 3.1))
    assert counts == {"crossed": 1}
    assert table.bids.tolist() == [3.0]


def test_clean_when_nothing_is_left_then_an_empty_table():
    table, counts = clean(row(GOOD, 2.0, 1.0))
    assert counts == {"crossed": 1}
    assert (len(table.sessions), len(table.keys), table.offsets.tolist()) == (0, 0, [0])
    assert table.chain(DAY) is None
    assert list(table.months()) == []


# -- contracts that are dead by the time of the quote --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("symbol", "day", "taken", "dead"),
    [
        # PM-settled: to the close of the last session.
        ("SPXW180119C02800000", FRIDAY, (15, 59, 59), False),
        ("SPXW180119C02800000", FRIDAY, (16, 0), True),
        ("SPXW180119C02800000", FRIDAY, (16, 15), True),
        ("SPXW180119C02800000", FRIDAY, False, True),
        ("SPXW180119C02800000", date(2018, 1, 18), (16, 15), False),
        ("SPXW180119C02800000", date(2018, 1, 18), False, False),
        ("XSP180119C00280000", FRIDAY, (16, 0), True),
        # AM-settled: not on the settlement day at all.
        ("SPX180119C02800000", FRIDAY, (9, 30), True),
        ("SPX180119C02800000", FRIDAY, False, True),
        ("SPX180119C02800000", date(2018, 1, 18), (16, 15), False),
        # Physically settled: a quarter of an hour beyond the close.
        ("SPY180119C00280000", FRIDAY, (15, 59), False),
        ("SPY180119C00280000", FRIDAY, (16, 0), False),
        ("SPY180119C00280000", FRIDAY, False, True),
        # The day after Thanksgiving closes at 13:00.
        ("SPXW181123C02650000", date(2018, 11, 23), (12, 59, 59), False),
        ("SPXW181123C02650000", date(2018, 11, 23), (13, 0), True),
        ("SPXW181123C02650000", date(2018, 11, 23), (15, 45), True),
        # Listed for Saturday the 18th of January 2014: Friday is the last day.
        ("SPX140118C01850000", date(2014, 1, 17), (9, 45), True),
        ("SPX140118C01850000", date(2014, 1, 16), (16, 15), False),
        ("SPXW140118C01850000", date(2014, 1, 17), (15, 59), False),
        ("SPXW140118C01850000", date(2014, 1, 17), (16, 0), True),
        ("SPY140118C00185000", date(2014, 1, 17), (16, 0), False),
        ("SPY140118C00185000", date(2014, 1, 17), False, True),
        # Listed for Saturday the 19th of April 2014, after Good Friday: Thursday is the last day.
        ("SPX140419C01850000", date(2014, 4, 17), (9, 45), True),
        ("SPX140419C01850000", date(2014, 4, 16), (16, 15), False),
        ("SPXW140418C01850000", date(2014, 4, 17), (15, 59), False),
        ("SPXW140418C01850000", date(2014, 4, 17), (16, 0), True),
    ],
)
def test_clean_when_quoted_on_its_last_days_then_alive_as_long_as_it_trades(symbol, day, taken, dead):
    alive = row("SPXW190621C02800000", day=day, taken=(9, 31))
    table, counts = clean(alive, row(symbol, day=day, taken=taken))
    assert counts == ({"dead": 1} if dead else {})
    assert len(table.keys) == 2 - dead


# -- how the rest lies ---------------------------------------------------------------------------------------------------


def test_clean_when_rows_come_in_any_order_then_by_session_root_expiry_right_and_strike():
    rows = [
        row("SPXW180216P02800000", 6.0, 6.5),
        row("SPXW180216C02800000", 5.0, 5.5),
        row("SPX180216P02800000", 3.0, 3.5),
        row("SPX180316C02700000", 4.0, 4.5),
        row("SPX180216C02900000", 2.0, 2.5),
        row("SPX180216C02800000", 1.0, 1.5),
    ]
    table, counts = clean(*(row("SPX180216C02800000", 7.0, 7.5, day=FRIDAY), *rows))

    assert counts == {}
    assert table.roots == ("SPX", "SPXW")
    assert table.bids.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert table.offsets.tolist() == [0, 6, 7]
    assert table.sessions.tolist() == [DAY, FRIDAY]
    chain = table.chain(DAY)
    assert [chain.contract(i).symbol for i in range(6)] == [
        "SPX180216C02800000",
        "SPX180216C02900000",
        "SPX180216P02800000",
        "SPX180316C02700000",
        "SPXW180216C02800000",
        "SPXW180216P02800000",
    ]
    assert table.chain(date(2018, 1, 18)) is None


def test_chain_when_quotes_were_taken_at_several_times_then_at_the_last_and_unknown_if_one_is():
    early, late = row(GOOD, taken=(15, 30)), row("SPXW180216P02800000", taken=(15, 45))
    table, _ = clean(early, late)
    assert table.chain(DAY).taken_at == datetime(2018, 1, 17, 20, 45, tzinfo=UTC)
    assert table.taken_first.tolist() == [int(datetime(2018, 1, 17, 20, 30, tzinfo=UTC).timestamp())]

    table, _ = clean(early, row("SPXW180216P02800000", taken=False))
    assert table.chain(DAY).taken_at is None


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ((2800.0, 2800.0, 2800.0), 2800.0),
        ((2800.0, 2801.0, 2810.0), 2801.0),
        ((math.nan, 2800.0, 2802.0), 2801.0),
        ((2800.0, math.nan, math.nan), 2800.0),
        ((math.nan, math.nan, math.nan), math.nan),
    ],
)
def test_chain_when_prices_stand_beside_the_quotes_then_the_median_of_the_known(prices, expected):
    rows = [row(f"SPXW180216C0{2800 + i}000", price=price) for i, price in enumerate(prices)]
    table, _ = clean(*rows)
    assert table.chain(DAY).underlying_price == pytest.approx(expected, nan_ok=True)


def test_months_when_split_and_joined_then_the_same_table():
    days = [date(2018, 1, 30), date(2018, 1, 31), date(2018, 2, 1), date(2018, 4, 3)]
    table, _ = clean(*(row("SPXW180615C02800000", i + 1.0, i + 1.5, day=day) for i, day in enumerate(days)))
    parts = dict(table.months())

    assert list(parts) == ["2018-01", "2018-02", "2018-04"]
    assert parts["2018-01"].offsets.tolist() == [0, 1, 2]
    assert parts["2018-02"].offsets.tolist() == [0, 1]
    assert parts["2018-02"].chain(days[2]).bids.tolist() == [3.0]
    assert same(joined(list(parts.values())), table)


def test_joined_when_the_roots_differ_then_every_contract_is_found():
    first, _ = clean(row("SPXW180216C02800000", 1.0, 1.5))
    second, _ = clean(row("SPX180216C02800000", 2.0, 2.5, day=FRIDAY), row("SPXW180216C02800000", 3.0, 3.5, day=FRIDAY))
    both = joined([first, second])

    assert both.roots == ("SPX", "SPXW")
    for day, symbol, bid in [(DAY, "SPXW", 1), (FRIDAY, "SPX", 2), (FRIDAY, "SPXW", 3)]:
        assert both.chain(day).quote(OptionContract.parse(f"{symbol}180216C02800000")).bid == bid
    assert both.chain(DAY).quote(OptionContract.parse("SPX180216C02800000")) is None


def sized(*rows, bid_sizes, ask_sizes):
    """Raw quotes with displayed sizes, cleaned."""
    sizes = {"bid_sizes": np.array(bid_sizes, np.float64), "ask_sizes": np.array(ask_sizes, np.float64)}
    return clean_quotes(dataclasses.replace(raw(*rows), **sizes), "SPX", CALENDAR)[0]


def sizes_of(chain, symbol):
    quote = chain.quote(OptionContract.parse(symbol))
    return quote.bid_size, quote.ask_size


def test_sizes_when_a_source_has_them_then_each_quote_tells_its_own():
    other = "SPXW180216C02700000"
    table = sized(
        row(GOOD), row("SPXW180216C02750000", 2.0, 1.0), row(other), bid_sizes=[7, 9, 0], ask_sizes=[3.9, 9, math.nan]
    )
    chain = table.chain(DAY)
    # The crossed row in between is gone, and the strikes are sorted.
    assert chain.bid_sizes.tolist() == [0.0, 7.0]
    assert chain.ask_sizes[1] == 3.0  # parts of a contract are not offered
    assert (sizes_of(chain, GOOD), sizes_of(chain, other)) == ((7, 3), (0, None))
    assert not chain.ask_sizes.flags.writeable


@pytest.mark.parametrize("size", [-1.0, math.inf, math.nan])
def test_sizes_when_a_value_is_no_size_then_unknown(size):
    chain = sized(row(GOOD), bid_sizes=[size], ask_sizes=[1]).chain(DAY)
    assert sizes_of(chain, GOOD) == (None, 1)


def test_sizes_when_tables_are_split_and_joined_then_kept_and_unknown_where_one_has_none():
    first = sized(row(GOOD), row(GOOD, day=FRIDAY), bid_sizes=[1, 2], ask_sizes=[3, 4])
    bare, _ = clean(row("SPXW180615C02800000", day=date(2018, 3, 1)))
    both = joined([*(part for _, part in first.months()), bare])
    assert [sizes_of(both.chain(day), GOOD) for day in (DAY, FRIDAY)] == [(1, 3), (2, 4)]
    assert sizes_of(both.chain(date(2018, 3, 1)), "SPXW180615C02800000") == (None, None)
    assert joined([bare, bare]).bid_sizes is None
    assert bare.chain(date(2018, 3, 1)).bid_sizes is None


@pytest.mark.parametrize(("first", "second", "whole"), [(True, False, True), (False, False, False)])
def test_joined_when_one_part_is_modelled_then_the_whole_is(first, second, whole):
    one, _ = clean_quotes(raw(row(GOOD), modelled=first), "SPX", CALENDAR)
    two, _ = clean_quotes(raw(row(GOOD, day=FRIDAY), modelled=second), "SPX", CALENDAR)
    assert joined([one, two]).modelled is whole


def same(one, other):
    names = ("sessions", "offsets", "taken_first", "taken_last", "underlying_prices", "keys", "bids", "asks")
    return one.roots == other.roots and all(
        np.array_equal(getattr(one, n), getattr(other, n), equal_nan=n != "sessions") for n in names
    )


# -- against a referee ---------------------------------------------------------------------------------------------------

prices = st.sampled_from([math.nan, -0.05, 0.0, 0.05, 1.0, 1.2, 3.0])
raw_rows = st.builds(
    row,
    st.builds(
        lambda root, expiry, right, strike: f"{root}{expiry}{right}{strike:08d}",
        st.sampled_from(["SPX", "SPXW", "SPX7"]),
        st.sampled_from(["180112", "180119", "180216"]),
        st.sampled_from("CP"),
        st.sampled_from([2_800_000, 2_810_500]),
    ),
    prices,
    prices,
    day=st.sampled_from([DAY, date(2018, 1, 18), FRIDAY]),
    taken=st.sampled_from([(9, 45), (16, 0), (16, 15)]),
)


def by_rules(rows):
    """The same rules, one row after the other: kept quotes by session and symbol, and counts."""
    kept, counts = {}, {}
    for day, root, expiry, call, strike, bid, ask, _, taken in rows:
        over = day == expiry and (root == "SPX" or taken >= at(day, 16))
        kind = next(
            (
                name
                for name, holds in [
                    ("unquoted", math.isnan(bid) or math.isnan(ask) or bid == ask == 0),
                    ("negative", bid < 0 or ask < 0),
                    ("crossed", bid > ask),
                    ("adjusted", root == "SPX7"),
                    ("expired", expiry < day),
                    ("dead", over),
                    ("duplicate", (day, root, expiry, call, strike) in kept),
                ]
                if holds
            ),
            None,
        )
        if kind is None:
            kept[day, root, expiry, call, strike] = (bid, ask)
        else:
            counts[kind] = counts.get(kind, 0) + 1
    if zero := sum(bid == 0 for bid, _ in kept.values()):
        counts["zero_bid"] = zero
    return kept, counts


@settings(deadline=None)
@given(st.lists(raw_rows, min_size=1, max_size=30))
def test_clean_when_compared_with_the_rules_row_by_row_then_the_same(rows):
    table, counts = clean(*rows)
    kept, expected = by_rules(rows)

    assert counts == expected
    found = {}
    for day in table.sessions.tolist():
        chain = table.chain(day)
        for i in range(len(chain)):
            one = chain.contract(i)
            key = (day, one.root, one.expiry, one.right == "C", float(one.strike))
            found[key] = (float(chain.bids[i]), float(chain.asks[i]))
    assert found == kept


@pytest.mark.parametrize("strike", [0.0, -5.0, 100_000.0, 150_000.0, math.nan, math.inf, 2800.00051])
def test_clean_when_no_contract_can_have_the_strike_then_dropped_and_counted(strike):
    good = row("SPXW180216C02800000")
    table = raw(good, row("SPXW180216C02805000"))
    strikes = table.strikes.copy()
    strikes[1] = strike
    table = dataclasses.replace(table, strikes=strikes)
    cleaned, counts = clean_quotes(table, "SPX", ExchangeCalendar())
    assert (len(cleaned.keys), counts) == (1, {"bad_contract": 1})


@pytest.mark.parametrize("expiry", ["NaT", "1998-02-20", "2100-01-15"])
def test_clean_when_no_contract_can_have_the_expiry_then_dropped_and_counted(expiry):
    table = raw(row("SPXW180216C02800000"), row("SPXW180216C02805000"))
    expiries = table.expiries.copy()
    expiries[1] = np.datetime64(expiry, "D")
    cleaned, counts = clean_quotes(dataclasses.replace(table, expiries=expiries), "SPX", ExchangeCalendar())
    assert (len(cleaned.keys), counts) == (1, {"bad_contract": 1})
