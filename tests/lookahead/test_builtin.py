"""What comes with optarb answers from what may be known alone."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest

import optarb
from optarb.domain.contracts import Right
from optarb.experts import PairExpert
from optarb.indicators import default_catalogue
from optarb.lookahead import check_lookahead
from optarb.lookahead._synthetic import synthetic_desk

AT_THE_MONEY = {"dte": 20, "moneyness": 1.0}
PARTS = [
    optarb.RulesExpert(),
    PairExpert(highest_volatility=90.0),
    PairExpert(trend="up", highest_volatility=90.0),
    optarb.RiskPolicy(),
    optarb.ExitRules(),
    optarb.LongCall(dte=20, delta=0.4),
    optarb.LongPut(**AT_THE_MONEY),
    optarb.Vertical(right=Right.PUT, width=50.0, credit=True, **AT_THE_MONEY),
    optarb.CallPair(**AT_THE_MONEY),
]


@pytest.fixture(scope="module")
def desk():
    """Too many names to make each a market of its own."""
    return synthetic_desk(0)


@pytest.mark.parametrize("indicator", default_catalogue(), ids=lambda one: one.columns[0])
def test_indicator_when_checked_on_a_made_up_market_then_nothing_is_found(desk, indicator):
    spec = optarb.BacktestSpec(strategy="synthetic", start=date(2022, 10, 3), end=date(2022, 10, 7))

    report = check_lookahead(indicator, desk=desk, spec=spec, sessions=2, processes=False)

    assert report.ok, str(report)


@pytest.mark.parametrize("component", PARTS, ids=lambda one: type(one).__name__)
def test_component_when_checked_on_a_made_up_market_then_nothing_is_found(desk, component):
    spec = optarb.BacktestSpec(strategy="synthetic", start=date(2022, 10, 3), end=date(2022, 11, 1), capital=Decimal(500_000))

    report = check_lookahead(component, desk=desk, spec=spec, sessions=2, processes=False)

    assert report.ok, str(report)


@pytest.fixture(scope="module")
def ten_real_years(real_data):
    """Real bars of the index and its volatility, with quotes modelled on them: 2008 to 2017."""
    strategy = synthetic_desk(0).strategies[0]
    files = {name: str(real_data / f"{name.lower()}-daily.csv") for name in ("SPX", "VIX")}
    bars = optarb.CsvMarketData(bars=files, columns={"session": "date"})
    desk = optarb.Desk(
        strategies=[dataclasses.replace(strategy, underlyings=("SPX",))], market_data=optarb.ModelledOptions(data=bars)
    )
    spec = optarb.BacktestSpec(
        strategy="synthetic",
        start=date(2008, 1, 2),
        end=date(2017, 12, 29),
        history_start=date(2005, 1, 3),
        capital=Decimal(5_000_000),
    )
    return desk, spec


# A pair needs a second underlying, of which there are no ten real years.
SOAKED = [*default_catalogue(), *(one for one in PARTS if not isinstance(one, PairExpert | optarb.CallPair))]


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("component", SOAKED, ids=lambda one: getattr(one, "columns", (type(one).__name__,))[0])
def test_component_when_checked_over_ten_real_years_then_nothing_is_found(ten_real_years, component):
    desk, spec = ten_real_years

    report = check_lookahead(component, desk=desk, spec=spec)

    assert report.ok, str(report)
    assert {one.name: one.sessions for one in report.tried}["cut"] > 2500
