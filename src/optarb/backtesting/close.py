"""Phase 5: the ledger is hashed, the report is made, and the book is finished."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

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
    from collections.abc import Sequence

    from optarb.backtesting.context import RunContext
    from optarb.ledger.rows import Row
    from optarb.protocols import BacktestStore

__all__ = ["close_book"]


def close_book(context: RunContext) -> BacktestSummary:
    """Makes the report and finishes the book. Repeating it gives the same report.

    Args:
        context: The run, after its last trade block.
    """
    store, book_id = context.store, context.book_id
    ledger = _ReadOnce(store)
    trades = read_trades(ledger.as_store(), book_id)
    summary = _summary(context, ledger, trades)
    report = _report(context, ledger, trades)
    store.write_document(book_id, context.epoch, "report", json.dumps(report, sort_keys=True))
    store.write_document(book_id, context.epoch, "summary", summary.model_dump_json())
    store.finish(book_id, context.epoch, "finished")
    return summary


class _ReadOnce:
    """The rows of a book that is complete, each table read once."""

    def __init__(self, store: BacktestStore) -> None:
        self._store = store
        self._tables: dict[str, Sequence[Row]] = {}

    def rows(self, book_id: str, table: str, _first: int | None = None, _last: int | None = None) -> Sequence[Row]:
        if table not in self._tables:
            self._tables[table] = self._store.rows(book_id, table)
        return self._tables[table]

    def as_store(self) -> BacktestStore:
        """For what reads whole tables of a store and does nothing else with it."""
        return cast("BacktestStore", self)


def _summary(context: RunContext, ledger: _ReadOnce, trades: list[Trade]) -> BacktestSummary:
    store, book_id = context.store, context.book_id
    equity = [row[4] for row in ledger.rows(book_id, "equity")]
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
        digest=ledger_digest(ledger.as_store(), book_id),
        blocks_computed={phase.name: blocks for phase in PHASES if (blocks := len(store.done(book_id, phase.name)))},
        duration=datetime.now(UTC) - store.book(book_id).created_at,
    )


def _report(context: RunContext, ledger: _ReadOnce, trades: list[Trade]) -> dict[str, Any]:
    """What a report draws beside the rows: provenance, counts by kind, the benchmark."""
    store, book_id = context.store, context.book_id
    counts = counts_of(context)
    evaluated: Counter[str] = Counter()
    for checkpoint in store.checkpoints(book_id, signals.PHASE):
        evaluated.update(json.loads(checkpoint.state))
    denials: Counter[str] = Counter(str(row[5]) for row in ledger.rows(book_id, "verdicts") if row[4] != "entered")
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
        "margin": context.setup.simulator.margin.label,
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
