"""Modelled options: prices against vollib, parity, increments, expiries and time of day."""

from __future__ import annotations

import dataclasses
import math
import pickle
from dataclasses import dataclass
from datetime import date

import numpy as np
import pytest
from vollib.black import black

from optarb.domain.bars import Bars
from optarb.errors import BadData
from optarb.market_data import ModelledOptions

SESSIONS = np.arange("2019-03-18", "2019-05-04", dtype="datetime64[D]")
SESSIONS = SESSIONS[np.is_busday(SESSIONS, holidays=["2019-04-19"])]  # Good Friday


@dataclass(frozen=True, kw_only=True)
class FakeBars:
    """Bars of an underlying that rises by a point a session, and of an index between 10 and 30."""

    skip_index: str = ""

    def fingerprint(self, symbol, kind):
        return f"{symbol} {kind} {self.skip_index}"

    def bars(self, symbol):
        n = np.arange(float(len(SESSIONS)))
        close = {"SPX": 2800.0 + n, "SPY": 280.0 + n / 10, "VIX": 10.0 + n % 20, "CHEAP": 30.0 + n}[symbol]
        keep = np.ones(len(n), bool)
        if symbol == "VIX" and self.skip_index:
            keep = np.datetime64(self.skip_index) != SESSIONS
        columns = {"open": close - 0.5, "high": close + 1, "low": close - 1, "close": close, "volume": n}
        return Bars(symbol=symbol, sessions=SESSIONS[keep], **{name: column[keep] for name, column in columns.items()})

    def chains(self, symbol, start, end):
        raise AssertionError("the bars are all that is asked for")


def quotes(start="2019-03-18", end="2019-05-03", **parameters):
    source = ModelledOptions(data=FakeBars(), **parameters)
    return list(source.chains(source.underlying, date.fromisoformat(start), date.fromisoformat(end)))


def test_chains_when_flat_lie_around_vollib_prices_rounded_outward():
    (table,) = quotes("2019-04-10", "2019-04-10", skew=0.0, rate=0.02, dividend_yield=0.015, spread_fraction=0.02, level=1.1)
    row = int(np.flatnonzero(np.datetime64("2019-04-10") == SESSIONS)[0])
    spot, volatility = 2800.0 + row, 1.1 * (10.0 + row % 20) / 100
    for i in range(len(table)):
        tau = (table.expiries[i] - table.sessions[i]).astype(int) / 365
        flag = "c" if table.calls[i] else "p"
        forward = spot * math.exp((0.02 - 0.015) * tau)
        price = black(flag, forward, table.strikes[i], tau, 0.02, volatility)
        half = max(0.02 * price, 0.10) / 2
        assert table.bids[i] <= max(price - half, 0.0) + 1e-9
        assert table.asks[i] >= price + half - 1e-9
        assert table.bids[i] > price - half - 0.1 - 1e-9
        assert table.asks[i] < price + half + 0.1 + 1e-9
    assert set(table.underlying_prices) == {spot}


def test_chains_when_skewed_follow_the_stated_formula():
    (table,) = quotes("2019-04-10", "2019-04-10", skew=-0.15, term=0.1, spread_fraction=0.0, spread_minimum=0.0)
    row = int(np.flatnonzero(np.datetime64("2019-04-10") == SESSIONS)[0])
    spot, level = 2800.0 + row, (10.0 + row % 20) / 100
    for i in range(0, len(table), 5):
        tau = (table.expiries[i] - table.sessions[i]).astype(int) / 365
        z = math.log(table.strikes[i] / spot) / (level * math.sqrt(tau))
        volatility = level * (tau * 365 / 30) ** 0.1 * (1 - 0.15 * 4 * math.tanh(z / 4))
        price = black("c" if table.calls[i] else "p", spot, table.strikes[i], tau, 0.0, volatility)
        assert table.bids[i] - 1e-9 <= price <= table.asks[i] + 1e-9
        assert table.asks[i] - table.bids[i] < 0.1 + 1e-9


