"""The demo data against the package's own loaders."""

from __future__ import annotations

import importlib.util
import warnings
from datetime import date

import numpy as np
import pytest

from optarb.errors import BadData, MissingExtra
from optarb.market_data import ArchMarketData, demo_market_data


@pytest.fixture(scope="module")
def published():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from arch.data import sp500, vix

        return sp500.load(), vix.load()


def test_bars_when_the_index_is_asked_for_are_those_of_the_package(published):
    bars, frame = ArchMarketData().bars("SPX").checked(), published[0]
    assert len(bars) == len(frame) == 5031
    assert (bars.sessions == frame.index.to_numpy().astype("datetime64[D]")).all()
    for ours, theirs in (("open", "Open"), ("high", "High"), ("low", "Low"), ("close", "Close"), ("volume", "Volume")):
        np.testing.assert_allclose(getattr(bars, ours), frame[theirs].to_numpy(), atol=0.00501)


def test_bars_when_the_volatility_index_is_asked_for_leave_out_holidays(published):
    bars, closes = ArchMarketData().bars("VIX").checked(), published[1]["vix"].dropna()
    assert len(bars) == len(closes) == len(published[1]) - 46
    assert bars.close.tolist() == closes.to_list()
    assert bars.open.tolist() == bars.high.tolist() == bars.low.tolist() == bars.close.tolist()
    assert not bars.volume.any()
    assert set(bars.sessions[:-2].tolist()) <= set(ArchMarketData().bars("SPX").sessions.tolist())


def test_bars_when_a_caller_writes_into_them_stay_as_they_are():
    ArchMarketData().bars("SPX").close[:] = 0.0
    assert ArchMarketData().bars("SPX").close[0] == 1228.1


def test_source_when_asked_for_what_it_has_not_says_so():
    source = ArchMarketData()
    with pytest.raises(BadData, match="'SPY'"):
        source.bars("SPY")
    with pytest.raises(BadData, match="ModelledOptions"):
        source.chains("SPX", date(2018, 1, 1), date(2018, 1, 31))
    with pytest.raises(BadData, match="ModelledOptions"):
        source.fingerprint("SPX", "quotes")


def test_source_when_the_package_is_not_installed_names_the_extra(monkeypatch):
    monkeypatch.setattr("optarb.market_data.demo.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"optarb\[demo\]"):
        ArchMarketData().fingerprint("SPX", "bars")
    assert importlib.util.find_spec("arch") is not None


def test_demo_when_asked_for_a_year_quotes_every_session():
    data = demo_market_data()
    tables = list(data.chains("SPX", date(2014, 1, 1), date(2014, 12, 31)))
    sessions = {day for table in tables for day in table.sessions.tolist()}
    assert len(sessions) == 251  # 252 sessions of 2014 less 01-02, for which the package has no VIX
    assert all(table.modelled for table in tables)
    assert date(2014, 4, 17) in {day for table in tables for day in table.expiries.tolist()}  # Good Friday is 04-18
    assert data.fingerprint("SPX", "quotes") == demo_market_data().fingerprint("SPX", "quotes")
