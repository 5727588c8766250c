"""The engine's ledger against an independent plain loop, to the cent."""

from __future__ import annotations

import collections
import itertools
import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from tests import synthetic_market
from tests.oracle import plain_loop

from optarb.backtesting.runner import backtest
from optarb.caches import FileCache
from optarb.desk import Desk
from optarb.domain.signals import Signal
from optarb.ledger.rows import TABLES
from optarb.market_data import ParquetMarketData
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.specs import BacktestSpec
from optarb.stores import SqlStore
from optarb.strategy import Strategy
from optarb.structures import LongCall

AT_THE_MONEY = LongCall(dte=30, moneyness=1.0)


@dataclass(frozen=True, kw_only=True)
class Trend:
    """SMA10 above SMA30, MACD above its signal, RSI below 70. In warm-up features are NaN, and NaN compares False."""

    def evaluate(self, view):
        if (
            view.feature("sma_10") > view.feature("sma_30")
            and view.feature("macd_12_26_9") > view.feature("macd_signal_12_26_9")
            and view.feature("rsi_14") < 70.0
        ):
            return Signal.bullish(AT_THE_MONEY, confidence=0.9, reasons=["trend"])
        return None


@dataclass(frozen=True, kw_only=True)
class Always:
    def evaluate(self, view):
        return Signal.bullish(AT_THE_MONEY, confidence=0.9, reasons=["always"])


def run_engine(market, folder, expert, start, end):
    files = market.write(folder / "data")
    desk = Desk(
        strategies=[
            Strategy(
                name="oracle",
                underlyings=("SPX",),
                experts={"only": expert},
                policy=RiskPolicy(max_open_positions=1, reenter_same_session=False),
                exits=ExitRules(profit_target=0.75, stop_loss=-0.35, max_hold_sessions=5),
            )
        ],
        market_data=ParquetMarketData(bars_path=files.bars, quotes_path=files.quotes),
        store=SqlStore(url=f"sqlite:///{folder}/books.db"),
        cache=FileCache(path=str(folder / "cache")),
    )
    spec = BacktestSpec(
        strategy="oracle", start=start, end=end, capital=Decimal(100_000), bars="same_session", backtest_id="oracle"
    )
    with desk:
        result = backtest(spec, desk, progress=False)
        rows = {name: named(name, desk.store.rows("oracle", name)) for name in TABLES}
    return result, rows


