from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest
from tests.engine.seam import Chains

from optarb.engine.features import FeatureTable, compute_indicator
from optarb.engine.market import Market
from optarb.indicators import named
from optarb.testing import FakeCalendar, fake_bars, fake_chain

FIRST, SECOND, THIRD = date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)
ROWS = [(date(2024, 6, 28), "C", 5000.0, 100.0, 101.0)]


def chain(session, *, spot=None, hour=20, symbol="SPX"):
    taken = datetime(session.year, session.month, session.day, hour, tzinfo=UTC)
    return fake_chain(ROWS, symbol=symbol, session=session, spot=spot, taken_at=taken)


def market(chains, *, same_session=False, without=()):
    """Closes of 5,000 on Friday, then 5,010, 5,020 and 5,030."""
    bars = fake_bars([5000.0, 5010.0, 5020.0, 5030.0], last=THIRD)
    keep = [i for i, day in enumerate(bars.dates) if day not in without]
    columns = {name: getattr(bars, name)[keep] for name in ("sessions", "open", "high", "low", "close", "volume")}
    bars = type(bars)(symbol="SPX", **columns)
    symbols = sorted({"SPX", *chains})
    return Market(
        sessions=(FIRST, SECOND, THIRD),
        previous={FIRST: date(2024, 5, 31), SECOND: FIRST, THIRD: SECOND},
        bars=dict.fromkeys(symbols, bars),
        features=dict.fromkeys(symbols, FeatureTable(resolve=named, load=lambda one: compute_indicator(one, bars))),
        chains={symbol: Chains(by_session) for symbol, by_session in chains.items()},
        calendar=FakeCalendar(),
        same_session=same_session,
    )


@pytest.mark.parametrize(("same_session", "closes"), [(False, [5000.0, 5010.0]), (True, [5000.0, 5010.0, 5020.0])])
def test_view_when_cut_then_bars_end_at_the_session_before_or_at_the_session(same_session, closes):
    view = market({"SPX": {}}, same_session=same_session).view(SECOND)
    assert view.bars("SPX").close.tolist() == closes
    assert view.bars_through == (SECOND if same_session else FIRST)
    assert view.session == SECOND


def test_view_when_same_session_then_the_close_fills_a_price_that_the_source_has_not():
    shown = market({"SPX": {FIRST: chain(FIRST), SECOND: chain(SECOND, spot=5021.5)}}, same_session=True)
    assert shown.view(FIRST).chain("SPX").underlying_price == 5010.0
    assert shown.view(SECOND).chain("SPX").underlying_price == 5021.5


def test_view_when_previous_session_then_an_unknown_price_stays_unknown():
    """The session's own close is not known when its chain was taken."""
    shown = market({"SPX": {FIRST: chain(FIRST)}})
    assert math.isnan(shown.view(FIRST).chain("SPX").underlying_price)


def test_view_when_chains_were_taken_at_several_times_then_it_is_of_the_last():
    shown = market({"SPX": {FIRST: chain(FIRST, hour=19)}, "SPY": {FIRST: chain(FIRST, hour=20, symbol="SPY")}})
    assert shown.view(FIRST).at == datetime(2024, 6, 3, 20, tzinfo=UTC)


def test_view_when_it_is_not_known_when_a_chain_was_taken_then_it_is_of_the_opening():
    """09:30 in New York; and so it is without a chain."""
    untimed = chain(FIRST, symbol="SPY")
    untimed.taken_at = None
    shown = market({"SPX": {FIRST: chain(FIRST)}, "SPY": {FIRST: untimed}})
    opening = datetime(2024, 6, 3, 13, 30, tzinfo=UTC)
    assert shown.view(FIRST).at == opening
    assert market({"SPX": {}}).view(FIRST).at == opening


def test_view_when_the_session_has_no_bar_then_it_has_no_chain():
    shown = market({"SPX": {SECOND: chain(SECOND)}}, without=(SECOND,))
    assert shown.view(SECOND).chain("SPX") is None
    assert math.isnan(shown.close("SPX", SECOND))
    assert math.isnan(shown.open("SPX", SECOND))
    assert market({"SPX": {SECOND: chain(SECOND)}}).view(SECOND).chain("SPX") is not None


def test_view_at_cutoff_when_cut_then_after_the_close_with_its_bar_and_without_chains():
    view = market({"SPX": {SECOND: chain(SECOND)}}).view_at_cutoff(SECOND)
    assert (view.session, view.bars_through) == (SECOND, SECOND)
    assert view.at == datetime(2024, 6, 4, 20, tzinfo=UTC)
    assert view.bars("SPX").close.tolist() == [5000.0, 5010.0, 5020.0]
    assert view.chain("SPX") is None


def test_open_and_close_when_asked_then_those_of_the_bar():
    shown = market({})
    assert (shown.open("SPX", SECOND), shown.close("SPX", SECOND)) == (5010.0, 5020.0)
    assert math.isnan(shown.close("SPX", date(2024, 6, 1)))
    assert math.isnan(shown.close("SPX", date(2025, 6, 1)))


@pytest.mark.parametrize(
    ("day", "session"),
    [(SECOND, SECOND), (date(2024, 6, 8), THIRD), (date(2024, 6, 3), FIRST), (date(2024, 1, 1), FIRST)],
)
def test_last_session_by_when_asked_then_the_last_not_after_the_day(day, session):
    assert market({}).last_session_by(day) == session
