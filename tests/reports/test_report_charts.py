"""Charts of the report, as data."""

from __future__ import annotations

import dataclasses
import json
import math
from datetime import date, timedelta

import pytest

from optarb.reports.report_charts import equity_chart, exposure_chart, price_chart


@pytest.fixture
def facts(result):
    return result._facts()


def layers(chart):
    return {layer["name"]: layer for layer in chart["data"]}


def test_equity_when_drawn_then_curve_of_the_book_and_what_it_is_measured_against(facts):
    chart = layers(equity_chart(facts))

    assert chart["strategy"]["x"] == ["2018-01-02", "2018-01-03", "2018-01-04", "2018-01-05"]
    assert chart["strategy"]["y"] == [19969.35, 19606.75, 19746.10, 18146.10]
    assert chart["buy and hold SPX"]["y"] == [20_000, 20_200, 20_400, 19_800]
    # From the capital of 20,000, which stays the peak.
    assert chart["drawdown"]["y"] == pytest.approx([-0.0015325, -0.0196625, -0.012695, -0.092695], abs=1e-5)


def test_price_when_drawn_then_entries_and_exits_stand_on_the_close(facts):
    chart = layers(price_chart(facts, "SPX"))

    assert set(chart) == {"SPX close", "entry, bullish", "exit without"}
    entries, exits = chart["entry, bullish"], chart["exit without"]
    assert (entries["x"], entries["y"]) == (["2018-01-02", "2018-01-03"], [2700.0, 2727.0])
    assert (exits["x"], exits["y"]) == (["2018-01-04", "2018-01-05"], [2754.0, 2673.0])


def test_price_when_pointed_at_then_contract_reason_and_result(facts):
    chart = layers(price_chart(facts, "SPX"))

    bought, sold = chart["entry, bullish"]["text"]
    assert bought == (
        "<b>+1 SPXW 2018-01-31 2,800 call</b><br>opened 2018-01-02: paid $1,050.00<br>"
        "dip: bullish, confidence 0.7<br>trade 20180102.1"
    )
    assert "<b>-2 SPXW 2018-01-05 2,700 put</b><br><b>+2 SPXW 2018-01-05 2,650 put</b><br>" in sold
    assert "received $600.00" in sold
    stopped, expired = chart["exit without"]["text"]
    assert "closed 2018-01-04 after 2 sessions: stop loss<br>P&amp;L -$451.30 (-42.9 % of the risk before fees)" in stopped
    assert "expiry<br>P&amp;L -$1,402.60" in expired


def test_price_when_gains_and_other_directions_then_marks_of_their_own(facts):
    one, other = facts.trades
    won = dataclasses.replace(one, direction="bearish", proceeds=10 * one.premium)
    still_open = dataclasses.replace(other, direction="neutral", closed=None, held_sessions=None, exit_reason="")

    chart = layers(price_chart(dataclasses.replace(facts, trades=[won, still_open]), "SPX"))

    assert set(chart) == {"SPX close", "entry, bearish", "entry, neutral", "exit with a gain"}


def test_price_when_words_of_users_then_escaped(facts):
    one, _ = facts.trades
    bad = dataclasses.replace(one, expert="<a href='x'>", exit_reason="<b>")

    chart = price_chart(dataclasses.replace(facts, trades=[bad]), "SPX")

    words = json.dumps([layer["text"] for layer in chart["data"] if "text" in layer])
    assert "<a" not in words
    assert "&lt;a href=" in words
    assert ": &lt;b&gt;<br>" in words


def test_price_when_a_close_is_missing_then_a_gap_and_still_json(facts):
    report = {**facts.report, "buy_and_hold": {"SPX": [2700.0, math.nan, 2754.0, math.nan]}}
    torn = dataclasses.replace(facts, report=report)

    assert layers(price_chart(torn, "SPX"))["SPX close"]["y"] == [2700.0, None, 2754.0, None]
    assert json.dumps([price_chart(torn, "SPX"), equity_chart(torn)], allow_nan=False)


def test_exposure_when_drawn_then_share_of_equity_and_count(facts):
    chart = layers(exposure_chart(facts))

    assert chart["bound by positions"]["y"] == pytest.approx([0.05258, 0.53298, 0.47604, 0], abs=1e-5)
    assert chart["open positions"]["y"] == [1, 2, 1, 0]


@pytest.mark.parametrize(("sessions", "named"), [(8, True), (9, False)])
def test_axis_when_few_sessions_then_each_is_named(facts, sessions, named):
    days = [date(2018, 1, 1) + timedelta(days=n) for n in range(sessions)]
    report = {**facts.report, "buy_and_hold": {"SPX": [2700.0] * sessions}}
    flat = {"equity": [1] * sessions, "invested": [0] * sessions, "open_positions": [0] * sessions}
    longer = dataclasses.replace(facts, sessions=days, report=report, trades=[], **flat)

    for chart in (equity_chart(longer), exposure_chart(longer), price_chart(longer, "SPX")):
        assert ("tickvals" in chart["layout"]["xaxis"]) is named
