"""A checker that is made blind in one place no longer finds what that place is there to find: each of its eyes sees."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from tests.lookahead import cheats
from tests.naming import name_of

from optarb.lookahead import _changes, _tasks, _tries


def unchanged(values, seed):
    return values


@pytest.fixture
def uncut(monkeypatch):
    """Cutting leaves everything as it is."""
    monkeypatch.setattr(_changes, "_cut", lambda bars, known, session: bars)
    monkeypatch.setattr(_changes, "_cut_chains", lambda table, known, behind: table)


@pytest.mark.parametrize("name", _changes.REARRANGED)
def test_change_when_it_is_the_only_one_then_it_finds_the_cheat_and_blinded_it_does_not(found, uncut, monkeypatch, name):
    every = _changes.REARRANGED
    monkeypatch.setattr(_tries, "REARRANGED", {name: None})  # its names alone are read there

    def only(change):
        monkeypatch.setattr(_changes, "REARRANGED", {**every, name: change})

    only(every[name])
    # A sum of quotes stays the same when they change places.
    some = (cheats.CentredMean(), cheats.LaterQuotes() if name == "replace" else cheats.AroundTheView())
    for cheat in some:
        assert found(cheat, sessions=8)["future"].tries == (name,)

    only(unchanged)
    for cheat in some:
        assert "future" not in found(cheat, sessions=8)


def test_cut_when_it_is_the_only_change_then_it_finds_the_cheats(found, monkeypatch):
    monkeypatch.setattr(_tries, "REARRANGED", {})

    for cheat in CHEATS_OF_THE_FUTURE:
        assert found(cheat)["future"].tries == ("cut",)


def test_cut_when_blinded_and_alone_then_the_cheats_escape(check, uncut, monkeypatch):
    monkeypatch.setattr(_tries, "REARRANGED", {})

    for cheat in CHEATS_OF_THE_FUTURE:
        assert check(cheat).ok


CHEATS_OF_THE_FUTURE = (
    cheats.FutureClose(),
    cheats.RevisedPivot(),
    cheats.LengthTold(),
    cheats.AroundTheView(),
    cheats.TrainedTooLate(),
    cheats.takes_what_rises,
    cheats.ExitsBeforeFalls(),
)


@pytest.mark.parametrize(
    "cheat",
    [
        *CHEATS_OF_THE_FUTURE,
        cheats.BehindTheArray(),
        cheats.CountsCalls(),
        cheats.ReadsTheClock(),
        cheats.DrawsNumbers(source="entropy"),
    ],
    ids=name_of,
)
def test_comparison_when_blinded_then_every_cheat_escapes(check, monkeypatch, cheat):
    assert not check(cheat).ok
    cheats.KEPT.clear()

    monkeypatch.setattr(_tries, "differing", lambda expected, got: [])

    assert check(cheat).ok


def _without_memory(monkeypatch):
    monkeypatch.setattr(_changes, "_with_memory_behind", lambda cut, bars, seed: cut)


def _without_clock(monkeypatch):
    monkeypatch.setattr(_tasks, "clock_ahead", lambda component, days: nullcontext())


def _without_seeds(monkeypatch):
    seeded = _tasks._seeded
    monkeypatch.setattr(_tasks, "_seeded", lambda seed: seeded(0))


def _without_asking_again(monkeypatch):
    task = _tries.Task
    monkeypatch.setattr(_tries, "Task", lambda **fields: task(**{**fields, "again": ()}))


@pytest.mark.parametrize(
    ("cheat", "blind", "kind"),
    [
        (cheats.BehindTheArray(), _without_memory, "memory"),
        (cheats.ReadsTheClock(), _without_clock, "clock"),
        (cheats.DrawsNumbers(), _without_seeds, "randomness"),
    ],
    ids=name_of,
)
def test_circumstance_when_left_out_then_its_cheat_escapes(found, monkeypatch, cheat, blind, kind):
    assert kind in found(cheat)

    blind(monkeypatch)

    assert kind not in found(cheat)


def test_asking_again_when_left_out_then_what_the_first_run_leaves_behind_is_seen_by_other_runs_alone(found, monkeypatch):
    assert set(found(cheats.CountsCalls(), processes=True)) == {"repetition", "order", "blocks"}

    _without_asking_again(monkeypatch)

    assert set(found(cheats.CountsCalls(), processes=True)) == {"order", "blocks"}


@pytest.mark.parametrize("left_out", ["_order", "_alone"])
def test_order_and_blocks_when_one_is_left_out_then_only_the_other_finds(found, monkeypatch, left_out):
    def alone(tries):
        tries._controls = {session: tries.true_answers[session] for session in tries._drawn}

    monkeypatch.setattr(_tries.Tries, left_out, alone)

    expected = {"_order": {"blocks"}, "_alone": {"order"}}[left_out]
    # In this process the first caller of all has been there long before.
    assert set(found(cheats.FirstCallerTrains(), processes=True)) & {"order", "blocks"} == expected


def test_inputs_when_no_change_of_one_reaches_the_component_then_none_is_named(found, monkeypatch):
    changed = _changes._other

    def other(columns, start, change):
        return columns if change.only is not None else changed(columns, start, change)

    assert found(cheats.FutureClose())["future"].inputs != ()
    monkeypatch.setattr(_changes, "_other", other)

    finding = found(cheats.FutureClose())["future"]

    assert finding.inputs == ()
