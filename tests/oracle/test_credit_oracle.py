"""Credit spreads, several at a time on little capital, against a second plain loop, to the cent."""

from __future__ import annotations

import collections
import functools
import itertools
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from tests import synthetic_market
from tests.oracle import credit_loop

import optarb

SEEDS = (2, 4)
CAPITAL = 20_000


@dataclass(frozen=True, kw_only=True)
class SellsPuts:
    def evaluate(self, view):
        spread = optarb.Vertical(
            right=optarb.Right.PUT,
            credit=True,
            moneyness=credit_loop.MONEYNESS,
            width=credit_loop.WIDTH,
            dte=credit_loop.DAYS,
        )
        return optarb.Signal.bullish(spread, confidence=0.9)


@functools.cache
def referee(seed):
    sessions = [day for day in synthetic_market.index_bars().sessions if date(2015, 1, 2) <= day <= date(2016, 12, 30)]
    bars = synthetic_market.random_bars(sessions, seed=seed, daily_volatility=0.009)
    market = synthetic_market.add_chains(
        bars, first=sessions[0], last=sessions[-1], seed=seed, rights="P", volatility=(0.12, 0.3)
    )
    market = synthetic_market.spoil(market, seed=seed)
    return market, credit_loop.run(sessions, market.closes, market.quotes, CAPITAL)


def units(amount):
    return int(amount * 10_000)


def put(spread, strike):
    return f"SPXW{spread.expiry:%y%m%d}P{strike * 1000:08d}"


@pytest.mark.parametrize("seed", SEEDS)
def test_credit_spreads_when_run_then_every_trade_and_cent_is_the_referees(tmp_path, seed):
    market, outcome = referee(seed)
    files = market.write(tmp_path / "data")
    strategy = optarb.Strategy(
        name="credit",
        underlyings=("SPX",),
        experts={"only": SellsPuts()},
        policy=optarb.RiskPolicy(max_open_positions=credit_loop.MAX_OPEN),
        exits=optarb.ExitRules(max_hold_sessions=credit_loop.MAX_HOLD),
    )
    desk = optarb.Desk(
        strategies=[strategy],
        market_data=optarb.ParquetMarketData(bars=files.bars, quotes=files.quotes),
        store=optarb.SqlStore(url=f"sqlite:///{tmp_path}/books.db"),
    )
    first, last = market.sessions[0], market.sessions[-1]
    spec = optarb.BacktestSpec(strategy="credit", start=first, end=last, capital=CAPITAL, bars="same_session")
    result = optarb.backtest(spec, desk, progress=False)

    seen = [
        (
            row.legs,
            row.opened.date(),
            row.closed.date(),
            row.exit_reason,
            units(row.premium_usd),
            units(row.proceeds_usd),
            units(row.fees_usd),
            units(row.pnl_usd),
            units(row.max_loss_usd),
        )
        for row in result.trades(exact=True).itertuples()
    ]
    expected = [
        (
            f"+1 {put(spread, spread.bought)} -1 {put(spread, spread.sold)}",
            spread.entered,
            spread.left,
            spread.reason,
            -spread.credit * 10_000,
            -spread.paid * 10_000,
            spread.fees,
            spread.pnl,
            spread.max_loss * 10_000,
        )
        for spread in outcome.spreads
    ]
    for i, (one, other) in enumerate(itertools.zip_longest(seen, expected)):
        assert one == other, f"trade {i}: engine {one}, referee {other}"
    for row, other in zip(result.equity(exact=True).itertuples(), outcome.equity, strict=True):
        one = (row.Index.date(), units(row.equity_usd), row.open_positions, row.unquoted)
        assert one == other, f"engine {one}, referee {other}"
    denied = collections.Counter(result.denials().rule)
    assert {rule: denied[rule] for rule in outcome.denied} == outcome.denied
    assert result.summary.final_equity_usd == Decimal(outcome.equity[-1][1]).scaleb(-4)


def test_credit_markets_when_all_are_told_then_every_way_out_and_every_denial_occurs():
    """Guards the test above: a market without a case cannot tell how the engine handles it."""
    outcomes = [referee(seed)[1] for seed in SEEDS]
    reasons = {spread.reason for outcome in outcomes for spread in outcome.spreads}
    assert reasons == {"profit_target", "stop_loss", "time_exit", "expiry"}
    assert {rule for outcome in outcomes for rule in outcome.denied} >= {"too_wide", "max_open_positions", "capital"}
    assert sum(spread.age > credit_loop.MAX_HOLD for outcome in outcomes for spread in outcome.spreads) > 20
    assert max(row[2] for outcome in outcomes for row in outcome.equity) == credit_loop.MAX_OPEN
    assert sum(len(outcome.spreads) for outcome in outcomes) > 200
