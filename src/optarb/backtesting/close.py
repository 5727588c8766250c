"""Phase 5: the ledger is hashed, the report is made, and the book is finished."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optarb.backtesting import signals
from optarb.backtesting.digest import ledger_digest
from optarb.backtesting.ingest import ingested
from optarb.backtesting.phases import PHASES
from optarb.backtesting.trade import counts_of
from optarb.domain.money import UNITS_PER_DOLLAR, from_units
from optarb.reports.metrics import drawdown, sharpe
from optarb.reports.trades import Trade, read_trades
from optarb.specs import BacktestSummary

if TYPE_CHECKING:
    from optarb.backtesting.context import RunContext

__all__ = ["close_book"]


def close_book(context: RunContext) -> BacktestSummary:
    """Makes the report and finishes the book. Repeating it gives the same report.

    Args:
        context: The run, after its last trade block.
    """
    store, book_id = context.store, context.book_id
    trades = read_trades(store, book_id)
    summary = _summary(context, trades)
    report = _report(context, trades)
    store.write_document(book_id, context.epoch, "report", json.dumps(report, sort_keys=True))
    store.write_document(book_id, context.epoch, "summary", summary.model_dump_json())
    store.finish(book_id, context.epoch, "finished")
    return summary


def _summary(context: RunContext, trades: list[Trade]) -> BacktestSummary:
    store, book_id = context.store, context.book_id
    equity = [row[4] for row in store.rows(book_id, "equity")]
    capital = context.spec.capital
    curve = [float(capital), *(float(value or 0) / UNITS_PER_DOLLAR for value in equity)]
    final = from_units(int(equity[-1] or 0))
    return BacktestSummary(
        backtest_id=book_id,
        strategy=context.spec.strategy,
        sessions=len(equity),
        trades=len(trades),
        final_equity_usd=final,
        pnl_usd=final - capital,
        fees_usd=from_units(sum(one.fees for one in trades)),
        max_drawdown=drawdown(curve).fraction,
        sharpe=sharpe(curve),
        modelled=any(one.modelled for one in trades),
        digest=ledger_digest(store, book_id),
        blocks_computed={phase.name: blocks for phase in PHASES if (blocks := len(store.done(book_id, phase.name)))},
        duration=datetime.now(UTC) - store.book(book_id).created_at,
    )


def _report(context: RunContext, trades: list[Trade]) -> dict[str, Any]:
    """What a report draws beside the rows: provenance, counts by kind, the benchmark."""
    store, book_id = context.store, context.book_id
    counts = counts_of(context)
    evaluated: Counter[str] = Counter()
    for checkpoint in store.checkpoints(book_id, signals.PHASE):
        evaluated.update(json.loads(checkpoint.state))
    denials: Counter[str] = Counter(str(row[5]) for row in store.rows(book_id, "verdicts") if row[4] != "entered")
    facts = ingested(context)
    quotes: Counter[str] = Counter()
    for symbol in context.plan.underlyings:
        for month in facts[symbol]["quotes"]["months"]:
            quotes.update(month["counts"])
    return {
        "inputs": context.inputs,
        "counts": {"trade": counts, "signals": dict(evaluated), "quotes": dict(quotes)},
        "bars_counts": {symbol: fact["bars"]["counts"] for symbol, fact in facts.items()},
        "denials": dict(denials),
        "exits": dict(Counter(one.exit_reason for one in trades)),
        "modelled": {
            symbol: any(month["modelled"] for month in facts[symbol]["quotes"]["months"]) for symbol in context.plan.underlyings
        },
        "capital": str(Decimal(context.spec.capital)),
        "mark": context.spec.mark,
        "bars": context.spec.bars,
        "assumptions": list(_ASSUMPTIONS),
        "buy_and_hold": _buy_and_hold(context),
    }


_ASSUMPTIONS = (
    "no interest on idle cash, no borrow fees, no margin interest",
    "physically settled contracts are closed on their last quotes before delivery",
)


def _buy_and_hold(context: RunContext) -> dict[str, list[float]]:
    """Closes of the underlyings over the run, for the line beside the equity."""
    from optarb.backtesting.market_loader import load_market

    market = load_market(context)
    return {symbol: [market.close(symbol, session) for session in context.plan.sessions] for symbol in context.plan.underlyings}
