"""The engine's ledger against an independent plain loop, to the cent."""

from __future__ import annotations

import collections
import functools
import itertools
import random
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from tests import synthetic_market
from tests.oracle import plain_loop

import optarb

AT_THE_MONEY = optarb.LongCall(dte=30, moneyness=1.0)


@dataclass(frozen=True, kw_only=True)
class Trend:
    """SMA10 above SMA30, MACD above its signal, RSI below 70. In warm-up features are NaN, and NaN compares False."""

    def evaluate(self, view):
        if (
            view.feature("sma_10") > view.feature("sma_30")
            and view.feature("macd_12_26_9") > view.feature("macd_signal_12_26_9")
            and view.feature("rsi_14") < 70.0
        ):
            return optarb.Signal.bullish(AT_THE_MONEY, confidence=0.9, reasons=["trend"])
        return None


@dataclass(frozen=True, kw_only=True)
class Always:
    def evaluate(self, view):
        return optarb.Signal.bullish(AT_THE_MONEY, confidence=0.9, reasons=["always"])


def run_engine(market, folder, expert, start, end):
    files = market.write(folder / "data")
    strategy = optarb.Strategy(
        name="oracle",
        underlyings=("SPX",),
        experts={"only": expert},
        policy=optarb.RiskPolicy(max_open_positions=1, reenter_same_session=False),
        exits=optarb.ExitRules(profit_target=0.75, stop_loss=-0.35, max_hold_sessions=5),
    )
    desk = optarb.Desk(
        strategies=[strategy],
        market_data=optarb.ParquetMarketData(bars=files.bars, quotes=files.quotes),
        store=optarb.SqlStore(url=f"sqlite:///{folder}/books.db"),
        cache=optarb.FileCache(path=str(folder / "cache")),
    )
    spec = optarb.BacktestSpec(strategy="oracle", start=start, end=end, capital=Decimal(100_000), bars="same_session")
    return optarb.backtest(spec, desk, progress=False)


def engine_trades(result):
    """As :func:`oracle_trades`, from the frame of trades, in the order of opening."""
    return [
        (
            row.legs,
            row.opened.date(),
            row.closed.date(),
            row.exit_reason,
            units(row.premium_usd),
            units(row.proceeds_usd),
            units(row.fees_usd),
            units(row.pnl_usd),
        )
        for row in result.trades(exact=True).itertuples()
    ]


def oracle_trades(outcome):
    """Legs, sessions, reason, and cash paid, cash received, fees and P&L in 1/10,000 dollar."""
    return [
        (
            f"+1 SPXW{trade.contract[0]:%y%m%d}{trade.contract[1]}{trade.contract[2] * 1000:08d}",
            trade.entered,
            trade.left,
            trade.reason,
            trade.entry_cents * plain_loop.UNITS_PER_CENT_A_CONTRACT,
            trade.exit_cents * plain_loop.UNITS_PER_CENT_A_CONTRACT,
            trade.commission,
            trade.pnl,
        )
        for trade in outcome.trades
    ]


def units(amount):
    whole = amount * 10_000
    assert whole == int(whole)
    return int(whole)


def assert_equal_ledgers(result, outcome):
    expected, seen = oracle_trades(outcome), engine_trades(result)
    for i, (one, other) in enumerate(itertools.zip_longest(seen, expected)):
        assert one == other, f"trade {i}: engine {one}, referee {other}"
    equity = result.equity(exact=True)
    for row, other in zip(equity.itertuples(), outcome.equity, strict=True):
        one = (row.Index.date(), units(row.equity_usd), row.open_positions, row.unquoted, int(row.has_chain))
        assert one == other, f"engine {one}, referee {other}"
    assert units(equity.cash_usd.iloc[-1]) == outcome.cash
    assert units(result.summary.final_equity_usd) == outcome.cash
    assert result.summary.trades == len(expected)
    assert units(result.summary.fees_usd) == sum(trade.commission for trade in outcome.trades)
    assert not result.summary.modelled


def test_five_years_of_trend_following_when_run_then_every_trade_and_cent_is_the_referees(tmp_path):
    start, end = date(2014, 1, 3), date(2018, 12, 31)
    market = synthetic_market.add_chains(
        synthetic_market.index_bars(), first=start, last=end, seed=20140103, volatility=(0.06, 0.14)
    )
    assert len(market.quotes) == 1257
    assert market.sessions[0] == date(1999, 1, 4)

    result = run_engine(market, tmp_path, Trend(), start, end)

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
    assert_equal_ledgers(result, outcome)


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


@functools.cache
def wild_run(seed):
    """Odd seeds follow the trend, even ones want to buy at every session."""
    market = wild_market(seed)
    wanted = plain_loop.trend_signals(market.closes) if seed % 2 else [True] * len(market.sessions)
    return market, referee(market, market.sessions[5], market.sessions[-1], wanted)


@pytest.mark.parametrize("seed", WILD_SEEDS)
def test_wild_market_with_spoilt_quotes_when_run_then_every_trade_and_cent_is_the_referees(tmp_path, seed):
    market, outcome = wild_run(seed)

    result = run_engine(market, tmp_path, Trend() if seed % 2 else Always(), market.sessions[5], market.sessions[-1])

    assert len(outcome.trades) > 30
    assert_equal_ledgers(result, outcome)


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

    result = run_engine(market, tmp_path, Always(), sessions[0], sessions[-1])

    outcome = referee(market, sessions[0], sessions[-1], [True] * len(sessions))
    hits = [trade for trade in outcome.trades if trade.exit_cents * 100 in (trade.entry_cents * 175, trade.entry_cents * 65)]
    assert len(hits) > 100
    assert_equal_ledgers(result, outcome)
