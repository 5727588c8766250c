"""A change leaves what may be known as it is, to the last bit, and makes what follows other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.lookahead.conftest import SPEC

from optarb.lookahead._changes import BAR_COLUMNS, REARRANGED, Change, Source, changed_bars, changed_chains
from optarb.lookahead._material import gather
from optarb.lookahead._synthetic import synthetic_desk


@pytest.fixture(scope="module")
def material():
    return gather(synthetic_desk(0), SPEC)


def columns(bars):
    return np.column_stack([getattr(bars, name) for name in BAR_COLUMNS])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", REARRANGED)
def test_bars_when_rearranged_then_known_rows_stay_and_every_later_one_changes(material, name, seed):
    bars = material.bars["SPX"]
    through = bars.dates[-10]

    other = changed_bars(bars, Change(name=name, seed=seed), through, session=None)

    assert columns(other)[:-9].tobytes() == columns(bars)[:-9].tobytes()
    assert other.dates == bars.dates
    later = columns(other)[-9:], columns(bars)[-9:]
    same = (later[0] == later[1]).all(axis=1)
    assert same.sum() <= (name == "shuffle")  # a permutation may leave a row where it was
    if name in {"shuffle", "shift"}:
        assert np.array_equal(np.sort(later[0], axis=0), np.sort(later[1], axis=0))
    if name == "nan":
        assert np.isnan(later[0]).all()
    else:
        assert other.checked() is other


@pytest.mark.parametrize("name", ["cut", "memory"])
def test_bars_when_cut_off_then_the_sessions_own_bar_repeats_the_one_before(material, name):
    bars = material.bars["SPX"]

    other = changed_bars(bars, Change(name=name), bars.dates[-10], session=bars.dates[-9])
    bare = changed_bars(bars, Change(name=name), bars.dates[-10], session=None)

    assert columns(other)[:-1].tobytes() == columns(bare).tobytes() == columns(bars)[:-9].tobytes()
    assert other.dates == bars.dates[:-8]
    assert (columns(other)[-1] == columns(bars)[-10]).all()
    assert (bare.close.base is not None and len(bare.close.base) > len(bare)) == (name == "memory")


def test_bars_when_one_column_is_changed_from_a_session_on_then_no_other_and_nothing_before(material):
    bars = material.bars["SPX"]
    change = Change(name="replace", only=Source("SPX", "bars", "low"), first=bars.dates[-3])

    other = changed_bars(bars, change, bars.dates[-10], session=None)

    assert (columns(other) != columns(bars)).sum(axis=0).tolist() == [0, 0, 3, 0, 0]
    assert (other.low[-3:] != bars.low[-3:]).all()
    assert columns(changed_bars(material.bars["SPY"], change, bars.dates[-10], session=None)).tobytes() == (
        columns(material.bars["SPY"]).tobytes()
    )


@pytest.mark.parametrize("name", [*REARRANGED, "cut", "memory"])
def test_chains_when_changed_then_known_sessions_stay_and_later_ones_do_not(material, name):
    table = material.chains["SPX"]
    dates = table.sessions.tolist()

    other = changed_chains(table, Change(name=name), dates[-5])

    for day in dates[:-4]:
        ours, theirs = other.chain(day), table.chain(day)
        assert ours.bids.tobytes() == theirs.bids.tobytes()
        assert ours.asks.tobytes() == theirs.asks.tobytes()
        assert ours.underlying_price == theirs.underlying_price
        assert ours.expiries.tolist() == theirs.expiries.tolist()
    for day in dates[-4:]:
        later = other.chain(day)
        assert later is None if name in {"cut", "memory"} else later.bids.tobytes() != table.chain(day).bids.tobytes()
    assert (other.chain(dates[0])._bids.base.size > other.offsets[-1]) == (name == "memory")
    if name == "replace":
        assert (other.bids <= other.asks).all()


def test_chains_when_the_underlyings_price_alone_is_changed_then_quotes_stay(material):
    table = material.chains["SPX"]
    change = Change(name="replace", only=Source("SPX", "chain", "underlying_price"))

    other = changed_chains(table, change, table.sessions.tolist()[-5])

    assert (other.underlying_prices != table.underlying_prices).tolist() == [False] * (len(table.sessions) - 4) + [True] * 4
    assert dataclasses.replace(other, underlying_prices=table.underlying_prices).bids is table.bids


def test_market_when_changed_then_a_view_shows_the_same_and_the_market_does_not(material):
    session = material.sessions[-6]
    true, other = material.market(), material.changed(Change(name="replace"), session)

    for symbol in ("SPX", "SPY"):
        assert columns(true.view(session).bars(symbol)).tobytes() == columns(other.view(session).bars(symbol)).tobytes()
        assert true.view(session).chain(symbol).bids.tobytes() == other.view(session).chain(symbol).bids.tobytes()
        assert true.close(symbol, session) != other.close(symbol, session)
        later = material.sessions[-5]
        assert true.view(later).chain(symbol).bids.tobytes() != other.view(later).chain(symbol).bids.tobytes()