def named(table, rows):
    names = [column.name for column in TABLES[table].columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def symbol(contract):
    expiry, right, strike = contract
    return f"SPXW{expiry:%y%m%d}{right}{strike * 1000:08d}"


def number(session):
    return int(f"{session:%Y%m%d}")


def engine_trades(rows):
    """Contract, sessions, reason, prices (a share), fees and P&L, money in 1/10,000 dollar; in order of opening."""
    trades = {}
    for fill in rows["fills"]:
        trade = trades.setdefault(fill["position_id"], {"fees": 0, "cash": 0})
        trade["fees"] += fill["fees"]
        trade["cash"] -= fill["price"] * fill["quantity"] * 100
        side = {"contract": fill["contract"], "entered": fill["session"], "entry": fill["price"]}
        trade.update(side if fill["purpose"] == "open" else {"left": fill["session"], "exit": fill["price"]})
    for event in rows["events"]:
        trade = trades[event["position_id"]]
        # An event's cash is net of what it cost.
        gross = event["price"] * event["quantity"] * 100
        trade.update({"left": event["session"], "exit": event["price"]})
        trade["cash"] += gross
        trade["fees"] += gross - event["cash"]
    for leaving in rows["exits"]:
        trades[leaving["position_id"]]["reason"] = leaving["reason"]
    return [
        (
            trade["contract"],
            trade["entered"],
            trade.get("left"),
            trade.get("reason"),
            trade["entry"],
            trade.get("exit"),
            trade["fees"],
            trade["cash"] - trade["fees"],
        )
        for trade in trades.values()
    ]


def oracle_trades(outcome):
    return [
        (
            symbol(trade.contract),
            number(trade.entered),
            number(trade.left),
            trade.reason,
            trade.entry_cents * 100,
            trade.exit_cents * 100,
            trade.commission,
            trade.pnl,
        )
        for trade in outcome.trades
    ]


def assert_equal_ledgers(rows, result, outcome):
    expected, seen = oracle_trades(outcome), engine_trades(rows)
    for i, (one, other) in enumerate(itertools.zip_longest(seen, expected)):
        assert one == other, f"trade {i}: engine {one}, referee {other}"
    columns = ("session", "equity", "open_positions", "unquoted", "has_chain")
    for row, (session, *values) in zip(rows["equity"], outcome.equity, strict=True):
        assert [row[column] for column in columns] == [number(session), *values]
    assert rows["equity"][-1]["cash"] == outcome.cash
    assert result.summary.final_equity_usd == Decimal(outcome.cash).scaleb(-4)
    assert result.summary.trades == len(expected)
    assert result.summary.fees_usd == Decimal(sum(trade.commission for trade in outcome.trades)).scaleb(-4)


def test_five_years_of_trend_following_when_run_then_every_trade_and_cent_is_the_referees(tmp_path):
    start, end = date(2014, 1, 3), date(2018, 12, 31)
    market = synthetic_market.add_chains(
        synthetic_market.index_bars(), first=start, last=end, seed=20140103, volatility=(0.06, 0.14)
    )
    assert len(market.quotes) == 1257
    assert market.sessions[0] == date(1999, 1, 4)

    result, rows = run_engine(market, tmp_path, Trend(), start, end)

    outcome = plain_loop.run(
        sessions=market.sessions,
        closes=market.closes,
        chains=market.quotes,
        start=start,
        end=end,
        wanted=plain_loop.trend_signals(market.closes),
    )
    reasons = collections.Counter(trade.reason for trade in outcome.trades)
    assert len(outcome.trades) > 50
    assert set(reasons) == {"profit_target", "stop_loss", "time_exit"}
    assert min(reasons.values()) >= 5
    assert_equal_ledgers(rows, result, outcome)


WILD_SEEDS = (2, 3, 6, 12)


def wild_market(seed):
    """Wide moves and spoilt quotes. The file begins shortly before the run, so the seeds of the indicators matter."""
    sessions = [day for day in synthetic_market.index_bars().sessions if date(2015, 1, 2) <= day <= date(2017, 12, 29)]
    bars = synthetic_market.random_bars(sessions, seed=seed, daily_volatility=0.025)
    whole = synthetic_market.add_chains(
        bars, first=sessions[0], last=sessions[-1], seed=seed, strikes=31, volatility=(0.25, 0.5), rights="C"
    )
    return synthetic_market.spoil(whole, seed=seed)


def referee(market, start, end, wanted):
    return plain_loop.run(
        sessions=market.sessions, closes=market.closes, chains=market.quotes, start=start, end=end, wanted=wanted
    )


def wild_run(seed):
    """Odd seeds follow the trend, even ones want to buy at every session."""
    market = wild_market(seed)
    wanted = plain_loop.trend_signals(market.closes) if seed % 2 else [True] * len(market.sessions)
    return market, referee(market, market.sessions[5], market.sessions[-1], wanted)


@pytest.mark.parametrize("seed", WILD_SEEDS)
def test_wild_market_with_spoilt_quotes_when_run_then_every_trade_and_cent_is_the_referees(tmp_path, seed):
    market, outcome = wild_run(seed)

    result, rows = run_engine(
        market, tmp_path, Trend() if seed % 2 else Always(), market.sessions[5], market.sessions[-1]
    )

    assert len(outcome.trades) > 30
    assert_equal_ledgers(rows, result, outcome)


def test_wild_markets_when_all_are_told_then_every_way_out_occurs():
    """Guards the test above: a market without a case cannot tell how the engine handles it."""
    markets, outcomes = zip(*map(wild_run, WILD_SEEDS), strict=True)
    place = {session: i for i, session in enumerate(markets[0].sessions)}
    trades = [trade for outcome in outcomes for trade in outcome.trades]

    reasons = {trade.reason for trade in trades}
    assert reasons == {"profit_target", "stop_loss", "time_exit", "expiry", "no_bid", "end_of_backtest"}
    assert sum(place[trade.left] - place[trade.entered] > 5 for trade in trades) > 20
    assert sum(1 for outcome in outcomes for row in outcome.equity if row[3]) > 50
    assert sum(1 for outcome in outcomes for row in outcome.equity if not row[4]) > 50


def test_bids_on_the_very_boundary_when_run_then_judged_in_exact_decimals(tmp_path):
    """Every other session the bid is the target or the stop to the cent, or one cent short of it."""
    known = synthetic_market.index_bars().sessions
    sessions = [day for day in known if date(2014, 1, 2) <= day <= date(2016, 12, 30)]
    market = synthetic_market.random_bars(sessions, seed=7, daily_volatility=0.001)
    rng = random.Random(7)
    ask = 0
    for i, session in enumerate(sessions):
        if i % 2 == 0:
            ask = 20 * rng.randrange(1, 300)
            quote = (ask * 9 // 10, ask)
        else:
            bid = rng.choice([ask * 175 // 100, ask * 175 // 100 - 1, ask * 65 // 100, ask * 65 // 100 + 1])
            quote = (bid, 2 * bid + 10)  # too wide to be bought
        expiries = synthetic_market.fridays_after(session, 6, frozenset(known))
        market.quotes[session] = {(expiry, "C", 2000): quote for expiry in expiries}

    result, rows = run_engine(market, tmp_path, Always(), sessions[0], sessions[-1])

    outcome = referee(market, sessions[0], sessions[-1], [True] * len(sessions))
    hits = [
        trade for trade in outcome.trades if trade.exit_cents * 100 in (trade.entry_cents * 175, trade.entry_cents * 65)
    ]
    assert len(hits) > 100
    assert_equal_ledgers(rows, result, outcome)
