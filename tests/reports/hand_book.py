"""A book filled by hand, every figure worked out on paper.

Capital 20,000. Trade 20180102.1 buys one call for 1,050 and is stopped at 600. Trade 20180103.1 sells two put verticals for a
credit of 600, which settle at -2,000. Fees are 0.65 a contract and side: 1.30 and 2.60.

    session      cash        value     equity      peak less equity
    2018-01-02   18,949.35   1,020.00  19,969.35      30.65
    2018-01-03   19,546.75      60.00  19,606.75     393.25
    2018-01-04   20,146.10    -400.00  19,746.10     253.90
    2018-01-05   18,146.10       0.00  18,146.10   1,853.90
"""

from __future__ import annotations

import json
from decimal import Decimal

from optarb.protocols.stores import BlockKey
from optarb.reports import Result
from optarb.specs import BacktestSpec, BacktestSummary

CALL, SHORT_PUT, LONG_PUT = "SPXW180131C02800000", "SPXW180105P02700000", "SPXW180105P02650000"
A, B = "20180102.1", "20180103.1"
S1, S2, S3, S4 = 20180102, 20180103, 20180104, 20180105
CLOSED, LATE = "2018-01-02T21:00:00+00:00", "2018-01-03T21:15:00+00:00"
SIM = (None, None)
"""Feed and kind of money of a fill."""


def money(dollars):
    return int(Decimal(str(dollars)) * 10_000)


def _signal(session, seq, expert, direction, confidence, structure, legs, no_fit=None, reasons=("because",)):  # noqa: PLR0917 - a row
    proposals = [[direction, structure, confidence]]
    return (
        session, seq, expert, "SPX", direction, confidence, structure, legs, no_fit, json.dumps(reasons), json.dumps(proposals)
    )  # fmt: skip


ROWS = {
    "signals": [
        _signal(S1, 0, "dip", "bullish", 0.7, "LongCall(delta=0.5)", f"+1 {CALL}", reasons=["5 % below", "oversold"]),
        _signal(S1, 1, "rules", "bearish", 0.4, "LongPut()", "", "no expiry within 5 days"),
        _signal(S2, 1, "rules", "bullish", 0.9, "Vertical(credit=True)", f"-1 {SHORT_PUT} +1 {LONG_PUT}"),
        _signal(S3, 0, "dip", "bullish", 0.65, "LongCall(delta=0.5)", f"+1 {CALL}"),
    ],
    "verdicts": [
        (S1, 0, "rules", "SPX", "denied", "min_confidence", "confidence 0.4 < 0.6", '{"confidence": "0.4"}', 0, None),
        (S1, 1, "dip", "SPX", "entered", "", "", '{"premium": "1050.0000"}', 1, A),
        (S2, 0, "rules", "SPX", "entered", "", "", "{}", 2, B),
        (S3, 0, "dip", "SPX", "unfilled", "unfilled", "the order did not fill", "{}", 1, None),
    ],
    "intents": [
        (S1, 0, A, "open", 1, 1, f"+1 {CALL}", money("10.5"), "LongCall(delta=0.5)"),
        (S2, 0, B, "open", 1, 2, f"-2 {SHORT_PUT} +2 {LONG_PUT}", money("-3"), "Vertical(credit=True)"),
        (S3, 0, A, "close", 1, 1, f"-1 {CALL}", None, "stop_loss"),
    ],
    "fills": [
        (S1, 0, A, "open", CALL, 1, money("10.5"), money("0.65"), money("10.2"), money("10.5"), CLOSED, 0, money(-1050), *SIM),
        (S2, 0, B, "open", SHORT_PUT, -2, money(5), money("2.6"), money(5), money("5.5"), LATE, 1, money(1000), *SIM),
        (S2, 1, B, "open", LONG_PUT, 2, money(2), 0, money("1.8"), money(2), LATE, 1, money(-400), *SIM),
        (S3, 0, A, "close", CALL, -1, money(6), money("0.65"), money(6), money("6.4"), None, 0, money(600), *SIM),
    ],
    "events": [
        (S4, 0, B, "settled", SHORT_PUT, -2, money(10), money(-2000), "on 2690.00"),
        (S4, 1, B, "settled", LONG_PUT, 2, 0, 0, "on 2690.00"),
    ],
    "exits": [
        (S3, 0, A, "stop_loss", money(600), money(-450), 2),
        (S4, 0, B, "expiry", money(-2000), money(-1400), 2),
    ],
    "marks": [
        (S1, 0, A, CALL, 1, money("10.2"), 1),
        (S2, 0, A, CALL, 1, money(8), 0),
        (S2, 1, B, SHORT_PUT, -2, money("5.5"), 1),
        (S2, 2, B, LONG_PUT, 2, money("1.8"), 1),
        (S3, 0, B, SHORT_PUT, -2, money(3), 1),
        (S3, 1, B, LONG_PUT, 2, money(1), 1),
    ],
    "notes": [(S2, 0, A, '{"peak": "11.0"}')],
    "equity": [
        (S1, 0, money("18949.35"), money(1020), money("19969.35"), 0, money(1050), 1, 0, 1),
        (S2, 0, money("19546.75"), money(60), money("19606.75"), 0, money(10450), 2, 1, 1),
        (S3, 0, money("20146.10"), money(-400), money("19746.10"), money("-451.30"), money(9400), 1, 0, 0),
        (S4, 0, money("18146.10"), 0, money("18146.10"), money("-1853.90"), 0, 0, 0, 1),
    ],
}  # fmt: skip

