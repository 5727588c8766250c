"""One digest: however a run is cut, interrupted, raced or resumed."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

import pytest
from tests.acceptance import small_desk, two_years

import optarb
from optarb.backtesting.claim import claim_book
from optarb.backtesting.close import close_book
from optarb.backtesting.context import RunContext
from optarb.backtesting.phases import PHASES, units_of
from optarb.backtesting.runner import run_phase_unit
from optarb.backtesting.trade import trade_blocks

# -- how it is cut ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_sessions", [1, 7, 30, 2000])
def test_block_size_when_changed_then_digest_and_ledger_do_not(two_year_files, tmp_path, reference, block_sessions):
    with two_years.desk(two_year_files, tmp_path) as desk:
        result = two_years.run(desk, block_sessions=block_sessions, backtest_id="mine")
        ledger = small_desk.ledger(desk.store, "mine")

    # An equal digest proves something only if this run computed all by itself: own store, own cache, every block.
    blocks = -(-503 // block_sessions)
    assert result.summary.blocks_computed["trade"] == blocks
    assert result.summary.blocks_computed["signals"] == 2 * blocks
    assert ledger == reference[1]
    assert result.summary.digest == reference[0].digest


def test_parallelism_and_time_slice_when_changed_then_the_digest_does_not(two_year_files, tmp_path, reference):
    execution = optarb.ExecutionSpec(block_sessions=13, parallelism=9, time_slice_seconds=0, max_in_flight=3)
    with two_years.desk(two_year_files, tmp_path) as desk:
        assert two_years.run(desk, execution=execution).summary.digest == reference[0].digest


# -- interruptions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["expert", "policy"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("once")], ids=["ctrl-c", "error"])
def test_run_when_interrupted_in_the_middle_and_resumed_then_one_digest(two_year_files, tmp_path, reference, place, error):
    two_years.FUSE[place] = (reference_session(reference), error)
    with two_years.desk(two_year_files, tmp_path) as desk:
        with pytest.raises((KeyboardInterrupt, optarb.ComponentError)):
            two_years.run(desk, block_sessions=7, backtest_id="mine")
        assert not two_years.FUSE
        status = desk.store.book("mine").status
        committed = desk.store.done("mine", "signals" if place == "expert" else "trade")

        result = two_years.run(desk, block_sessions=30, backtest_id="mine")
        ledger = small_desk.ledger(desk.store, "mine")

    assert status == ("cancelled" if isinstance(error, KeyboardInterrupt) else "failed")
    assert 0 < len(committed) < 72
    assert ledger == reference[1]
    assert result.summary.digest == reference[0].digest


def reference_session(reference):
    """A session in the middle at which both experts are asked and the policy too."""
    number = reference[1]["verdicts"][len(reference[1]["verdicts"]) // 2][0]
    return date(number // 10_000, number // 100 % 100, number % 100)


@pytest.mark.parametrize("place", ["expert", "policy"])
def test_component_when_it_raises_a_transient_error_once_then_tried_again(two_year_files, tmp_path, reference, place):
    two_years.FUSE[place] = (reference_session(reference), optarb.TransientError("away for a moment"))
    execution = optarb.ExecutionSpec(block_sessions=7, retry_interval_seconds=0.001)
    with two_years.desk(two_year_files, tmp_path) as desk:
        result = two_years.run(desk, execution=execution)
    assert not two_years.FUSE
    assert result.summary.digest == reference[0].digest


def test_component_when_a_transient_error_stays_then_it_is_raised_and_the_book_can_be_resumed(
    two_year_files, tmp_path, reference
):
    session = reference_session(reference)
    execution = optarb.ExecutionSpec(block_sessions=7, retry_interval_seconds=0.001, max_attempts=3)
    with two_years.desk(two_year_files, tmp_path) as desk:
        with always_raising(session), pytest.raises(optarb.TransientError, match="away for good"):
            two_years.run(desk, execution=execution, backtest_id="mine")
        assert [session] * 3 == two_years.TRIES
        result = two_years.run(desk, execution=execution, backtest_id="mine")
    assert result.summary.digest == reference[0].digest


@contextlib.contextmanager
def always_raising(session):
    two_years.TRIES.clear()
    two_years.FUSE["always"] = (session, optarb.TransientError("away for good"))
    yield
    del two_years.FUSE["always"]


def test_progress_when_it_interrupts_then_the_book_can_be_resumed(two_year_files, tmp_path, reference, capsys):
    seen = []

    def stop(progress):
        seen.append(progress)
        if progress.phase == "signals":
            raise KeyboardInterrupt

    with two_years.desk(two_year_files, tmp_path) as desk:
        spec = small_desk.spec(start=two_years.START, end=two_years.END, backtest_id="mine")
        with pytest.raises(KeyboardInterrupt):
            optarb.backtest(spec, desk, progress=stop)
        assert "mine" in capsys.readouterr().out
        result = optarb.backtest(spec, desk, progress=seen.append)

    assert seen[-1].phase == "finished"
    assert result.summary.digest == reference[0].digest


# -- races ------------------------------------------------------------------------------------------------------------------

BARRIER = threading.Barrier(3)


@dataclass(frozen=True, kw_only=True)
class CrowdedStore:
    """Lets three writers of trade blocks meet before each commit, for the first few blocks."""

    inner: optarb.SqlStore
    meetings: int

    def commit(self, book_id, epoch, key, **rest):
        if key.phase == "trade" and len(self.inner.done(book_id, "trade")) < self.meetings:
            BARRIER.wait(60)
        return self.inner.commit(book_id, epoch, key, **rest)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)


def ready_to_trade(desk, **changes):
    """A claimed run whose phases before trading are done."""
    spec = small_desk.spec(start=two_years.START, end=two_years.END, backtest_id="mine", **changes)
    claim = claim_book(desk, spec, "mine", "somebody")
    context = RunContext.open(desk, spec, "mine", claim.epoch)
    for phase in PHASES[:-1]:
        for unit in units_of(phase.name, context.plan, spec.execution):
            run_phase_unit(context, phase.name, unit, None, silent)
    return context


def test_trade_blocks_when_three_copies_run_at_once_then_one_ledger(two_year_files, tmp_path, reference):
    BARRIER.reset()
    store = CrowdedStore(inner=optarb.SqlStore(url=f"sqlite:///{tmp_path}/books.db"), meetings=5)
    with two_years.desk(two_year_files, tmp_path, store=store) as desk:
        context = ready_to_trade(desk, execution=optarb.ExecutionSpec(block_sessions=40))
        with ThreadPoolExecutor(3) as pool:
            finished = list(pool.map(lambda _: trade_blocks(context, None, silent), range(3)))
        close_book(context)
        ledger, summary = small_desk.ledger(store, "mine"), optarb.load_result(desk, "mine").summary

    assert finished == [True, True, True]
    assert ledger == reference[1]
    assert summary.digest == reference[0].digest
    assert summary.final_equity_usd == reference[0].final_equity_usd


def silent(phase, done, total):
    pass


def test_two_backtests_on_one_underlying_when_run_at_once_then_each_as_if_alone(two_year_files, tmp_path, reference):
    desk = two_years.desk(two_year_files, tmp_path)
    settings = [{}, {"overrides": {"dip.depth": 9.0}}, {"capital": 30_000}]
    with two_years.desk(two_year_files, tmp_path / "alone") as other:
        alone = [two_years.run(other, **changes).summary.digest for changes in settings]
    assert alone[0] == reference[0].digest
    assert len(set(alone)) == 3
    with desk, ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda changes: two_years.run(desk, **changes).summary.digest, settings))
    assert together == alone
