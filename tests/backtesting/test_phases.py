from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backtesting.conftest import commit

from optarb.backtesting.context import Plan, Training
from optarb.backtesting.phases import PHASES, Unit, remaining_units, units_of, weight_of
from optarb.specs import ExecutionSpec


def plan_of(sessions, block_sessions, *, experts=("a", "b"), trainings=()):
    days = tuple(date(2014, 1, 1) + timedelta(days=i) for i in range(sessions))
    return Plan(
        sessions=days,
        before=date(2013, 12, 31),
        block_sessions=block_sessions,
        symbols=("SPX", "SPY", "VIX"),
        underlyings=("SPX", "SPY"),
        experts=experts,
        trainings=trainings,
    )


def test_phases_when_listed_then_in_their_order_and_only_trade_is_a_chain():
    assert [(phase.name, phase.parallel) for phase in PHASES] == [
        ("ingest", True),
        ("features", True),
        ("training", True),
        ("signals", True),
        ("trade", False),
    ]


def test_units_when_ingest_or_features_then_a_symbol_each():
    plan = plan_of(10, 3)
    assert units_of("ingest", plan, ExecutionSpec()) == (Unit(name="SPX"), Unit(name="SPY"), Unit(name="VIX"))
    assert units_of("features", plan, ExecutionSpec()) == units_of("ingest", plan, ExecutionSpec())


def test_units_when_training_then_a_fit_each():
    fits = (
        Training(expert="a", underlying="SPX", cutoff=date(2014, 1, 3)),
        Training(expert="a", underlying="SPX", cutoff=date(2014, 1, 6)),
    )
    units = units_of("training", plan_of(10, 3, trainings=fits), ExecutionSpec())
    assert units == (Unit(name="a/SPX/2014-01-03"), Unit(name="a/SPX/2014-01-06"))
    assert units_of("training", plan_of(10, 3), ExecutionSpec()) == ()


def test_units_when_trade_then_one_over_all_blocks():
    assert units_of("trade", plan_of(10, 3), ExecutionSpec()) == (Unit(name="", first=0, last=4),)


@pytest.mark.parametrize(
    ("sessions", "block", "parallelism", "ranges"),
    [
        # 240 sessions over 4 x 2 are 30 a unit, which is one block of 30.
        (240, 30, 2, [(i, i + 1) for i in range(8)]),
        # 30 a unit are three blocks of 10; of 24 blocks.
        (240, 10, 2, [(i, i + 3) for i in range(0, 24, 3)]),
        # 241 sessions make a block more, of one session.
        (241, 10, 2, [*((i, i + 3) for i in range(0, 24, 3)), (24, 25)]),
        # Blocks larger than a unit should be: one block a unit.
        (100, 40, 5, [(0, 1), (1, 2), (2, 3)]),
        (5, 30, 2, [(0, 1)]),
        (1000, 10, 1, [(0, 25), (25, 50), (50, 75), (75, 100)]),
    ],
)
def test_units_when_signals_then_ranges_of_about_sessions_over_four_times_parallelism(sessions, block, parallelism, ranges):
    units = units_of("signals", plan_of(sessions, block), ExecutionSpec(parallelism=parallelism))
    assert units == tuple(Unit(name=expert, first=first, last=last) for expert in "ab" for first, last in ranges)


@settings(deadline=None)
@given(st.integers(1, 700), st.integers(1, 90), st.integers(1, 40))
def test_units_when_signals_are_cut_then_every_block_once_and_weights_sum_to_the_sessions(sessions, block, parallelism):
    plan = plan_of(sessions, block)
    units = [unit for unit in units_of("signals", plan, ExecutionSpec(parallelism=parallelism)) if unit.name == "a"]

    assert [i for unit in units for i in range(unit.first, unit.last)] == list(range(len(plan.blocks)))
    assert sum(weight_of(unit, plan) for unit in units) == sessions
    for unit in units:
        assert weight_of(unit, plan) == sum(len(one.sessions) for one in plan.blocks[unit.first : unit.last])


def test_weight_when_a_symbol_then_one_and_of_the_last_block_what_is_left():
    plan = plan_of(10, 3)
    assert weight_of(Unit(name="SPX"), plan) == 1
    assert weight_of(Unit(name="a", first=3, last=4), plan) == 1
    assert weight_of(Unit(name="", first=0, last=4), plan) == 10


def test_remaining_when_blocks_are_committed_then_only_units_with_something_left(make_desk, make_spec, claimed):
    """35 sessions in blocks of 4: nine blocks, the last of three; units of 35 / 8 sessions are one block each."""
    context = claimed(make_desk(), make_spec())
    firsts = [block.first for block in context.plan.blocks]
    assert [len(block.sessions) for block in context.plan.blocks] == [4] * 8 + [3]

    left, done, total = remaining_units(context, "signals")
    assert (len(left), done, total) == (18, 0, 70)

    commit(context, "signals", "one", firsts[0])
    commit(context, "signals", "one", firsts[8])
    commit(context, "signals", "two", firsts[3])
    commit(context, "trade", "", firsts[0])
    left, done, total = remaining_units(context, "signals")
    assert (done, total) == (11, 70)
    gone = {("one", 0), ("one", 8), ("two", 3)}
    assert [(unit.name, unit.first) for unit, _ in left] == [
        (name, first) for name in ("one", "two") for first in range(9) if (name, first) not in gone
    ]
    assert remaining_units(context, "trade") == ([(Unit(name="", last=9), 35)], 4, 35)


def test_remaining_when_symbols_are_committed_then_the_others(make_desk, make_spec, claimed):
    context = claimed(make_desk(), make_spec())
    assert remaining_units(context, "ingest") == ([(Unit(name="SPX"), 1), (Unit(name="VIX"), 1)], 0, 2)
    commit(context, "ingest", "SPX", 0)
    assert remaining_units(context, "ingest") == ([(Unit(name="VIX"), 1)], 1, 2)
    assert remaining_units(context, "training") == ([], 0, 0)


def test_remaining_when_half_of_a_unit_is_committed_then_the_unit_is_left_whole(make_desk, make_spec, claimed):
    context = claimed(make_desk(), make_spec(execution=ExecutionSpec(block_sessions=4, parallelism=1)))
    # 35 / 4 / 4 is about two blocks a unit.
    commit(context, "signals", "one", context.plan.blocks[0].first)
    left, done, _ = remaining_units(context, "signals")
    assert left[0] == (Unit(name="one", first=0, last=2), 8)
    assert done == 4
