"""Frames: the same columns and dtypes whatever is in them."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from tests.reports.hand_book import A, B

from optarb.ledger.rows import TABLES
from optarb.reports.frames import FRAMES

METHODS = ("trades", "equity", "denials", "signals", "intents", "fills", "events", "exits", "marks", "notes")
WITH_MONEY = ("trades", "equity", "intents", "fills", "events", "exits", "marks")


@pytest.mark.parametrize("method", [name for name in METHODS if name != "equity"])  # a run has at least one session
def test_frame_when_empty_then_same_columns_and_dtypes(result, empty, method):
    full, none = getattr(result, method)(), getattr(empty, method)()

    assert len(full) > 0
    assert len(none) == 0
    assert none.dtypes.to_dict() == full.dtypes.to_dict()
    assert none.index.name == full.index.name


@pytest.mark.parametrize("method", WITH_MONEY)
def test_frame_when_exact_then_money_is_decimal_and_equal_to_the_floats(result, method):
    floats, exact = getattr(result, method)(), getattr(result, method)(exact=True)

    assert list(floats) == list(exact)
    money = [name for name in floats if name.endswith("_usd")]
    assert money
    for name in money:
        assert floats[name].dtype == "float64"
        for value, precise in zip(floats[name], exact[name], strict=True):
            assert (precise is None and pd.isna(value)) or (isinstance(precise, Decimal) and float(precise) == value)


@pytest.mark.parametrize("method", METHODS)
def test_frame_when_made_then_units_stand_in_names_and_dates_are_datetimes(result, method):
    frame = getattr(result, method)().reset_index()

    for name in ("session", "opened", "closed"):
        if name in frame:
            assert frame[name].dtype == "datetime64[ns]"
    floats = {name for name in frame if frame[name].dtype == "float64"}
    assert {name for name in floats if not name.endswith("_usd")} <= {
        "confidence", "drawdown", "return_on_premium", "return_on_risk"
    }  # fmt: skip


@pytest.mark.parametrize("table", FRAMES)
def test_frames_when_compared_with_the_ledger_then_nothing_is_left_out_unknowingly(table):
    shown = {source for source, _, _ in FRAMES[table]}
    stored = {column.name for column in TABLES[table].columns}

    # A frame's own order stands for seq; position and units of a verdict are those of the trade; a backtest has no feed.
    left_out = {"verdicts": {"units", "position_id"}, "fills": {"feed", "live"}}
    assert stored - shown == {"seq"} | left_out.get(table, set())
    assert set(FRAMES) == set(TABLES)


def test_trades_when_read_then_one_row_a_position(result):
    trades = result.trades()

    assert trades.index.name == "trade_id"
    assert list(trades.index) == [A, B]
    assert trades["pnl_usd"].tolist() == [-451.3, -1402.6]
    assert trades["premium_usd"].tolist() == [1050.0, -600.0]
    assert trades["opened"].tolist() == [pd.Timestamp("2018-01-02"), pd.Timestamp("2018-01-03")]
    assert trades["held_sessions"].tolist() == [2, 2]
    assert trades["modelled"].tolist() == [False, True]
    assert result.trades(exact=True).loc[A, "pnl_usd"] == Decimal("-451.3000")


def test_equity_when_read_then_drawdown_and_buy_and_hold_stand_beside_it(result):
    equity = result.equity()

    assert equity.index.name == "session"
    assert equity.index.tolist() == list(pd.to_datetime(["2018-01-02", "2018-01-03", "2018-01-04", "2018-01-05"]))
    assert equity["equity_usd"].tolist() == [19969.35, 19606.75, 19746.10, 18146.10]
    assert equity["drawdown_usd"].tolist() == [30.65, 393.25, 253.90, 1853.90]
    assert equity["drawdown"].tolist() == pytest.approx([0.0015325, 0.0196625, 0.012695, 0.092695])
    assert equity["buy_and_hold_SPX_usd"].tolist() == pytest.approx([20_000.0, 20_200.0, 20_400.0, 19_800.0])
    assert equity["open_positions"].tolist() == [1, 2, 1, 0]
    assert equity["has_chain"].tolist() == [True, True, False, True]


def test_denials_when_read_then_every_verdict_that_is_no_entry(result):
    denials = result.denials()

    assert denials["verdict"].tolist() == ["denied", "unfilled"]
    assert denials["rule"].tolist() == ["min_confidence", "unfilled"]
    assert denials["numbers"].tolist() == [{"confidence": "0.4"}, {}]


def test_signals_when_read_then_reasons_are_lists_and_no_fit_is_missing_where_legs_fit(result):
    signals = result.signals()

    assert signals["reasons"].iloc[0] == ["5 % below", "oversold"]
    assert signals["no_fit"].isna().tolist() == [True, False, True, True]
    assert signals["proposals"].iloc[0] == [["bullish", "LongCall(delta=0.5)", 0.7]]


def test_fills_when_read_then_instants_are_utc_and_missing_where_unknown(result):
    fills = result.fills()

    assert fills["taken_at"].dtype == "datetime64[ns, UTC]"
    assert fills["taken_at"].iloc[0] == pd.Timestamp("2018-01-02 21:00", tz="UTC")
    assert pd.isna(fills["taken_at"].iloc[3])
    assert fills["quantity"].tolist() == [1, -2, 2, -1]


def test_intents_when_market_order_then_no_limit(result):
    limits = result.intents()["limit_usd"]

    assert limits.iloc[:2].tolist() == [10.5, -3.0]
    assert pd.isna(limits.iloc[2])
