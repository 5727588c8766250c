"""Figures at the head of the report, against hand arithmetic and numpy."""

from __future__ import annotations

import dataclasses
import math
from datetime import date

import numpy as np
import pytest
from tests.reports.hand_book import money

from optarb.reports.report_figures import (
    curve_figures,
    exposures,
    held_instead,
    monthly_returns,
    trade_figures,
)

FIRST, LAST = date(2014, 1, 3), date(2019, 1, 3)


@pytest.fixture
def facts(result):
    return result._facts()


def test_curve_when_ten_percent_a_year_then_growth_compounds():
    # 1.1 to the fifth is 1.61051; the five years hold 1,826 days, 5 x 365.2.
    figures = curve_figures([100.0, 90.0, 161.051], FIRST, LAST)

    assert figures.total_return == pytest.approx(0.61051)
    assert figures.annual_return == pytest.approx(0.10, abs=0.0001)
    assert (figures.drawdown, figures.drawdown_usd) == (pytest.approx(0.1), 10.0)


def test_curve_when_it_varies_then_volatility_is_that_of_numpy():
    curve = 100 * np.cumprod(1 + np.random.default_rng(1).normal(0, 0.01, 300))

    figures = curve_figures(curve.tolist(), FIRST, LAST)

    returns = curve[1:] / curve[:-1] - 1
    assert figures.volatility == pytest.approx(returns.std(ddof=1) * math.sqrt(252))
    assert figures.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(252))


@pytest.mark.parametrize(
    ("last", "known"), [(date(2014, 12, 28), False), (date(2014, 12, 29), True), (date(2014, 12, 31), True)]
)
def test_curve_when_less_than_a_year_then_no_annual_return(last, known):
    assert (curve_figures([100.0, 110.0], FIRST, last).annual_return is not None) is known


@pytest.mark.parametrize("end", [0.0, -50.0])
def test_curve_when_all_is_lost_then_no_annual_return(end):
    figures = curve_figures([100.0, 50.0, end], FIRST, LAST)

    assert figures.annual_return is None
    assert figures.total_return == end / 100 - 1


def test_curve_when_one_session_then_no_volatility():
    figures = curve_figures([100.0, 101.0], FIRST, FIRST)

    assert (figures.volatility, figures.sharpe, figures.annual_return) == (None, None, None)


def test_trades_when_both_lost_then_worked_out_on_paper(facts):
    figures = trade_figures(facts.trades)

    # -451.30 and -1,402.60, held two sessions each.
    assert (figures.count, figures.won, figures.win_rate) == (2, 0, 0.0)
    assert (figures.pnl, figures.average) == (money("-1853.90"), money("-926.95"))
    assert (figures.best, figures.worst) == (money("-451.30"), money("-1402.60"))
    assert (figures.profit_factor, figures.fees, figures.held) == (0.0, money("3.90"), 2.0)


def test_trades_when_gains_and_losses_then_profit_factor_is_their_quotient(facts):
    one, other = facts.trades
    # Proceeds of 1,653.60 for a premium of 1,050 less fees of 1.30: 602.30 gained, 1,402.60 lost.
    won = dataclasses.replace(one, proceeds=money("1653.60"))

    figures = trade_figures([won, other])

    assert figures.profit_factor == pytest.approx(602.30 / 1402.60)
    assert (figures.won, figures.win_rate) == (1, 0.5)
    assert trade_figures([won]).profit_factor is None


def test_trades_when_one_broke_even_then_neither_won_nor_lost(facts):
    even = dataclasses.replace(facts.trades[0], proceeds=money("1051.30"))

    figures = trade_figures([even])

    assert (figures.pnl, figures.won, figures.profit_factor) == (0, 0, None)


def test_trades_when_none_then_nothing_to_divide():
    figures = trade_figures([])

    assert (figures.count, figures.win_rate, figures.average, figures.held, figures.best) == (0, None, None, None, None)


def test_exposures_when_worked_out_on_paper_then_bound_by_equity(facts):
    assert exposures(facts) == pytest.approx([1050 / 19969.35, 10450 / 19606.75, 9400 / 19746.10, 0])


def test_exposures_when_equity_is_lost_then_none(facts):
    assert exposures(dataclasses.replace(facts, equity=[0, -1, 100, 100], invested=[5, 5, 50, 0])) == [None, None, 0.5, 0]


def test_held_instead_when_a_close_is_missing_then_nan_there(facts):
    report = {**facts.report, "buy_and_hold": {"SPX": [2700.0, math.nan, 2754.0, 2673.0]}}

    held = held_instead(dataclasses.replace(facts, report=report))["SPX"]

    assert held == pytest.approx([20_000, 20_000, math.nan, 20_400, 19_800], nan_ok=True)


def test_months_when_year_turns_then_each_begins_where_the_last_ended(facts):
    days = [date(2017, 11, 30), date(2017, 12, 1), date(2017, 12, 29), date(2018, 2, 1)]
    equity = [money(22_000), money(1), money(11_000), money(13_200)]

    months = monthly_returns(dataclasses.replace(facts, sessions=days, equity=equity))

    # Capital 20,000: November +10 %, December halves, the year -45 %; February +20 %, and the year as much.
    assert months == {
        2017: {0: pytest.approx(-0.45), 11: pytest.approx(0.1), 12: pytest.approx(-0.5)},
        2018: {0: pytest.approx(0.2), 2: pytest.approx(0.2)},
    }


def test_months_when_nothing_was_left_then_none(facts):
    days = [date(2017, 11, 30), date(2017, 12, 1), date(2018, 1, 2), date(2018, 1, 3)]

    months = monthly_returns(dataclasses.replace(facts, sessions=days, equity=[0, 0, 5, 5]))

    assert months == {2017: {0: -1.0, 11: -1.0, 12: None}, 2018: {0: None, 1: None}}
