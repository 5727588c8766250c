"""The path made of daily data, by hand, and a historical day replayed on it through the whole live day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from tests.trading.rig import MONDAY, at

from optarb.brokers.simulated_account import SimulatedAccount
from optarb.desk import Desk
from optarb.domain.contracts import Right
from optarb.domain.signals import Signal
from optarb.errors import BadData
from optarb.ledger.rows import TABLES
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.strategy import Strategy
from optarb.structures import CallPair, Vertical
from optarb.testing import FakeCalendar, FakeMarketData, ScriptedExpert, fake_bars, fake_chain
from optarb.testing.memory_trading_store import MemoryTradingStore
from optarb.trading.clocks import SimulatedClock
from optarb.trading.day_spec import DaySpec
from optarb.trading.replay_path import DayCourse, PathFeed, high_comes_first
from optarb.trading.running import run_day

COURSE = DayCourse(open=5000.0, high=5060.0, low=4940.0, close=5030.0, volatility_open=15.0, volatility_close=16.5)
TENTH = DayCourse(open=500.0, high=506.0, low=494.0, close=503.0, volatility_open=15.0, volatility_close=16.5)


def feed_of(order="by_date", *, courses=None, taken="16:00"):
    chains = {
        symbol: fake_chain(symbol=symbol, session=MONDAY, spot=spot, taken_at=at(taken))
        for symbol, spot in (("SPX", 5030.0), ("SPY", 503.0))
    }
    courses = courses or {"SPX": COURSE, "SPY": TENTH}
    return PathFeed(chains, courses, opens_at=at("09:30"), closes_at=at("16:00"), order=order), chains


# A session of 6 1/2 hours: its thirds are 11:40 and 13:50.
HIGH_FIRST = [
    ("09:30", 5000),
    ("09:35", 5000),
    ("11:40", 5060),
    ("12:45", 5000),
    ("13:50", 4940),
    ("14:55", 4985),
    ("16:00", 5030),
]


@pytest.mark.parametrize(("clock", "expected"), HIGH_FIRST)
def test_spot_when_high_first_then_straight_lines_between_the_corners(clock, expected):
    feed, _ = feed_of("high_first")
    assert feed.spot("SPX", at(clock)) == pytest.approx(expected, abs=1e-9)
    assert feed.spot("SPY", at(clock)) == pytest.approx(expected / 10, abs=1e-9)


def test_spot_when_low_first_then_the_extremes_change_places():
    feed, _ = feed_of("low_first")
    assert [feed.spot("SPX", at(clock)) for clock in ("11:40", "13:50")] == pytest.approx([4940, 5060])


@pytest.mark.parametrize(("day", "tail"), [(3, "9f"), (4, "31"), (5, "dd"), (7, "28")])
def test_order_when_by_date_then_by_the_parity_of_the_digest(day, tail):
    """The last two digits that the command sha256sum prints for 2024-06-03, -04, -05 and -07."""
    assert high_comes_first(date(2024, 6, day)) == (int(tail, 16) % 2 == 0)


def test_chain_when_asked_at_its_own_instant_then_its_own_quotes():
    """At the close the path is where the chain was taken, so repricing gives the chain back, to a tick of rounding."""
    feed, chains = feed_of()
    again = feed.chain("SPX", at("16:00"))
    own = chains["SPX"]
    assert len(again) == len(own)
    assert again.modelled
    assert again.taken_at == at("16:00")
    wide = own.bids > 5  # below that, the increments are a large part of the price
    assert abs(again.bids - own.bids)[wide].max() <= 0.2
    assert abs(again.asks - own.asks)[wide].max() <= 0.2


def test_chain_when_the_underlying_is_lower_then_calls_are_cheaper_and_puts_dearer():
    feed, _ = feed_of("low_first")
    low, close = feed.chain("SPX", at("11:40")), feed.chain("SPX", at("16:00"))
    assert low.underlying_price == pytest.approx(4940)
    near = abs(close.strikes - 5000) < 60
    assert (low.asks < close.asks)[near & close.calls].all()
    assert (low.asks > close.asks)[near & ~close.calls].all()


def test_chain_when_before_the_open_then_none_and_after_the_close_that_of_the_close():
    feed, _ = feed_of()
    assert feed.chain("SPX", at("09:29")) is None
    assert feed.underlying_price("SPX", at("09:29")) is None
    assert feed.chain("SPX", at("16:10")).taken_at == at("16:00")
    assert feed.underlying_price("SPX", at("16:10")) == Decimal("5030.0000")


@pytest.mark.parametrize("changes", [{"low": 5010.0}, {"high": 5020.0}, {"close": float("nan")}, {"volatility_open": 0.0}])
def test_course_when_impossible_then_refused(changes):
    fields = {"open": 5000.0, "high": 5060.0, "low": 4940.0, "close": 5030.0, **changes}
    with pytest.raises(BadData, match="a course needs"):
        DayCourse(**fields)


def test_feed_when_a_chain_has_no_course_then_refused():
    with pytest.raises(BadData, match="'SPY' has no course"):
        feed_of(courses={"SPX": COURSE})


STRUCTURES = {
    "vertical": (Vertical(right=Right.CALL, width=50.0, dte=25, moneyness=1.0), ("SPX",)),
    "pair": (CallPair(dte=25, moneyness=1.0), ("SPX", "SPY")),
}


@pytest.mark.parametrize(("structure", "symbols"), STRUCTURES.values(), ids=STRUCTURES)
def test_day_when_replayed_on_the_path_then_traded_and_the_same_again(structure, symbols):
    signal = Signal.bullish(structure, confidence=0.9, reasons=["up"])
    strategy = Strategy(
        name="replayed",
        underlyings=symbols,
        experts={"one": ScriptedExpert(signals={MONDAY: signal}, underlying="SPX")},
        policy=RiskPolicy(),
        exits=ExitRules(profit_target=0.5, credit_profit_target=None, stop_loss=-0.35, max_hold_sessions=None),
    )
    bars = {"SPX": [5000.0] * 30, "SPY": [500.0] * 30}
    data = FakeMarketData(bars_by_symbol={one: fake_bars(bars[one], symbol=one) for one in symbols})
    desk = Desk(strategies=[strategy], market_data=data, calendar=FakeCalendar())
    digests = []
    for _ in range(2):
        store, account = MemoryTradingStore(), SimulatedAccount()
        spec = DaySpec(strategy="replayed", account="replay", capital=Decimal(250_000))
        feed, _ = feed_of("low_first")
        clock = SimulatedClock(at("09:30"))
        result = run_day(spec, desk, broker=account, store=store, feed=feed, clock=clock, owner="one")
        assert result.outcome == "traded"
        digests.append([store.rows(spec.book_id, table) for table in TABLES])
        assert store.outbox() == []
        assert all(row[11] == 1 for row in store.rows(spec.book_id, "fills"))
        assert [row[3] for row in store.rows(spec.book_id, "exits")] == ["stop_loss"]
    assert digests[0] == digests[1]
