"""Single sentences about money, each on a market made for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from tests.acceptance import small_desk

import optarb


@dataclass(frozen=True, kw_only=True)
class Once:
    """Buys at one session only."""

    on: date = date(2016, 1, 5)
    strike: Decimal = Decimal(2000)

    def evaluate(self, view):
        if view.session == self.on:
            return optarb.Signal.bullish(optarb.LongCall(dte=30, strike=self.strike), confidence=0.9)
        return None


EXPIRY = date(2016, 2, 5)


def probe(tmp_path, quotes, *, end=date(2016, 2, 29), close=2000.0, simulator=None, expiry=EXPIRY):
    """One contract, quoted as told by session; 10.00 / 10.20 where nothing is said, nothing where None is."""
    market = small_desk.market()
    n = len(market.sessions)
    market.opens, market.highs, market.lows, market.closes = [close] * n, [close] * n, [close] * n, [close] * n
    market.quotes = {
        session: {(expiry, "C", 2000): quotes.get(session, (1000, 1020)), (date(2016, 6, 17), "P", 2000): (500, 510)}
        for session in market.sessions
        if small_desk.START <= session <= end
    }
    for chain in market.quotes.values():
        if chain[expiry, "C", 2000] is None:
            del chain[expiry, "C", 2000]
    market.write(tmp_path / "data")
    desk = small_desk.desk(tmp_path, expert=Once())
    if simulator:
        desk = dataclasses.replace(desk, simulator=simulator)
    with desk:
        return small_desk.run(desk, end=end)


def only_trade(result):
    (trade,) = result.trades(exact=True).itertuples()
    return trade.exit_reason, trade.closed.date(), trade.proceeds_usd


def test_last_session_when_the_position_is_unquoted_then_closed_at_its_last_mark_and_counted(tmp_path):
    result = probe(tmp_path, {date(2016, 1, 11): None}, end=date(2016, 1, 11))
    assert only_trade(result) == ("end_of_backtest", date(2016, 1, 11), 1000)
    assert result.summary.fees_usd == Decimal("1.30")
    assert result.report()["counts"]["trade"]["closed_unquoted"] == 1


@dataclass(frozen=True, kw_only=True)
class Mid:
    def fill_price(self, quote, quantity):
        return quote.mid


def test_end_of_backtest_when_another_fill_model_is_chosen_then_it_holds_there_too(tmp_path):
    """ "Buys pay the ask, sells get the bid, unless another fill model is chosen." """
    result = probe(tmp_path, {}, end=date(2016, 1, 8), simulator=optarb.Simulator(fills=Mid()))
    assert only_trade(result) == ("end_of_backtest", date(2016, 1, 8), Decimal(1010))


def test_unquoted_time_exit_when_the_quote_returns_then_closed_at_it(tmp_path):
    quotes = {date(2016, 1, 12): None, date(2016, 1, 13): None, date(2016, 1, 14): (900, 920)}
    assert only_trade(probe(tmp_path, quotes)) == ("time_exit", date(2016, 1, 14), 900)


def test_zero_bid_at_the_end_when_closed_then_sold_for_nothing_with_its_commission(tmp_path):
    result = probe(tmp_path, {date(2016, 1, 8): (0, 5)}, end=date(2016, 1, 8))
    assert only_trade(result) == ("end_of_backtest", date(2016, 1, 8), 0)
    assert result.summary.fees_usd == Decimal("1.30")


def nobody_bids(first, *, until=EXPIRY):
    """Quotes of 0 / 0.05 from one session to another, both inclusive."""
    return dict.fromkeys((day for day in small_desk.market().sessions if first <= day <= until), (0, 5))


def test_zero_bid_when_a_bid_returns_and_the_exit_is_still_due_then_sold_at_it(tmp_path):
    """Two sessions without a bid, then one of 0.05: still far below the stop."""
    quotes = {**nobody_bids(date(2016, 1, 7), until=date(2016, 1, 8)), date(2016, 1, 11): (5, 10)}
    result = probe(tmp_path, quotes, close=2003.0)
    assert only_trade(result) == ("stop_loss", date(2016, 1, 11), 5)
    assert result.summary.fees_usd == Decimal("1.30")
    assert result.report()["counts"]["trade"]["exits_without_bid"] == 2


def test_zero_bid_when_a_bid_returns_and_no_exit_is_due_any_more_then_kept_on(tmp_path):
    """Back at 10.00 after a session without a bid: the stop is far away again, and time ends it on the 12th."""
    result = probe(tmp_path, nobody_bids(date(2016, 1, 7), until=date(2016, 1, 7)), close=2003.0)
    assert only_trade(result) == ("time_exit", date(2016, 1, 12), 1000)
    assert result.report()["counts"]["trade"]["exits_without_bid"] == 1


def test_zero_bid_when_no_bid_returns_then_settled_with_no_bid_as_the_reason(tmp_path):
    """From the stop on the 7th to the 4th of February; quotes of the expiry at the close are dead."""
    quotes = nobody_bids(date(2016, 1, 7))
    result = probe(tmp_path, quotes, close=2003.0)
    assert only_trade(result) == ("no_bid", EXPIRY, 300)
    assert result.summary.fees_usd == Decimal("0.65")
    assert result.report()["counts"]["trade"]["exits_without_bid"] == len(quotes) - 1


def test_expiring_contract_when_its_quote_was_taken_at_the_close_then_it_settles(tmp_path):
    """ "A quote of an expiring PM contract at or after 16:00 is dead": on its last day nothing is sold at it."""
    days = [session for session in small_desk.market().sessions if date(2016, 1, 8) <= session < EXPIRY]
    result = probe(tmp_path, {**dict.fromkeys(days), EXPIRY: (50_00, 51_00)}, close=2003.0)
    assert only_trade(result) == ("expiry", EXPIRY, 300)
