"""Grids: their order, their bounds, and what a setting's spec is."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

import optarb
from optarb.specs import SweepSpec

SPEC = optarb.BacktestSpec(strategy="dips", start=date(2024, 1, 2), end=date(2024, 1, 5), overrides={"z.a": 1, "dip.drop": 9})


def test_overrides_when_of_a_grid_then_the_product_in_its_order_with_the_last_path_fastest():
    grid = {"z.c": [3, 1], "dip.drop": [0.1, 0.2, 0.3], "a.b": ["x", "y"]}
    sweep = SweepSpec.of(SPEC, grid)
    expected = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    assert sweep.count == 12
    assert [sweep.overrides(number) for number in range(12)] == expected
    assert list(sweep.overrides(0)) == list(sweep.paths) == ["z.c", "dip.drop", "a.b"]


def test_overrides_when_settings_are_explicit_then_as_given():
    settings = [{"dip.drop": 0.1}, {}, {"a.b": "x", "dip.drop": 0.2}]
    sweep = SweepSpec.of(SPEC, settings)
    assert (sweep.count, sweep.paths) == (3, ("dip.drop", "a.b"))
    assert [sweep.overrides(number) for number in range(3)] == settings


@pytest.mark.parametrize("grid", [{"a.b": [1, 2]}, [{"a.b": 1}, {"a.b": 2}]])
@pytest.mark.parametrize("number", [-1, 2])
def test_overrides_when_there_is_no_such_setting_then_unknown_name(grid, number):
    with pytest.raises(optarb.UnknownName, match=f"has settings 0 to 1, not {number}"):
        SweepSpec.of(SPEC, grid).overrides(number)


def test_setting_when_made_then_its_overrides_lie_above_those_of_the_spec():
    setting = SweepSpec.of(SPEC, {"dip.drop": [0.1, 0.2], "b.c": [True]}, "mine").setting(1)
    assert setting.backtest_id == "mine/1"
    assert dict(setting.overrides) == {"b.c": True, "dip.drop": 0.2, "z.a": 1}
    assert list(setting.overrides) == sorted(setting.overrides)
    assert optarb.BacktestSpec(**setting.model_dump()) == setting


def test_setting_when_blocks_are_left_to_the_default_then_a_year_each_else_as_asked():
    asked = SPEC.model_copy(update={"execution": optarb.ExecutionSpec(block_sessions=7)})
    assert SweepSpec.of(SPEC, {"a.b": [1]}).setting(0).execution.block_sessions == 252
    assert SweepSpec.of(asked, {"a.b": [1]}).setting(0).execution.block_sessions == 7


@pytest.mark.parametrize("grid", [{"z.c": [3, 1.0], "a.b": ["x"], "d.e": [True]}, [{"z.c": 3, "a.b": 1.0}, {}]])
def test_spec_when_written_as_json_and_read_then_equal_in_order_and_types(grid):
    sweep = SweepSpec.of(SPEC, grid, "mine")
    again = SweepSpec.model_validate_json(sweep.model_dump_json())
    assert again == sweep
    for number in range(sweep.count):
        before, after = sweep.overrides(number), again.overrides(number)
        assert list(before) == list(after)
        assert [(type(value), value) for value in before.values()] == [(type(value), value) for value in after.values()]
        assert again.setting(number) == sweep.setting(number)


def test_count_when_at_the_bound_then_accepted_and_one_more_is_refused():
    assert SweepSpec.of(SPEC, {"a.b": range(100), "a.c": range(100)}).count == 10_000
    with pytest.raises(optarb.ConfigurationError, match="100 x 101 makes 10,100 settings, at most 10,000 are run"):
        SweepSpec.of(SPEC, {"a.b": range(100), "a.c": range(101)})
    with pytest.raises(optarb.ConfigurationError, match=r"the sequence makes 10,001 settings"):
        SweepSpec.of(SPEC, [{"a.b": number} for number in range(10_001)])


@pytest.mark.parametrize("sweep_id", ["", "a b", "a/b", "-a", "a" * 101])
def test_sweep_id_when_it_cannot_name_books_then_refused(sweep_id):
    with pytest.raises(optarb.ConfigurationError, match="sweep_id"):
        SweepSpec.of(SPEC, {"a.b": [1]}, sweep_id)


@pytest.mark.parametrize(("backtest_id", "good"), [("mine/0", True), ("mine/99999", True), ("mine/", False), ("a/b", False)])
def test_backtest_id_when_of_a_setting_then_taken(backtest_id, good):
    fields = {"strategy": "dips", "start": date(2024, 1, 2), "end": date(2024, 1, 5), "backtest_id": backtest_id}
    if good:
        assert optarb.BacktestSpec(**fields).backtest_id == backtest_id
    else:
        with pytest.raises(optarb.ConfigurationError, match="backtest_id"):
            optarb.BacktestSpec(**fields)
