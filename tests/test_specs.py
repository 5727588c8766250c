from __future__ import annotations

import json
import math
import pickle
import tomllib
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.errors import ConfigurationError
from optarb.specs import BacktestSpec, BacktestSummary, ExecutionSpec, Progress

FIELDS = {"strategy": "dips", "start": date(2014, 1, 3), "end": date(2018, 12, 31)}

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
paths = st.lists(st.text("abcxyz_-0", min_size=1, max_size=6), min_size=2, max_size=3).map(".".join)
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | names
overrides = st.dictionaries(paths, scalars | st.lists(scalars, max_size=3), max_size=4)
seconds = st.floats(0.001, 1e6)
executions = st.builds(
    ExecutionSpec,
    max_in_flight=st.integers(1, 1000),
    block_sessions=st.integers(1, 10_000),
    parallelism=st.integers(1, 1000),
    time_slice_seconds=st.floats(0, 1e6),
    heartbeat_timeout_seconds=seconds,
    start_to_close_seconds=seconds,
    lease_seconds=seconds,
    max_attempts=st.integers(1, 100),
    retry_interval_seconds=seconds,
    task_queues=st.dictionaries(names, names, max_size=2),
)


@st.composite
def specs(draw):
    start, end = sorted((draw(st.dates()), draw(st.dates())))
    return BacktestSpec(
        strategy=draw(names),
        start=start,
        end=end,
        backtest_id=draw(st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)),
        on_existing=draw(st.sampled_from(["resume", "replace"])),
        capital=draw(st.decimals("0.01", 10**12, places=2)),
        bars=draw(st.sampled_from(["previous_session", "same_session"])),
        history_start=draw(st.none() | st.dates()),
        mark=draw(st.sampled_from(["closing_side", "mid"])),
        am_settlement=draw(st.sampled_from(["open", "previous_close"])),
        allow_gaps=draw(st.booleans()),
        overrides=draw(overrides),
        execution=draw(executions),
    )


# -- there and back ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(specs())
def test_spec_when_written_and_read_then_equal(spec):
    back = [
        BacktestSpec.from_toml(spec.to_toml()),
        BacktestSpec.model_validate_json(spec.model_dump_json()),
        pickle.loads(pickle.dumps(spec)),
    ]
    assert back == [spec] * 3
    for one in back:
        assert {path: type(value) for path, value in one.overrides.items()} == {
            path: type(value) for path, value in spec.overrides.items()
        }


@settings(deadline=None)
@given(specs(), executions, names)
def test_ledger_fields_when_only_execution_or_id_differ_then_equal(spec, execution, name):
    moved = spec.model_copy(update={"execution": execution, "backtest_id": name, "on_existing": "replace"})
    assert moved.ledger_fields() == spec.ledger_fields()
    json.dumps(spec.ledger_fields())


@pytest.mark.parametrize(
    "change",
    [
        {"strategy": "other"},
        {"start": date(2014, 1, 6)},
        {"end": date(2018, 12, 28)},
        {"capital": Decimal("20000.01")},
        {"bars": "same_session"},
        {"history_start": date(2013, 1, 2)},
        {"mark": "mid"},
        {"am_settlement": "previous_close"},
        {"allow_gaps": True},
        {"overrides": {"dip.drop": 0.05}},
    ],
    ids=str,
)
def test_ledger_fields_when_anything_else_differs_then_different(change):
    spec = BacktestSpec(**FIELDS)
    assert BacktestSpec(**(FIELDS | change)).ledger_fields() != spec.ledger_fields()
    assert set(spec.ledger_fields()) == set(BacktestSpec.model_fields) - {"execution", "backtest_id", "on_existing"}


def test_spec_when_overrides_come_in_another_order_then_equal_and_written_alike():
    one = BacktestSpec(**FIELDS, overrides={"b.x": 1, "a.y": 2})
    two = BacktestSpec(**FIELDS, overrides={"a.y": 2, "b.x": 1})
    assert one == two
    assert one.model_dump_json() == two.model_dump_json()
    assert list(one.overrides) == ["a.y", "b.x"]


# -- TOML ----------------------------------------------------------------------------------------------------------------

TOML = """
strategy = "dips"
start = 2014-01-03
end = 2018-12-31
capital = "15000.50"

[overrides]
"fees.commission_usd" = "0.5"

[overrides.dip]
drop = 0.04

[overrides.exits]
stop_loss = -0.4

[overrides.dip.inner]
steps = [1, 2]

[execution]
block_sessions = 7
task_queues = { signals = "cpu" }
"""


