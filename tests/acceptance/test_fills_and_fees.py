"""Fill models, fees by date and positions of two expiries through a whole backtest, to the cent."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from tests.acceptance import small_desk
from tests.acceptance.test_money_sentences import Once, nobody_bids, only_trade, probe

import optarb
from optarb.brokers import CabinetSales, FeeRate, FeeTable, PublishedFees, Simulator, SizeLimited
from optarb.domain.contracts import Right
from optarb.structures import Calendar

NEAR, FAR = date(2016, 1, 15), date(2016, 2, 19)


def test_cabinet_sale_when_an_exit_is_due_and_nobody_bids_then_closed_for_a_dollar(tmp_path):
    simulator = Simulator(fills=CabinetSales())
    result = probe(tmp_path, nobody_bids(date(2016, 1, 7)), close=2003.0, simulator=simulator)
    assert only_trade(result) == ("stop_loss", date(2016, 1, 7), 1)
    assert result.summary.fees_usd == Decimal("1.30")
    assert "exits_without_bid" not in result.report()["counts"]["trade"]


def test_size_when_quotes_do_not_tell_it_then_everything_is_denied(tmp_path):
    result = probe(tmp_path, {}, simulator=Simulator(fills=SizeLimited()))
    assert set(result.denials()["rule"]) == {"size"}
    assert result.trades().empty


@pytest.mark.parametrize(("end", "reason"), [(date(2016, 2, 29), "time_exit"), (date(2016, 1, 8), "end_of_backtest")])
def test_fee_of_the_premium_when_sold_by_order_or_by_force_then_of_what_it_brought(end, reason, tmp_path):
    """Bought for 1,020 without a fee, sold for 1,000: 1 % of that."""
    tax = FeeTable(name="tax", rows=(FeeRate(since=date(2016, 1, 1), of_premium=Decimal("0.01")),), sales_only=True)
    result = probe(tmp_path, {}, end=end, simulator=Simulator(fees=PublishedFees(commission=tax, tables=())))
    assert only_trade(result)[0] == reason
    assert result.summary.fees_usd == 10


@pytest.mark.parametrize(("capital", "trades"), [(Decimal("1030.20"), 1), (Decimal("1030.19"), 0)])
def test_fee_of_the_premium_when_a_candidate_is_priced_then_both_sides_are_reckoned_at_its_prices(capital, trades, tmp_path):
    """Buying costs 1,020; selling the same at the same price would cost 1 %, 10.20."""
    tax = FeeTable(name="tax", rows=(FeeRate(since=date(2016, 1, 1), of_premium=Decimal("0.01")),), sales_only=True)
    probe(tmp_path / "market", {})
    desk = small_desk.desk(tmp_path / "market", expert=Once())
    desk = dataclasses.replace(desk, simulator=Simulator(fees=PublishedFees(commission=tax, tables=())))
    with desk:
        assert len(small_desk.run(desk, capital=capital).trades()) == trades


@dataclass(frozen=True, kw_only=True)
class OnceCalendar:
    def evaluate(self, view):
        if view.session == date(2016, 1, 5):
            return optarb.Signal.neutral(Calendar(right=Right.CALL, dte=10, far_dte=45, strike=Decimal(2000)), confidence=0.9)
        return None


def test_calendar_when_held_then_the_nearer_settles_and_the_later_is_left(tmp_path):
    """15.20 paid and 10.00 received; the nearer pays 3.00 at a close of 2,003, the later is sold for 15.00 in the end."""
    market = small_desk.market()
    n, end = len(market.sessions), date(2016, 1, 22)
    market.opens, market.highs, market.lows, market.closes = [2003.0] * n, [2003.0] * n, [2003.0] * n, [2003.0] * n
    market.quotes = {
        session: {
            **({(NEAR, "C", 2000): (1000, 1020)} if session <= NEAR else {}),
            (FAR, "C", 2000): (1500, 1520),
        }
        for session in market.sessions
        if small_desk.START <= session <= end
    }
    market.write(tmp_path / "data")
    exits = optarb.ExitRules(profit_target=None, stop_loss=None, max_hold_sessions=None)
    with small_desk.desk(tmp_path, expert=OnceCalendar(), exits=exits) as desk:
        result = small_desk.run(desk, end=end)
    (trade,) = result.trades(exact=True).itertuples()
    assert (trade.exit_reason, trade.closed.date()) == ("end_of_backtest", end)
    # Paid 520; the settlement takes 300, the sale brings 1,500.
    assert (trade.premium_usd, trade.proceeds_usd, trade.max_loss_usd) == (520, 1200, 520)
    # Two opened, one sold at 0.65 each; settlement is free.
    assert result.summary.fees_usd == Decimal("1.95")
    settled = [row for row in result.events().itertuples() if row.kind == "settled"]
    assert [(row.contract, row.quantity) for row in settled] == [("SPXW160115C02000000", -1)]
