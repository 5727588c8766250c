"""Bars of one symbol made from those of another."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from optarb.market_data import ArchMarketData, ScaledBars, demo_pair_market_data
from optarb.testing import FakeMarketData, fake_bars, fake_quote_rows, fake_quotes

DAY = date(2024, 6, 3)


def source(closes=(5003.14, 4999.96, 5000.14)):
    quotes = fake_quotes({DAY: fake_quote_rows(5000.0, session=DAY)})
    bars = {"SPX": fake_bars(closes), "VIX": fake_bars([15.0, 16.0, 17.0], symbol="VIX"), "SPY": fake_bars([1.0] * 3)}
    return FakeMarketData(bars_by_symbol=bars, quotes_by_symbol={"SPX": quotes})


def test_bars_when_scaled_then_a_tenth_to_the_cent_without_volume():
    bars = ScaledBars(data=source()).bars("SPY").checked()
    assert bars.symbol == "SPY"
    assert bars.close.tolist() == [500.31, 500.0, 500.01]
    assert bars.sessions.tolist() == source().bars("SPX").sessions.tolist()
    assert not bars.volume.any()


def test_bars_when_of_another_symbol_then_passed_on():
    scaled = ScaledBars(data=source())
    assert scaled.bars("VIX").close.tolist() == [15.0, 16.0, 17.0]
    assert scaled.fingerprint("VIX", "bars") == source().fingerprint("VIX", "bars")
    assert scaled.fingerprint("SPX", "quotes") == source().fingerprint("SPX", "quotes")
    assert len(list(scaled.chains("SPX", DAY, DAY))) == 1


def test_fingerprint_when_source_factor_or_symbol_differ_then_another():
    plain = ScaledBars(data=source())
    others = [
        ScaledBars(data=source((5003.14, 4999.96, 5001.05))),
        ScaledBars(data=source(), factor=0.2),
        ScaledBars(data=source(), source="VIX"),
    ]
    assert plain.fingerprint("SPY", "bars") == ScaledBars(data=source()).fingerprint("SPY", "bars")
    assert len({each.fingerprint("SPY", "bars") for each in (plain, *others)}) == 4
    assert ScaledBars(data=source(), symbol="XSP").fingerprint("XSP", "bars") != plain.fingerprint("SPY", "bars")


def test_bars_when_a_caller_writes_into_them_then_the_source_stays():
    data = source()
    ScaledBars(data=data).bars("SPY").close[:] = 0.0
    assert data.bars("SPX").close[0] == 5003.14


@pytest.mark.parametrize("factor", [0.0, -0.1, math.inf, math.nan])
def test_factor_when_it_makes_no_sense_then_refused(factor):
    with pytest.raises(ValueError, match="factor must be positive and finite"):
        ScaledBars(data=source(), factor=factor)


def test_symbols_when_equal_then_refused():
    with pytest.raises(ValueError, match="symbol and source must differ, both are 'SPX'"):
        ScaledBars(data=source(), symbol="SPX")


def test_demo_pair_when_read_then_both_chains_are_modelled_and_share_expiries():
    data, last = demo_pair_market_data(), date(2018, 12, 3)
    (spx,), (spy,) = data.chains("SPX", last, last), data.chains("SPY", last, last)
    assert (spx.modelled, spy.modelled) == (True, True)
    assert (spx.roots, spy.roots) == (("SPXW",), ("SPY",))
    assert set(spx.expiries.tolist()) == set(spy.expiries.tolist())
    # SPX closed at 2,790.37: SPY at 279.04, strikes a dollar apart.
    assert ArchMarketData().bars("SPX").between(last, last).close.tolist() == [2790.37]
    assert set(spy.underlying_prices.tolist()) == {279.04}
    assert np.unique(np.diff(np.unique(spy.strikes))).tolist() == [1.0]
