"""Buy and hold."""

from __future__ import annotations

import math

import pytest
from tests.reports.hand_book import money

from optarb.reports.equity_curve import buy_and_hold, equity_frame


def test_buy_and_hold_when_closes_move_then_capital_moves_in_proportion():
    assert buy_and_hold(1000.0, [50.0, 55.0, 40.0]) == [1000.0, 1100.0, 800.0]


def test_buy_and_hold_when_closes_are_missing_then_cash_before_and_nan_after():
    held = buy_and_hold(1000.0, [math.nan, 50.0, math.nan, 75.0])

    assert held[:2] == [1000.0, 1000.0]
    assert math.isnan(held[2])
    assert held[3] == 1500.0


@pytest.mark.parametrize("closes", [[], [math.nan, math.nan]])
def test_buy_and_hold_when_no_close_is_known_then_cash(closes):
    assert buy_and_hold(1000.0, closes) == [1000.0] * len(closes)


def test_equity_frame_when_equity_rises_then_the_peak_rises_with_it():
    figures = {"positions_value": 0, "realised": 0, "invested": 0, "open_positions": 0, "unquoted": 0, "has_chain": 1}
    rows = [
        {"session": 20180102 + n, "cash": money(value), "equity": money(value), **figures}
        for n, value in enumerate((110, 99, 120, 60))
    ]

    frame = equity_frame(rows, money(100), {"SPX": [1.0, math.nan, 2.0, 3.0]})

    assert frame["drawdown"].tolist() == pytest.approx([0.0, 0.1, 0.0, 0.5])
    assert frame["drawdown_usd"].tolist() == [0.0, 11.0, 0.0, 60.0]
    assert frame["buy_and_hold_SPX_usd"].isna().tolist() == [False, True, False, False]
    exact = equity_frame(rows, money(100), {"SPX": [1.0, math.nan, 2.0, 3.0]}, exact=True)
    assert exact["buy_and_hold_SPX_usd"].tolist()[1] is None
