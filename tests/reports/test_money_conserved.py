"""Money of whole runs: what fills and events moved is what the book gained or lost, whatever was traded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from optarb.backtesting.runner import backtest
from optarb.caches import FileCache
from optarb.desk import Desk
from optarb.domain.contracts import Right
from optarb.domain.signals import Signal
from optarb.market_data import demo_market_data
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.specs import BacktestSpec
from optarb.stores import SqlStore
from optarb.strategy import Strategy
from optarb.structures import LongCall, LongPut, Vertical

CAPITAL = Decimal(100_000)


@dataclass(frozen=True, kw_only=True)
class Always:
    """Wants the same structure in every session."""

    structure: Any
    bullish: bool = True

    def evaluate(self, view):
        make = Signal.bullish if self.bullish else Signal.bearish
        return make(self.structure, confidence=0.7, reasons=[f"session {view.session}"])


EXPERTS = {
    "calls": Always(structure=LongCall(dte=7, delta=0.4)),
    "puts": Always(structure=LongPut(dte=14, delta=0.3), bullish=False),
    "credit": Always(structure=Vertical(right=Right.PUT, width=25.0, credit=True, dte=7, delta=0.3)),
    "debit": Always(structure=Vertical(right=Right.CALL, width=25.0, dte=14, delta=0.5)),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return FileCache(path=str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(params=["calls", "puts", "credit", "debit", "all"])
def result(request, cache):
    experts = EXPERTS if request.param == "all" else {request.param: EXPERTS[request.param]}
    hold = 3 if request.param == "all" else 30  # long enough for some to expire
    strategy = Strategy(
        name="always",
        underlyings=("SPX",),
        references=("VIX",),
        experts=experts,
        policy=RiskPolicy(),
        exits=ExitRules(max_hold_sessions=hold),
    )
    desk = Desk(
        strategies=[strategy],
        market_data=demo_market_data(),
        cache=cache,
        store=SqlStore(url="sqlite://", name=request.node.nodeid),
    )
    spec = BacktestSpec(strategy="always", start=date(2014, 9, 2), end=date(2014, 12, 31), capital=CAPITAL)
    return backtest(spec, desk, progress=False)


def test_money_when_run_is_over_then_cash_flows_are_the_change_of_cash(result):
    fills, events = result.fills(exact=True), result.events(exact=True)
    traded = sum((-row.price_usd * row.quantity * 100 - row.fees_usd for row in fills.itertuples()), Decimal(0))
    ended = sum(events["cash_usd"], Decimal(0))

    assert len(fills) > 0
    assert CAPITAL + traded + ended == result.summary.final_equity_usd
    assert result.equity(exact=True)["cash_usd"].iloc[-1] == result.summary.final_equity_usd


def test_money_when_run_is_over_then_trades_add_up_to_the_book(result):
    trades = result.trades(exact=True)

    assert trades["closed"].notna().all()
    assert sum(trades["pnl_usd"]) == result.summary.pnl_usd
    assert sum(trades["fees_usd"]) == result.summary.fees_usd
    assert (trades["proceeds_usd"] - trades["premium_usd"] - trades["fees_usd"] == trades["pnl_usd"]).all()


def test_money_when_followed_session_by_session_then_every_step_is_explained(result):
    equity = result.equity(exact=True)
    fills, events = result.fills(exact=True), result.events(exact=True)
    fills["cash_usd"] = -fills["price_usd"] * fills["quantity"] * 100 - fills["fees_usd"]
    flows = {
        session: sum(fills.loc[fills["session"] == session, "cash_usd"], Decimal(0))
        + sum(events.loc[events["session"] == session, "cash_usd"], Decimal(0))
        for session in equity.index
    }
    cash = CAPITAL
    for session, row in equity.iterrows():
        cash += flows[session]
        assert row["cash_usd"] == cash, session
        assert row["equity_usd"] == cash + row["positions_value_usd"], session


def test_money_when_marks_are_added_then_they_are_the_value_of_the_positions(result):
    marks, equity = result.marks(exact=True), result.equity(exact=True)
    marks["worth"] = marks["mark_usd"] * marks["quantity"] * 100
    worth = marks.groupby("session")["worth"].agg(lambda values: sum(values, Decimal(0)))

    for session, value in equity["positions_value_usd"].items():
        assert worth.get(session, Decimal(0)) == value, session


def test_exits_when_compared_with_trades_then_gains_agree(result):
    trades, exits = result.trades(exact=True), result.exits(exact=True)
    last = exits.groupby("trade_id").last()

    assert sorted(last.index) == sorted(trades.index)
    for trade_id, trade in trades.iterrows():
        told = last.loc[trade_id]
        assert told["reason"] == trade["exit_reason"]
        if told["reason"] != "end_of_backtest":
            assert told["gain_usd"] == trade["proceeds_usd"] - trade["premium_usd"], trade_id


def test_counts_when_compared_with_frames_then_they_agree(result):
    report = result.report()

    assert report["denials"] == result.denials()["rule"].value_counts().to_dict()
    assert report["exits"] == result.trades()["exit_reason"].value_counts().to_dict()
    assert result.equity()["drawdown"].max() == pytest.approx(result.summary.max_drawdown, rel=1e-12)