REPORT = {
    "inputs": {
        "data": {"SPX": {"bars": "b" * 64, "quotes": "c" * 64}, "VIX": {"bars": "d" * 64}},
        "components": {
            "simulator": {
                "component": "optarb.brokers.simulator:Simulator",
                "parameters": {
                    "component": "optarb.brokers.simulator:Simulator",
                    "parameters": {
                        "fills": {"component": "optarb.brokers.fill_models:CrossSpread", "parameters": {}},
                        "fees": {"component": "x:PerContractFee", "parameters": {"commission_usd": {"decimal": "0.65"}}},
                    },
                },
            }
        },
        "libraries": {"optarb": "0.1.0", "numpy": "2.5.0"},
    },
    "counts": {
        "trade": {"sessions_without_chain": 1},
        "signals": {"not_warmed_up": 3},
        "quotes": {"crossed": 7, "zero_bid": 9},
    },
    "bars_counts": {"SPX": {"not_a_session": 2}, "VIX": {}},
    "denials": {"min_confidence": 1, "unfilled": 1},
    "exits": {"stop_loss": 1, "expiry": 1},
    "modelled": {"SPX": True},
    "capital": "20000",
    "mark": "closing_side",
    "bars": "previous_session",
    "assumptions": ["no interest on idle cash"],
    "buy_and_hold": {"SPX": [2700.0, 2727.0, 2754.0, 2673.0]},
}

SPEC = BacktestSpec(strategy="mixed", start="2018-01-02", end="2018-01-05", backtest_id="by-hand", overrides={"dip.drop": 0.04})

SUMMARY = BacktestSummary(
    backtest_id="by-hand",
    strategy="mixed",
    sessions=4,
    trades=2,
    final_equity_usd=Decimal("18146.1000"),
    pnl_usd=Decimal("-1853.9000"),
    fees_usd=Decimal("3.9000"),
    max_drawdown=0.092695,
    sharpe=-1.5,
    modelled=True,
    digest="e" * 64,
)


def write_book(store, rows, summary=SUMMARY, report=REPORT, *, finished=True):
    """Writes a book into a store, as a run does."""
    claim = store.claim(
        summary.backtest_id, owner="me", identity="i", documents={"spec": SPEC.model_dump_json()}, lease_seconds=60
    )
    sessions = [row[0] for table in rows.values() for row in table] or [S1]
    store.commit(
        summary.backtest_id,
        claim.epoch,
        BlockKey(phase="trade", unit="", first=min(sessions)),
        last=max(sessions),
        parent="",
        state=b"{}",
        rows=rows,
    )
    store.write_document(summary.backtest_id, claim.epoch, "report", json.dumps(report))
    store.write_document(summary.backtest_id, claim.epoch, "summary", summary.model_dump_json())
    if finished:
        store.finish(summary.backtest_id, claim.epoch, "finished")
    return Result(store=store, backtest_id=summary.backtest_id, summary=summary)


EMPTY_ROWS = {"equity": [(S1, 0, money(20_000), 0, money(20_000), 0, 0, 0, 0, 1)]}
"""A run of one session in which nothing happened."""
EMPTY_SUMMARY = SUMMARY.model_copy(
    update={
        "sessions": 1,
        "trades": 0,
        "final_equity_usd": Decimal(20_000),
        "pnl_usd": Decimal(0),
        "fees_usd": Decimal(0),
        "max_drawdown": 0.0,
        "sharpe": None,
        "modelled": False,
    }
)
EMPTY_REPORT = {**REPORT, "denials": {}, "exits": {}, "buy_and_hold": {"SPX": [2700.0]}}