@pytest.mark.parametrize(("underlying", "root", "step"), [("SPX", "SPXW", 25.0), ("SPY", "SPY", 1.0)])
def test_chains_when_priced_leave_no_arbitrage(underlying, root, step):
    for table in quotes(underlying=underlying, root=root, strike_step=step):
        shape = (-1, 6, 2, 21)
        bids, asks, strikes = (column.reshape(shape) for column in (table.bids, table.asks, table.strikes))
        assert (bids >= 0).all()
        assert (asks > bids).all()
        # Dearer calls at lower strikes, dearer puts at higher ones; and no bid above the ask of a better contract.
        assert (bids[:, :, 0, 1:] <= asks[:, :, 0, :-1]).all()
        assert (np.diff(bids[:, :, 0]) <= 0).all()
        assert (np.diff(asks[:, :, 0]) <= 0).all()
        assert (np.diff(bids[:, :, 1]) >= 0).all()
        assert (np.diff(asks[:, :, 1]) >= 0).all()
        # Put-call parity at zero rates: the synthetic forward brackets the price of the underlying.
        spot = table.underlying_prices.reshape(shape)[:, :, 0]
        assert (bids[:, :, 0] - asks[:, :, 1] + strikes[:, :, 0] <= spot + 1e-9).all()
        assert (asks[:, :, 0] - bids[:, :, 1] + strikes[:, :, 0] >= spot - 1e-9).all()
        # No butterfly can be bought for less than nothing.
        wings = asks[:, :, 0, :-2] + asks[:, :, 0, 2:] - 2 * bids[:, :, 0, 1:-1]
        assert (wings >= 0).all()


def test_chains_when_index_options_are_on_five_and_ten_cents_and_shares_on_one():
    for table in quotes():
        cents = np.rint(np.concatenate((table.bids, table.asks)) * 100).astype(int)
        np.testing.assert_allclose(np.concatenate((table.bids, table.asks)) * 100, cents, atol=1e-9)
        assert (cents % np.where(cents < 300, 5, 10) == 0).all()
    shares = np.concatenate([table.asks for table in quotes(underlying="SPY", root="SPY", strike_step=1.0)])
    assert (np.rint(shares * 100).astype(int) % 5 != 0).any()


def test_chains_when_friday_is_a_holiday_expire_the_session_before():
    (table,) = quotes("2019-04-10", "2019-04-10", expiries=3)
    assert sorted(set(table.expiries.tolist())) == [date(2019, 4, 12), date(2019, 4, 18), date(2019, 4, 26)]


def test_chains_when_after_the_last_bar_expire_on_fridays():
    (table,) = quotes("2019-05-03", "2019-05-03", expiries=2)
    assert sorted(set(table.expiries.tolist())) == [date(2019, 5, 10), date(2019, 5, 17)]


def test_chains_when_taken_at_the_close_leave_out_what_expires_today_and_at_the_open_do_not():
    friday = ("2019-04-12", "2019-04-12")
    (at_close,), (at_open,) = quotes(*friday, expiries=2), quotes(*friday, expiries=2, snapshot="open")
    assert at_close.expiries.min().item() == date(2019, 4, 18)
    assert at_open.expiries.min().item() == date(2019, 4, 12)
    assert set(at_close.taken_at.astype(str)) == {"2019-04-12T20:00:00"}
    assert set(at_open.taken_at.astype(str)) == {"2019-04-12T13:30:00"}


def test_chains_when_taken_at_the_open_know_nothing_of_the_session():
    (table,) = quotes("2019-04-10", "2019-04-10", snapshot="open", skew=0.0, spread_fraction=0.0, spread_minimum=0.0)
    row = int(np.flatnonzero(np.datetime64("2019-04-10") == SESSIONS)[0])
    spot, volatility = 2800.0 + row - 0.5, (10.0 + (row - 1) % 20) / 100
    assert set(table.underlying_prices) == {spot}
    i = int(np.argmin(abs(table.strikes - spot) + ~table.calls * 1000.0))
    tau = ((table.expiries[i] - table.sessions[i]).astype(int) + 6.5 / 24) / 365
    price = black("c", spot, table.strikes[i], tau, 0.0, volatility)
    assert table.bids[i] <= price <= table.asks[i]


def test_chains_when_the_index_has_no_bar_leave_the_session_out():
    def sessions(**parameters):
        source = ModelledOptions(data=FakeBars(skip_index="2019-04-10"), **parameters)
        tables = source.chains("SPX", date(2019, 4, 8), date(2019, 4, 12))
        return sorted({day.day for table in tables for day in table.sessions.tolist()})

    assert sessions() == [8, 9, 11, 12]
    assert sessions(snapshot="open") == [8, 9, 12]


