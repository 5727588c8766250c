from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optarb.engine.features import FeatureTable, compute_indicator
from optarb.engine.view import ExpertView, View
from optarb.errors import UnknownName
from optarb.indicators import named
from optarb.testing import fake_bars, fake_chain, fake_view

COLUMNS = ("sessions", "open", "high", "low", "close", "volume")
BARS = fake_bars([float(i) for i in range(1, 21)], last=date(2024, 6, 7))
VIX = fake_bars([float(i) for i in range(101, 111)], symbol="VIX", last=date(2024, 6, 7))


def table(bars):
    return FeatureTable(resolve=named, load=lambda one: compute_indicator(one, bars))


@pytest.fixture
def view():
    """Tuesday the 4th, with bars through the 3rd: 16 of 20, and 6 of 10."""
    return View(
        at=datetime(2024, 6, 4, 20, tzinfo=UTC),
        session=date(2024, 6, 4),
        bars_through=date(2024, 6, 3),
        bars={"SPX": BARS, "VIX": VIX},
        features={"SPX": table(BARS), "VIX": table(VIX)},
        chains={"SPX": fake_chain(session=date(2024, 6, 4))},
        underlyings=("SPX", "SPY"),
    )


@pytest.fixture
def seen(view):
    return ExpertView(underlying="SPX", model=None, view=view, once_by_key=lambda key, call: key.encode() + call())


# -- bars ----------------------------------------------------------------------------------------------------------------


def test_bars_when_asked_then_they_end_at_bars_through(view):
    assert view.bars("SPX").close.tolist() == [float(i) for i in range(1, 17)]
    assert view.bars("SPX").dates[-1] == view.bars_through
    assert view.bars("VIX").close.tolist() == [101.0, 102.0, 103.0, 104.0, 105.0, 106.0]


@pytest.mark.parametrize(("n", "closes"), [(1, [16.0]), (3, [14.0, 15.0, 16.0]), (16, 16), (17, 16), (999, 16)])
def test_bars_when_the_newest_are_asked_then_at_most_those(view, n, closes):
    found = view.bars("SPX", n)
    assert found.close.tolist() == ([float(i) for i in range(1, closes + 1)] if isinstance(closes, int) else closes)
    assert found.symbol == "SPX"


@pytest.mark.parametrize("n", [0, -1])
def test_bars_when_none_are_asked_then_refused(view, n):
    with pytest.raises(ValueError, match=f"n must be at least 1 or None, got {n}"):
        view.bars("SPX", n)


@pytest.mark.parametrize("n", [None, 1, 5, 16])
def test_bars_when_their_memory_is_searched_then_nothing_later_is_in_it(view, n):
    found = view.bars("SPX", n)
    for name in COLUMNS:
        column = getattr(found, name)
        while column.base is not None:
            column = column.base
        assert column.nbytes == len(found) * 8
        assert not np.shares_memory(column, getattr(BARS, name))


def test_bars_when_written_to_then_the_next_caller_sees_them_untouched(view):
    view.bars("SPX").close[:] = -1.0
    assert view.bars("SPX").close.min() == 1.0


@pytest.mark.parametrize("ask", [lambda one: one.bars("SXP"), lambda one: one.feature("rsi_14", "SXP")])
def test_symbol_when_unknown_then_the_nearest_is_suggested(view, ask):
    with pytest.raises(UnknownName, match="unknown symbol 'SXP'; did you mean 'SPX'"):
        ask(view)


def test_visible_when_there_are_no_bars_yet_then_zero():
    early = View(
        at=datetime(2024, 5, 13, 20, tzinfo=UTC),
        session=date(2024, 5, 13),
        bars_through=date(2024, 5, 10),
        bars={"SPX": BARS},
        features={"SPX": table(BARS)},
        chains={},
        underlyings=("SPX",),
    )
    assert early.visible("SPX") == 0
    assert len(early.bars("SPX")) == 0
    assert len(early.bars("SPX", 3)) == 0
    assert math.isnan(early.feature("sma_2", "SPX"))


# -- features ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("back", "value"), [(0, 15.5), (1, 14.5), (14, 1.5)])
def test_feature_when_further_back_then_as_it_was_then(view, back, value):
    """Means of two of the closes 1, 2 ... 16."""
    assert view.feature("sma_2", "SPX", back) == value
    assert isinstance(view.feature("sma_2", "SPX", back), float)


@pytest.mark.parametrize("back", [15, 16, 999])
def test_feature_when_in_warm_up_or_before_the_first_bar_then_nan(view, back):
    assert math.isnan(view.feature("sma_2", "SPX", back))


def test_feature_when_of_another_symbol_then_of_its_own_bars(view):
    assert view.feature("sma_2", "VIX") == 105.5


@pytest.mark.parametrize("back", [-1, -16])
def test_feature_when_it_would_lie_ahead_then_refused(view, back):
    with pytest.raises(ValueError, match=f"back must be zero or more, got {back}; a view has no later values"):
        view.feature("sma_2", "SPX", back)


def test_feature_when_unknown_then_the_name_is_in_the_error(view):
    with pytest.raises(UnknownName, match="rsi14"):
        view.feature("rsi14", "SPX")


# -- chains and instants -------------------------------------------------------------------------------------------------


def test_chain_when_asked_then_by_underlying_or_none(view):
    assert view.chain("SPX").session == date(2024, 6, 4)
    assert view.chain("SPY") is None


@pytest.mark.parametrize("symbol", ["VIX", "SPXW"])
def test_chain_when_no_underlying_then_unknown(view, symbol):
    with pytest.raises(UnknownName, match=f"unknown underlying '{symbol}'"):
        view.chain(symbol)


def test_view_when_the_instant_is_naive_then_refused():
    with pytest.raises(ValueError, match="aware"):
        fake_view(at=datetime(2024, 6, 3, 20))  # noqa: DTZ001 - naive on purpose


# -- an expert's view ----------------------------------------------------------------------------------------------------


def test_expert_view_when_no_symbol_is_named_then_the_underlying(seen, view):
    assert seen.bars().close.tolist() == view.bars("SPX").close.tolist()
    assert seen.bars(n=2).close.tolist() == [15.0, 16.0]
    assert seen.bars("VIX", 1).close.tolist() == [106.0]
    assert (seen.feature("sma_2"), seen.feature("sma_2", "VIX"), seen.feature("sma_2", back=1)) == (15.5, 105.5, 14.5)
    assert seen.chain() is view.chain("SPX")
    assert seen.chain("SPY") is None
    assert (seen.at, seen.session, seen.bars_through) == (view.at, view.session, view.bars_through)


def test_expert_view_when_a_call_is_made_then_through_what_the_engine_gave(seen):
    assert seen.once("key", lambda: b"-reply") == b"key-reply"
