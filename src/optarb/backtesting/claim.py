"""Phase 0: a run takes its book."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from optarb.backtesting.context import Plan, Training
from optarb.backtesting.training import planned_trainings, trained_part
from optarb.desk.intake import declared_indicators, gather_inputs, identity_of, trading_sessions

if TYPE_CHECKING:
    from datetime import date

    from optarb.desk import Desk, Setup
    from optarb.protocols import Claim
    from optarb.specs import BacktestSpec

__all__ = ["claim_book", "new_backtest_id"]


def new_backtest_id(spec: BacktestSpec) -> str:
    """Returns a new id: the strategy's name, the date and eight random hexadecimal digits."""
    return f"{spec.strategy}-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(4)}"


def claim_book(desk: Desk, spec: BacktestSpec, book_id: str, owner: str) -> Claim:
    """Takes the book of a spec, fixing sessions, blocks and the fingerprints of data, code and libraries.

    Args:
        desk: Data and infrastructure.
        spec: What to run.
        book_id: The book; ``spec.backtest_id`` unless that is None.
        owner: Names the run; equal on a retry.

    Raises:
        ConfigurationError: The spec does not fit the desk.
        DataError: The range holds no session, or data are missing.
        AlreadyRunning: Another owner runs the book.
        BookConflict: The book belongs to a run of another spec, data or code.
    """
    setup = desk.setup(spec)
    declared_indicators(desk, setup)
    sessions, before = trading_sessions(desk, setup.spec)
    inputs = gather_inputs(desk, setup)
    plan = Plan(
        sessions=sessions,
        before=before,
        block_sessions=spec.execution.block_sessions,
        symbols=setup.strategy.symbols,
        underlyings=tuple(setup.strategy.underlyings),
        experts=tuple(setup.strategy.experts),
        trainings=_trainings(desk, setup, sessions, before),
    )
    documents = {
        "spec": spec.model_copy(update={"backtest_id": book_id}).model_dump_json(),
        "plan": plan.to_json(),
        "inputs": json.dumps(inputs, sort_keys=True),
    }
    return desk.store.claim(
        book_id,
        owner=owner,
        identity=identity_of(setup.spec, inputs),
        documents=documents,
        lease_seconds=spec.execution.lease_seconds,
        replace=spec.on_existing == "replace",
    )


def _trainings(desk: Desk, setup: Setup, sessions: tuple[date, ...], before: date) -> tuple[Training, ...]:
    """Plans the fits. The history begins at ``history_start``, or with the first bar that every underlying has."""
    strategy, spec = setup.strategy, setup.spec
    if all(trained_part(name, expert) is None for name, expert in strategy.experts.items()):
        return ()
    starts = [desk.market_data.bars(symbol).dates[0] for symbol in strategy.underlyings]
    if spec.history_start is not None:
        starts.append(spec.history_start)
    start = max(starts)
    last = sessions[-1] if spec.bars == "same_session" else (before, *sessions)[-2]
    planned = planned_trainings(strategy, desk.calendar.sessions(start, sessions[-1]), last)
    return tuple(Training(expert=expert, underlying=underlying, cutoff=cutoff) for expert, underlying, cutoff in planned)
