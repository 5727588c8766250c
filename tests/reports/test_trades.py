"""Round trips, folded from rows written by hand."""

from __future__ import annotations

from datetime import date

import pytest
from tests.reports.hand_book import CALL, LONG_PUT, ROWS, S2, S3, S4, SHORT_PUT, A, B, money, write_book

from optarb.reports.trades import read_trades


def trades_of(store, rows):
    return read_trades(write_book(store, rows).store, "by-hand")


def test_read_trades_when_debit_is_stopped_then_figures_as_on_paper(result):
    trade = read_trades(result.store, "by-hand")[0]

    assert (trade.trade_id, trade.expert, trade.underlying, trade.direction) == (A, "dip", "SPX", "bullish")
    assert (trade.structure, trade.confidence, trade.units, trade.legs) == ("LongCall(delta=0.5)", 0.7, 1, f"+1 {CALL}")
    assert (trade.opened, trade.closed, trade.held_sessions) == (date(2018, 1, 2), date(2018, 1, 4), 2)
    assert trade.exit_reason == "stop_loss"
    assert (trade.premium, trade.proceeds, trade.fees) == (money(1050), money(600), money("1.30"))
    assert (trade.gain, trade.pnl, trade.max_loss) == (money(-450), money("-451.30"), money(1050))
    assert trade.return_on_premium == trade.return_on_risk == pytest.approx(-3 / 7)
    assert not trade.modelled


def test_read_trades_when_credit_is_settled_then_figures_as_on_paper(result):
    trade = read_trades(result.store, "by-hand")[1]

    assert (trade.trade_id, trade.units) == (B, 2)
    assert trade.legs == f"-2 {SHORT_PUT} +2 {LONG_PUT}"
    assert (trade.closed, trade.held_sessions, trade.exit_reason) == (date(2018, 1, 5), 2, "expiry")
    assert (trade.premium, trade.proceeds, trade.fees) == (money(-600), money(-2000), money("2.60"))
    # Two verticals 50 wide lose at most 2 x 50 x 100 less the credit.
    assert (trade.pnl, trade.max_loss) == (money("-1402.60"), money(9400))
    assert trade.return_on_premium == pytest.approx(-1400 / 600)
    assert trade.return_on_risk == pytest.approx(-1400 / 9400)
    assert trade.modelled


def test_read_trades_when_one_leg_ends_by_event_before_the_other_is_sold_then_closed_with_the_last(store):
    events = [(S3, 0, B, "settled", SHORT_PUT, -2, money(1), money(-200), "on 2699.00")]
    sold = (S4, 0, B, "close", LONG_PUT, -2, money(1), money("1.30"), None, None, None, 0, money(200), None, None)

    trade = trades_of(store, {**ROWS, "events": events, "fills": [*ROWS["fills"], sold]})[1]

    assert trade.closed == date(2018, 1, 5)
    assert trade.proceeds == money(0)  # -200 settled, +200 sold
    assert trade.fees == money("3.90")


def test_read_trades_when_event_costs_fees_then_cash_is_after_them(store):
    # Closed at 10 and 0 with a commission of 0.65 a contract, which the events' cash includes.
    events = [
        (S4, 0, B, "closed_at_end", SHORT_PUT, -2, money(10), money("-2001.30"), ""),
        (S4, 1, B, "closed_at_end", LONG_PUT, 2, 0, money("-1.30"), ""),
    ]

    trade = trades_of(store, {**ROWS, "events": events})[1]

    assert (trade.proceeds, trade.fees) == (money(-2000), money("5.20"))


def test_read_trades_when_position_is_still_held_then_open(store):
    rows = {**ROWS, "events": [], "exits": [(S2, 0, B, "stop_loss", 0, 0, 0)], "fills": ROWS["fills"][:3]}

    trades = trades_of(store, rows)

    assert [(one.closed, one.held_sessions, one.exit_reason) for one in trades] == [(None, None, "")] * 2


def test_read_trades_when_exit_had_to_be_tried_twice_then_the_last_reason_counts(store):
    exits = [(S2, 0, A, "profit_target", money(1), money(1), 1), *ROWS["exits"]]

    assert trades_of(store, {**ROWS, "exits": exits})[0].exit_reason == "stop_loss"


def test_read_trades_when_short_call_is_naked_then_risk_is_unbounded(store):
    fills = [(S2, 0, B, "open", CALL, -1, money(5), money("0.65"), None, None, None, 0, money(500), None, None)]
    events = [(S4, 0, B, "settled", CALL, -1, 0, 0, "")]
    verdicts, exits = [ROWS["verdicts"][2]], [ROWS["exits"][1]]

    (trade,) = trades_of(store, {**ROWS, "fills": fills, "events": events, "verdicts": verdicts, "exits": exits})

    assert (trade.max_loss, trade.return_on_risk) == (None, None)
    assert trade.return_on_premium == 1.0  # the whole credit was kept


def test_read_trades_when_legs_cost_nothing_in_all_then_no_return_on_premium(store):
    fills = [
        (S2, 0, B, "open", SHORT_PUT, -2, money(2), 0, None, None, None, 0, money(400), None, None),
        (S2, 1, B, "open", LONG_PUT, 2, money(2), 0, None, None, None, 0, money(-400), None, None),
    ]
    verdicts, exits = [ROWS["verdicts"][2]], [ROWS["exits"][1]]

    (trade,) = trades_of(store, {**ROWS, "fills": fills, "verdicts": verdicts, "exits": exits})

    assert trade.return_on_premium is None
    assert trade.return_on_risk == pytest.approx(-2000 / 10_000)


def test_read_trades_when_nothing_was_opened_then_empty(empty):
    assert read_trades(empty.store, "by-hand") == []
