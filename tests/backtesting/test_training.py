"""Experts that train, in a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from tests.acceptance import small_desk

import optarb

FITS: list[tuple[date, date]] = []
"""Cut-off and last visible bar of every fit in this process."""


def parse(content: bytes) -> dict:
    return json.loads(content)


@dataclass(frozen=True, kw_only=True)
class Averager:
    """Buys below the mean close that it learnt; its reasons tell the model it used."""

    every: int = 10

    def cutoffs(self, sessions):
        return sessions[20 :: self.every]

    def fit(self, view):
        close = view.bars().close
        FITS.append((view.bars_through, view.bars().sessions[-1].item()))
        return json.dumps({"mean": float(close.mean()), "bars": len(close), "cutoff": str(view.bars_through)}).encode()

    def evaluate(self, view):
        if view.model is None:
            return None
        learnt = view.model.load(parse)
        assert learnt["cutoff"] == str(view.model.cutoff)
        reasons = [f"cutoff {view.model.cutoff} through {view.bars_through} bars {learnt['bars']}"]
        return optarb.Signal.bullish(optarb.LongCall(dte=30, moneyness=1.0), confidence=0.9, reasons=reasons)


@dataclass(frozen=True, kw_only=True)
class Wrapped:
    inner: Averager = field(default_factory=Averager)

    def evaluate(self, view):
        return self.inner.evaluate(view)


@dataclass(frozen=True, kw_only=True)
class TwoModels:
    one: Averager = field(default_factory=Averager)
    two: Averager = field(default_factory=Averager)

    def evaluate(self, view):
        return None


@dataclass(frozen=True, kw_only=True)
class Restless(Averager):
    """Gives another model at each fit."""

    def fit(self, view):
        FITS.append((view.bars_through, view.bars().sessions[-1].item()))
        return f"{len(FITS)}".encode()

    def evaluate(self, view):
        if view.model is not None:
            view.model.load(bytes)


@pytest.fixture
def files(tmp_path) -> Path:
    FITS.clear()
    small_desk.market().write(tmp_path / "data")
    return tmp_path


def reasons(result):
    return [json.loads(row[9])[0] for row in result.store.rows(result.backtest_id, "signals")]


@pytest.mark.parametrize("expert", [Averager(), Wrapped()])
def test_training_when_run_then_each_view_has_the_newest_model_it_may_know(files, expert):
    with small_desk.desk(files, expert=expert) as desk:
        result = small_desk.run(desk)
        sessions = desk.calendar.sessions(small_desk.FIRST, small_desk.END)
    cutoffs = [one for one in sessions[20::10] if one < small_desk.END]

    assert [fit[0] for fit in FITS] == cutoffs
    assert all(cutoff == last for cutoff, last in FITS)
    told = reasons(result)
    assert told
    for text in told:
        _, cutoff, _, through, _, bars = text.split()
        known = [one for one in cutoffs if str(one) <= through]
        assert cutoff == str(known[-1])
        assert int(bars) == sessions.index(known[-1]) + 1
    assert result.summary.blocks_computed["training"] == len(cutoffs)


def test_training_when_cut_into_other_blocks_then_one_digest_and_models_from_the_cache(files):
    with small_desk.desk(files, expert=Averager()) as desk:
        digests = {
            small_desk.run(desk, execution=optarb.ExecutionSpec(block_sessions=size)).summary.digest for size in (1, 7, 100)
        }
    assert len(digests) == 1
    assert len(FITS) == len({cutoff for cutoff, _ in FITS})


def test_training_when_a_parameter_changes_then_fitted_anew(files):
    with small_desk.desk(files, expert=Averager()) as desk:
        small_desk.run(desk)
        before = len(FITS)
        small_desk.run(desk, overrides={"buyer.every": 9})
    assert len(FITS) > before


def test_training_when_two_parts_train_then_refused(files):
    with small_desk.desk(files, expert=TwoModels()) as desk, pytest.raises(optarb.ConfigurationError, match=r"buyer\.two"):
        small_desk.run(desk)


def test_training_when_uncached_and_not_repeatable_then_data_changed(files):
    with (
        small_desk.desk(files, expert=Restless(), cache=optarb.NoCache()) as desk,
        pytest.raises(optarb.DataChanged, match="same bytes"),
    ):
        small_desk.run(desk)