def test_from_toml_when_overrides_are_nested_tables_then_paths():
    spec = BacktestSpec.from_toml(TOML)

    assert spec.overrides == {
        "dip.drop": 0.04,
        "dip.inner.steps": [1, 2],
        "exits.stop_loss": -0.4,
        "fees.commission_usd": "0.5",
    }
    assert (spec.strategy, spec.start, spec.end) == ("dips", date(2014, 1, 3), date(2018, 12, 31))
    assert spec.capital == Decimal("15000.50")
    assert spec.execution == ExecutionSpec(block_sessions=7, task_queues={"signals": "cpu"})


@pytest.mark.parametrize("kind", [str, Path])
def test_from_toml_when_a_path_is_given_then_the_file_is_read(tmp_path, kind):
    (tmp_path / "spec.toml").write_text(TOML, encoding="utf-8")
    assert BacktestSpec.from_toml(kind(tmp_path / "spec.toml")) == BacktestSpec.from_toml(TOML)


@pytest.mark.parametrize("kind", [str, Path])
def test_from_toml_when_the_file_is_absent_then_the_path_is_named(tmp_path, kind):
    with pytest.raises(ConfigurationError, match=r"cannot read spec '.*none\.toml': No such file"):
        BacktestSpec.from_toml(kind(tmp_path / "none.toml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("strategy = \n", r"is not TOML: .*line 1"),
        (TOML.replace("[execution]", "[execution"), "is not TOML"),
        (TOML.replace("capital", "captal"), r"captal: Extra inputs are not permitted, got '15000\.50'"),
        (TOML.replace("block_sessions = 7", "block_sesions = 7"), "block_sesions: Extra inputs are not permitted, got 7"),
        (TOML.replace('strategy = "dips"', ""), "strategy: Field required"),
        (TOML.replace("end = 2018-12-31", 'end = "soon"'), "end: .*got 'soon'"),
    ],
)
def test_from_toml_when_something_is_wrong_then_it_is_named(text, words):
    with pytest.raises(ConfigurationError, match=words):
        BacktestSpec.from_toml(text)


def test_to_toml_when_written_then_dates_are_dates_and_every_field_that_has_a_value_is_there():
    fields = tomllib.loads(BacktestSpec(**FIELDS, history_start=date(2013, 1, 2)).to_toml())
    assert (fields["start"], fields["end"], fields["history_start"]) == (
        date(2014, 1, 3),
        date(2018, 12, 31),
        date(2013, 1, 2),
    )
    assert set(fields) == set(BacktestSpec.model_fields) - {"backtest_id"}
    assert set(fields["execution"]) == set(ExecutionSpec.model_fields)


# -- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategy": ""}, "strategy: .*at least 1 character, got ''"),
        ({"strategy": 7}, "strategy: .*string, got 7"),
        ({"start": "yesterday"}, "start: .*got 'yesterday'"),
        ({"start": date(2019, 1, 1)}, "start 2019-01-01 is after end 2018-12-31; swap"),
        ({"end": None}, "end: .*got None"),
        ({"backtest_id": "a b"}, "backtest_id: .*got 'a b'"),
        ({"backtest_id": ""}, "backtest_id: .*got ''"),
        ({"backtest_id": "-a"}, "backtest_id: .*got '-a'"),
        ({"backtest_id": "a\n"}, r"backtest_id: .*got 'a\\n'"),
        ({"backtest_id": "x" * 101}, "backtest_id: .*got 'xxx"),
        ({"on_existing": "overwrite"}, "on_existing: .*'resume' or 'replace', got 'overwrite'"),
        ({"capital": 0}, "capital: .*greater than 0, got 0"),
        ({"capital": -1}, "capital: .*got -1"),
        ({"capital": math.nan}, "capital: .*finite.*got nan"),
        ({"capital": Decimal("Infinity")}, r"capital: .*got Decimal\('Infinity'\)"),
        ({"capital": "much"}, "capital: .*got 'much'"),
        ({"bars": "next_session"}, "bars: .*got 'next_session'"),
        ({"history_start": "long ago"}, "history_start: .*got 'long ago'"),
        ({"mark": "last"}, "mark: .*got 'last'"),
        ({"am_settlement": "close"}, "am_settlement: .*got 'close'"),
        ({"allow_gaps": "some"}, "allow_gaps: .*got 'some'"),
        ({"overrides": {"dip.drop": None}}, r"overrides\.dip\.drop.*got None"),
        ({"overrides": {"dip.drop": math.nan}}, r"overrides\.dip\.drop.*got nan"),
        ({"overrides": {"dip.drop": math.inf}}, r"overrides\.dip\.drop.*got inf"),
        ({"overrides": {"dip.drop": {"a": 1}}}, r"overrides\.dip\.drop.*got \{'a': 1\}"),
        ({"overrides": ["dip.drop"]}, r"overrides: .*got \['dip\.drop'\]"),
        ({"execution": 3}, "execution: .*got 3"),
        ({"strategie": "dips"}, "strategie: Extra inputs are not permitted, got 'dips'"),
    ],
    ids=str,
)
def test_spec_when_a_field_does_not_fit_then_configuration_error_names_field_and_value(change, words):
    with pytest.raises(ConfigurationError, match=words):
        BacktestSpec(**(FIELDS | change))