def test_chains_when_months_pass_are_whole_months_sorted_by_contract():
    tables = quotes()
    assert [table.sessions[0].astype("datetime64[M]").item().month for table in tables] == [3, 4, 5]
    for table in tables:
        rows = list(zip(table.sessions, table.expiries, ~table.calls, table.strikes, strict=True))
        assert rows == sorted(rows)
        assert table.modelled
        assert table.roots == ("SPXW",)
    assert sum(map(len, tables)) == len(SESSIONS) * 6 * 21 * 2


def test_chains_when_the_underlying_is_cheap_keep_strikes_above_zero():
    for table in quotes(underlying="CHEAP", root="CHEAP", strike_step=10.0):
        assert table.strikes.min() == 10.0
        assert len(table) % (6 * 21 * 2) == 0


def test_chains_when_a_calendar_knows_half_days_are_taken_then():
    from datetime import UTC, datetime

    @dataclass(frozen=True)
    class Early:
        def sessions(self, start, end):
            days = np.arange(np.datetime64(start), np.datetime64(end) + np.timedelta64(1, "D"))
            return tuple(days[np.is_busday(days)].tolist())

        def opens_at(self, session):
            return datetime(session.year, session.month, session.day, 13, 30, tzinfo=UTC)

        def closes_at(self, session):
            return datetime(session.year, session.month, session.day, 17, 0, tzinfo=UTC)

    (table,) = quotes("2019-04-12", "2019-04-12", calendar=Early(), expiries=1)
    assert set(table.taken_at.astype(str)) == {"2019-04-12T17:00:00"}
    assert set(table.expiries.tolist()) == {date(2019, 4, 19)}


def test_source_when_asked_for_bars_passes_them_on():
    source = ModelledOptions(data=FakeBars())
    assert source.bars("SPY").symbol == "SPY"
    assert source.fingerprint("VIX", "bars") == "VIX bars "
    assert source.settlement_value("SPX", date(2019, 4, 18)) is None


def test_source_when_asked_for_quotes_of_another_symbol_refuses():
    source = ModelledOptions(data=FakeBars())
    with pytest.raises(BadData, match="'SPY'"):
        list(source.chains("SPY", date(2019, 4, 1), date(2019, 4, 2)))
    with pytest.raises(BadData, match="'SPY'"):
        source.fingerprint("SPY", "quotes")


def test_fingerprint_when_any_parameter_or_input_changes_is_another():
    base = ModelledOptions(data=FakeBars())
    changes = {
        "data": FakeBars(skip_index="2019-04-10"),
        "volatility": "SPY",
        "root": "XSP",
        "snapshot": "open",
        "expiries": 5,
        "strikes": 23,
        "strike_step": 20.0,
        "rate": 0.01,
        "dividend_yield": 0.01,
        "level": 0.9,
        "skew": -0.1,
        "term": 0.1,
        "spread_fraction": 0.02,
        "spread_minimum": 0.2,
    }
    prints = {dataclasses.replace(base, **{name: value}).fingerprint("SPX", "quotes") for name, value in changes.items()}
    prints.add(base.fingerprint("SPX", "quotes"))
    assert len(prints) == len(changes) + 1
    assert set(changes) | {"underlying", "calendar"} == {field.name for field in dataclasses.fields(base)}
    assert pickle.loads(pickle.dumps(base)).fingerprint("SPX", "quotes") == base.fingerprint("SPX", "quotes")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"root": "SPX"}, "SPXW"),
        ({"snapshot": "noon"}, "snapshot"),
        ({"expiries": 0}, "expiries"),
        ({"strikes": 20}, "odd"),
        ({"strike_step": 0.0}, "strike_step"),
        ({"rate": math.nan}, "rate"),
        ({"skew": -0.5}, "skew"),
        ({"spread_minimum": -0.1}, "spread_minimum"),
    ],
)
def test_source_when_a_field_is_wrong_refuses(parameters, message):
    with pytest.raises(ValueError, match=message):
        ModelledOptions(data=FakeBars(), **parameters)
