"""Phase 0: a run takes its book."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from optarb.backtesting.context import Plan, RunContext, Training
from optarb.backtesting.training import planned_trainings, trained_part
from optarb.desk.intake import SourceFacts, declared_indicators, gather_inputs, identity_of, trading_sessions

if TYPE_CHECKING:
    from optarb.desk import Desk, Setup
    from optarb.protocols import Claim
    from optarb.specs import BacktestSpec

__all__ = ["Prepared", "claim_book", "claim_prepared", "new_backtest_id", "open_claimed", "prepare"]


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
    return claim_prepared(desk, prepare(desk, spec), book_id, owner)


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A run before its claim: all that the claim will fix."""

    spec: BacktestSpec
    """As it was given."""
    setup: Setup
    """With overrides."""
    inputs: Mapping[str, Any]
    """Fingerprints of data, code and libraries."""
    plan: Plan
    """Sessions and how they are cut."""

    @property
    def identity(self) -> str:
        """Digest of all that can change the ledger."""
        return identity_of(self.setup.spec, self.inputs)


def prepare(desk: Desk, spec: BacktestSpec, *, setup: Setup | None = None, facts: SourceFacts | None = None) -> Prepared:
    """Looks up all that a claim fixes.

    Args:
        desk: Data and infrastructure.
        spec: What to run.
        setup: ``desk.setup(spec)``, if it was made before.
        facts: What the desk's sources said before, for runs that are to see the same data; None asks them now.

    Raises:
        ConfigurationError: The spec does not fit the desk.
        DataError: The range holds no session, or data are missing.
    """
    setup = setup or desk.setup(spec)
    facts = facts or SourceFacts(desk.market_data)
    declared_indicators(desk, setup)
    sessions, before = trading_sessions(desk, setup.spec)
    plan = Plan(
        sessions=sessions,
        before=before,
        block_sessions=spec.execution.block_sessions,
        symbols=setup.strategy.symbols,
        underlyings=tuple(setup.strategy.underlyings),
        experts=tuple(setup.strategy.experts),
        trainings=_trainings(desk, setup, sessions, before, facts),
    )
    return Prepared(spec=spec, setup=setup, inputs=gather_inputs(desk, setup, facts), plan=plan)


def claim_prepared(desk: Desk, prepared: Prepared, book_id: str, owner: str) -> Claim:
    """Takes the book of a prepared run; see :func:`claim_book`."""
    spec = prepared.spec
    return desk.store.claim(
        book_id,
        owner=owner,
        identity=prepared.identity,
        documents={
            "spec": spec.model_copy(update={"backtest_id": book_id}).model_dump_json(),
            "plan": prepared.plan.to_json(),
            "inputs": json.dumps(prepared.inputs, sort_keys=True),
        },
        lease_seconds=spec.execution.lease_seconds,
        replace=spec.on_existing == "replace",
    )


def open_claimed(desk: Desk, prepared: Prepared, claim: Claim) -> RunContext:
    """Opens a run in the process that claimed it, without looking everything up again.

    Args:
        desk: Data and infrastructure.
        prepared: What was claimed.
        claim: The answer. A book that existed keeps its own plan.
    """
    stored = claim.info.documents["plan"]
    return RunContext(
        desk=desk,
        setup=prepared.setup,
        book_id=claim.info.book_id,
        epoch=claim.epoch,
        plan=prepared.plan if claim.kind == "new" else Plan.from_json(stored),
        inputs=prepared.inputs,
    )


def _trainings(desk: Desk, setup: Setup, sessions: tuple[date, ...], before: date, facts: SourceFacts) -> tuple[Training, ...]:
    """Plans the fits. The history begins at ``history_start``, or with the first bar that every underlying has."""
    strategy, spec = setup.strategy, setup.spec
    if all(trained_part(name, expert) is None for name, expert in strategy.experts.items()):
        return ()
    starts = [facts.first_bar(symbol) for symbol in strategy.underlyings]
    if spec.history_start is not None:
        starts.append(spec.history_start)
    start = max(starts)
    last = sessions[-1] if spec.bars == "same_session" else (before, *sessions)[-2]
    planned = planned_trainings(strategy, desk.calendar.sessions(start, sessions[-1]), last)
    return tuple(Training(expert=expert, underlying=underlying, cutoff=cutoff) for expert, underlying, cutoff in planned)