def test_spec_when_several_fields_do_not_fit_then_all_are_named():
    with pytest.raises(ConfigurationError) as caught:
        BacktestSpec(strategy="", start="x", capital=-1)
    for words in ("strategy: ", "start: ", "end: Field required", "capital: "):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_in_flight", 0),
        ("max_in_flight", 1001),
        ("block_sessions", 0),
        ("block_sessions", 1.5),
        ("parallelism", 0),
        ("time_slice_seconds", -0.1),
        ("time_slice_seconds", math.nan),
        ("heartbeat_timeout_seconds", 0),
        ("start_to_close_seconds", -1),
        ("lease_seconds", math.inf),
        ("max_attempts", 0),
        ("retry_interval_seconds", 0),
        ("task_queues", {"signals": 3}),
        ("paralelism", 2),
    ],
)
@pytest.mark.parametrize(
    "build",
    [lambda fields: ExecutionSpec(**fields), lambda fields: BacktestSpec(**FIELDS, execution=fields)],
    ids=["alone", "in a spec"],
)
def test_execution_when_a_field_does_not_fit_then_configuration_error_names_field_and_value(name, value, build):
    with pytest.raises(ConfigurationError, match=rf"{name}.*: .*got ") as caught:
        build({name: value})
    assert f"got {value['signals'] if isinstance(value, dict) else value!r}" in str(caught.value)


def test_execution_when_the_time_slice_is_zero_then_one_block_an_activity():
    assert ExecutionSpec(time_slice_seconds=0).time_slice_seconds == 0


@pytest.mark.parametrize("kind", [BacktestSpec, ExecutionSpec, Progress, BacktestSummary])
def test_spec_when_assigned_to_then_frozen(kind):
    made = {
        BacktestSpec: BacktestSpec(**FIELDS),
        ExecutionSpec: ExecutionSpec(),
        Progress: Progress(backtest_id="a", phase="trade", done=1, total=2),
        BacktestSummary: summary(),
    }[kind]
    with pytest.raises(ValueError, match="frozen"):
        setattr(made, next(iter(kind.model_fields)), "x")


def summary():
    return BacktestSummary(
        backtest_id="dips-1",
        strategy="dips",
        sessions=3,
        trades=1,
        final_equity_usd=Decimal("20010.0065"),
        pnl_usd=Decimal("10.0065"),
        fees_usd=Decimal("1.3"),
        max_drawdown=0.1,
        sharpe=None,
        modelled=True,
        digest="ab",
        blocks_computed={"trade": 2},
        duration=timedelta(seconds=90, microseconds=5),
    )


def test_summary_when_it_travels_as_json_then_every_cent_and_microsecond_is_kept():
    text = summary().model_dump_json()
    assert BacktestSummary.model_validate_json(text) == summary()
    assert json.loads(text)["final_equity_usd"] == "20010.0065"


def test_ledger_fields_when_capital_is_written_otherwise_then_equal():
    from datetime import date
    from decimal import Decimal

    from optarb.specs import BacktestSpec

    written = [Decimal(20_000), Decimal("20000.00"), 20_000, 20_000.0]
    made = [BacktestSpec(strategy="s", start=date(2024, 1, 2), end=date(2024, 1, 3), capital=one) for one in written]
    assert len({str(spec.ledger_fields()) for spec in made}) == 1
