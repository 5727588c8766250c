"""Picks on real chains of May 2019, against a selection that pandas and vollib make from the same rows."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from optarb.domain.contracts import Right
from optarb.structures import Butterfly, Calendar, Diagonal, IronCondor, Straddle, Strangle

pd = pytest.importorskip("pandas")

SESSION = date(2019, 5, 15)
TAKEN = datetime(2019, 5, 15, 20, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def table(real_data):
    """The usable SPXW rows of one session, as the file has them."""
    rows = pd.read_parquet(real_data / "spx-chain-2019-05.parquet")
    rows = rows[(rows["date"] == pd.Timestamp(SESSION)) & (rows["root"] == "SPXW")]
    rows = rows[(rows["ask"] > 0) & (rows["bid"] <= rows["ask"]) & (rows["bid"] >= 0)]
    rows = rows.assign(dte=(rows["expiry"] - rows["date"]).dt.days, right=rows["right"].str[0].str.upper())
    rows = rows[rows["dte"] > 0].drop_duplicates(["expiry", "right", "strike"])
    assert len(rows) > 3000
    return rows


@pytest.fixture(scope="module")
def chains(table, make_chain):
    columns = zip(table["expiry"].dt.date, table["right"], table["strike"], table["bid"], table["ask"], strict=True)
    price = float(table["underlying"].median())
    return {"SPX": make_chain([("SPXW", *row) for row in columns], session=SESSION, price=price, taken_at=TAKEN)}


def nearest(values, target):
    """The value with the least distance, the lower of two."""
    return min(sorted(values), key=lambda value: abs(value - target))


def expiry_near(table, right, days, after=0):
    there = table[(table["right"] == right) & (table["dte"] > after)]["dte"].unique()
    return nearest(there, days)


def side(table, days, right):
    return table[(table["dte"] == days) & (table["right"] == right)].set_index("strike").sort_index()


def deltas(table, days, right):
    """Absolute deltas by strike: vollib's implied volatility of the mid, on the forward of the closest pair."""
    from vollib.black.greeks.analytical import delta
    from vollib.black.implied_volatility import implied_volatility

    mids = {one: (frame["bid"] + frame["ask"]) / 2 for one in "CP" for frame in [side(table, days, one)]}
    gap = (mids["C"] - mids["P"]).dropna()
    strike = gap.abs().idxmin()
    forward, flag = strike + gap[strike], right.lower()
    expiry = (pd.Timestamp(SESSION) + pd.Timedelta(days=int(days))).date()
    tau = (datetime(expiry.year, expiry.month, expiry.day, 20, 0, tzinfo=UTC) - TAKEN).total_seconds() / (365 * 86_400)
    found = {}
    for one, mid in mids[right].items():
        sign = 1 if right == "C" else -1
        if max(sign * (forward - one), 0) < mid < (forward if right == "C" else one):
            volatility = implied_volatility(mid, forward, one, 0.0, tau, flag)
            found[one] = abs(delta(flag, forward, one, tau, 0.0, volatility))
    return pd.Series(found).dropna()


def by_delta(table, days, right, target):
    series = deltas(table, days, right)
    return (series - target).abs().sort_index().idxmin()


def picks(legs):
    return [
        (leg.ratio, (leg.contract.expiry - SESSION).days, str(leg.contract.right), float(leg.contract.strike)) for leg in legs
    ]


def test_straddle_on_a_real_chain_is_at_the_strike_nearest_to_the_index(table, chains):
    days = expiry_near(table, "C", 30)
    strike = nearest(side(table, days, "C").index, float(table["underlying"].median()))
    legs = Straddle(dte=30, moneyness=1.0).choose(chains, "SPX")
    assert picks(legs) == [(1, days, "P", strike), (1, days, "C", strike)]


@pytest.mark.parametrize("target", [0.1, 0.25])
def test_strangle_on_a_real_chain_has_the_deltas_of_vollib(target, table, chains):
    days = expiry_near(table, "C", 30)
    expected = [(1, days, right, by_delta(table, days, right, target)) for right in "PC"]
    assert picks(Strangle(dte=30, delta=target).choose(chains, "SPX")) == expected


def test_iron_condor_on_a_real_chain_is_what_pandas_selects(table, chains):
    days = expiry_near(table, "C", 21)
    low, high = by_delta(table, days, "P", 0.16), by_delta(table, days, "C", 0.16)
    puts, calls = side(table, days, "P").index, side(table, days, "C").index
    outer = nearest(puts[puts < low], low - 25), nearest(calls[calls > high], high + 25)
    assert picks(IronCondor(dte=21, delta=0.16, width=25).choose(chains, "SPX")) == [
        (1, days, "P", outer[0]),
        (1, days, "C", outer[1]),
        (-1, days, "P", low),
        (-1, days, "C", high),
    ]


def test_butterfly_on_a_real_chain_counts_the_strikes_that_are_quoted(table, chains):
    days = expiry_near(table, "P", 14)
    strikes = side(table, days, "P").index.to_numpy()
    place = int(np.flatnonzero(strikes == nearest(strikes, float(table["underlying"].median())))[0])
    legs = Butterfly(right=Right.PUT, dte=14, moneyness=1.0, width_strikes=4).choose(chains, "SPX")
    assert picks(legs) == [
        (1, days, "P", strikes[place - 4]),
        (1, days, "P", strikes[place + 4]),
        (-2, days, "P", strikes[place]),
    ]


def test_calendar_and_diagonal_on_a_real_chain_are_what_pandas_selects(table, chains):
    near = expiry_near(table, "C", 20)
    far = expiry_near(table, "C", 75, after=near)
    shared = side(table, near, "C").index.intersection(side(table, far, "C").index)
    strike = nearest(shared, 1.01 * float(table["underlying"].median()))
    legs = Calendar(right=Right.CALL, dte=20, far_dte=75, moneyness=1.01).choose(chains, "SPX")
    assert picks(legs) == [(1, far, "C", strike), (-1, near, "C", strike)]
    bought = by_delta(table, far, "C", 0.7)
    further = deltas(table, near, "C").loc[lambda series: series.index > bought]
    legs = Diagonal(right=Right.CALL, dte=20, far_dte=75, delta=0.7, wing_delta=0.3).choose(chains, "SPX")
    assert picks(legs) == [(1, far, "C", bought), (-1, near, "C", (further - 0.3).abs().sort_index().idxmin())]
