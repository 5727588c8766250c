"""The book of a sweep, and the books of its settings: checked, claimed, run and counted."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from optarb._component import canonical
from optarb.backtesting.claim import claim_prepared, open_claimed, prepare
from optarb.backtesting.runner import run_book
from optarb.desk.intake import SourceFacts, declared_indicators, identity_of, load_bars, trading_sessions
from optarb.errors import ComponentError, ConfigurationError, OptarbError, TransientError
from optarb.reports.sweep_result import setting_books
from optarb.specs import SweepSpec, SweepSummary
from optarb.stores import process_owner

if TYPE_CHECKING:
    from optarb.backtesting.context import Tick
    from optarb.desk import Desk, Setup
    from optarb.protocols import Claim

__all__ = [
    "OF_ONE_SETTING",
    "OpenSweep",
    "claim_sweep",
    "finish_sweep",
    "new_sweep_id",
    "run_setting",
    "settings_left",
    "summary_of",
]

_logger = logging.getLogger("optarb")

OF_ONE_SETTING = (ComponentError, TransientError)
"""Errors that end one setting and stand in the table; every other one ends the sweep."""


def new_sweep_id(sweep: SweepSpec) -> str:
    """Returns a new id: the strategy's name, ``sweep``, the date and eight random hexadecimal digits."""
    return f"{sweep.spec.strategy}-sweep-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(4)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenSweep:
    """A sweep whose book is claimed."""

    sweep: SweepSpec
    """With its id."""
    claim: Claim
    """The answer to the claim."""
    facts: SourceFacts
    """What the sources said; every setting runs on that."""
    inputs: Mapping[str, Any]
    """Fingerprints of data, code and libraries for the first setting."""

    @property
    def sweep_id(self) -> str:
        """The sweep's id."""
        return self.claim.info.book_id


def claim_sweep(desk: Desk, sweep: SweepSpec, owner: str) -> OpenSweep:
    """Checks every setting and takes the sweep's book.

    Args:
        desk: Data and infrastructure.
        sweep: What to run, with its id.
        owner: Names the run; equal on a retry.

    Raises:
        ConfigurationError: A setting does not fit the desk, or two come to the same.
        DataError: The range holds no session, or data are missing.
        AlreadyRunning: Another owner runs the sweep.
        BookConflict: The id belongs to another grid, spec, data or code.
    """
    if sweep.sweep_id is None:
        raise ConfigurationError("a sweep is claimed by its id; set sweep_id")
    _check(desk, sweep)
    facts = SourceFacts(desk.market_data)
    first = prepare(desk, sweep.setting(0), facts=facts)
    grid = [sweep.overrides(number) for number in range(sweep.count)]
    claim = desk.store.claim(
        sweep.sweep_id,
        owner=owner,
        identity=identity_of(sweep.spec, {**first.inputs, "settings": grid}),
        documents={"spec": sweep.spec.model_dump_json(), "sweep": sweep.model_dump_json()},
        lease_seconds=sweep.spec.execution.lease_seconds,
    )
    return OpenSweep(sweep=sweep, claim=claim, facts=facts, inputs=first.inputs)


def _check(desk: Desk, sweep: SweepSpec) -> None:
    """Refuses a sweep of which some setting cannot run, or two are the same."""
    seen: dict[str, int] = {}
    ranges: set[Hashable] = set()
    for number in range(sweep.count):
        try:
            setup = desk.setup(sweep.setting(number))
            declared_indicators(desk, setup)
            _check_range(desk, setup, ranges)
        except OptarbError as error:
            raise type(error)(f"setting {number} {sweep.overrides(number)}: {error}") from error
        content = [canonical(setup.strategy), canonical(setup.simulator), {**setup.spec.ledger_fields(), "overrides": None}]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        if digest in seen:
            other = seen[digest]
            raise ConfigurationError(
                f"settings {other} {sweep.overrides(other)} and {number} {sweep.overrides(number)} come to the same; "
                "leave one out"
            )
        seen[digest] = number


def _check_range(desk: Desk, setup: Setup, known: set[Hashable]) -> None:
    """Checks sessions and bars, once for all settings that read the same."""
    spec, symbols = setup.spec, setup.strategy.symbols
    key = (spec.start, spec.end, spec.history_start, spec.allow_gaps, symbols)
    if key in known:
        return
    sessions, _ = trading_sessions(desk, spec)
    for symbol in symbols:
        load_bars(desk, spec, symbol, sessions)
    known.add(key)


def settings_left(desk: Desk, sweep: SweepSpec) -> tuple[int, ...]:
    """Returns the numbers of the settings that are not finished."""
    books = setting_books(desk.store, sweep)
    return tuple(number for number, book in enumerate(books) if book is None or book.status != "finished")


def run_setting(desk: Desk, sweep: SweepSpec, number: int, facts: SourceFacts, watch: Tick | None = None) -> None:
    """Runs one setting in this process, unless it is finished. What fails in it alone is noted in its book.

    Args:
        desk: Data and infrastructure.
        sweep: The sweep, with its id.
        number: The setting.
        facts: What the sources said when the sweep was claimed.
        watch: Called a few times a second; it may raise :class:`~optarb.errors.Cancelled`.

    Raises:
        OptarbError: What ends the whole sweep.
    """
    spec = sweep.setting(number)
    prepared = prepare(desk, spec, facts=facts)
    claim = claim_prepared(desk, prepared, f"{sweep.sweep_id}/{number}", process_owner())
    if claim.kind == "finished":
        return
    try:
        run_book(open_claimed(desk, prepared, claim), lambda _: None, watch)
    except OF_ONE_SETTING as error:
        _logger.warning("setting %s of sweep %s failed: %s", number, sweep.sweep_id, error)


def finish_sweep(desk: Desk, sweep: SweepSpec, epoch: int) -> SweepSummary:
    """Counts the settings and ends the sweep's book: finished, or failed if a setting failed, so that it can be tried again.

    Args:
        desk: Data and infrastructure.
        sweep: The sweep, with its id.
        epoch: From the claim.
    """
    summary = summary_of(desk, sweep)
    complete = summary.finished == summary.settings
    left = f"{summary.settings - summary.finished} of {summary.settings} settings did not finish"
    desk.store.finish(summary.sweep_id, epoch, "finished" if complete else "failed", error=None if complete else left)
    return summary


def summary_of(desk: Desk, sweep: SweepSpec) -> SweepSummary:
    """Counts the settings.

    Args:
        desk: Whose store holds their books.
        sweep: The sweep, with its id.
    """
    statuses = ["pending" if book is None else book.status for book in setting_books(desk.store, sweep)]
    return SweepSummary(
        sweep_id=sweep.sweep_id or "",
        settings=sweep.count,
        finished=statuses.count("finished"),
        failed=statuses.count("failed"),
    )
