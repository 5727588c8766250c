from __future__ import annotations

import dataclasses
import pickle
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import pytest

from optarb.caches import MemoryCache
from optarb.desk import Desk
from optarb.errors import BadData, ConfigurationError, DataError, UnknownName
from optarb.notifiers import LogNotifier
from optarb.stores import SqlStore

CLOSED: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Closing(MemoryCache):
    name: str = "outer"
    inner: object = None

    def close(self):
        CLOSED.append(self.name)

    def notify(self, notice):
        """Stands in for a notifier."""

    def beat(self, book_id, at):
        """Stands in for a heartbeat."""


# -- what is a desk ------------------------------------------------------------------------------------------------------


def test_desk_when_two_strategies_share_a_name_then_refused(build):
    (strategy,) = build().strategies
    with pytest.raises(ConfigurationError, match=r"must differ, got \['dips', 'dips'\]"):
        build(strategies=[strategy, strategy])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda one: {"strategies": []}, "at least one strategy"),
        (lambda one: {"strategies": one}, r"write strategies=\[dips\]"),
        (lambda one: {"strategies": ["dips"]}, "must hold Strategy objects, got 'dips'"),
        (lambda one: {"market_data": MemoryCache()}, "market_data: MemoryCache has no fingerprint, bars, chains"),
        (lambda one: {"simulator": MemoryCache()}, "simulator: MemoryCache has no fills, fees, margin, broker"),
        (lambda one: {"calendar": MemoryCache()}, "calendar: MemoryCache has no sessions, opens_at, closes_at"),
        (lambda one: {"store": SqlStore}, r"store: pass SqlStore\(\), not SqlStore"),
        (lambda one: {"heartbeat": MemoryCache()}, "heartbeat: MemoryCache has no beat"),
        (lambda one: {"notifiers": [LogNotifier()]}, r"write notifiers=\{'log': LogNotifier\(\)\}"),
        (lambda one: {"notifiers": {" ": LogNotifier()}}, "name must be a text, got ' '"),
        (lambda one: {"notifiers": {"log": LogNotifier}}, r"notifier 'log': pass LogNotifier\(\), not LogNotifier"),
        (lambda one: {"notifiers": {"log": MemoryCache()}}, "notifier 'log': MemoryCache has no notify"),
        (lambda one: {"indicators": [MemoryCache()]}, "indicator MemoryCache.* has no columns, warm_up, compute"),
    ],
)
def test_desk_when_a_part_is_of_the_wrong_kind_then_refused(build, change, words):
    (strategy,) = build().strategies
    with pytest.raises(ConfigurationError, match=words):
        build(**change(strategy))


def test_strategy_when_unknown_then_the_nearest_is_suggested(build):
    desk = build()
    assert desk.strategy("dips") is desk.strategies[0]
    with pytest.raises(UnknownName, match="unknown strategy 'dip'; did you mean 'dips'"):
        desk.strategy("dip")


def test_desk_when_pickled_then_its_parts_are_equal(build):
    desk = build()
    copy = pickle.loads(pickle.dumps(desk))
    assert copy == desk


def test_desk_when_left_then_what_its_components_opened_is_closed_nested_ones_too(build):
    CLOSED.clear()
    with build(cache=Closing(inner=Closing(name="inner"))):
        assert CLOSED == []
    assert CLOSED == ["outer", "inner"]


def test_desk_when_left_then_heartbeat_and_notifiers_are_closed_too(build):
    CLOSED.clear()
    with build(heartbeat=Closing(name="beats"), notifiers={"a": Closing(name="a"), "b": Closing(name="b")}):
        assert CLOSED == []
    assert CLOSED == ["beats", "a", "b"]


# -- setup ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "read"),
    [
        ("dip.drop", 0.1, lambda setup: setup.strategy.experts["dip"].drop),
        ("policy.max_spread", 0.25, lambda setup: setup.strategy.policy.max_spread),
        ("exits.max_hold_sessions", 9, lambda setup: setup.strategy.exits.max_hold_sessions),
        ("simulator.fees.commission_usd", "0.10", lambda setup: setup.simulator.fees.commission_usd),
        ("fees.commission_usd", "0.10", lambda setup: setup.simulator.fees.commission_usd),
        ("margin.points", 4, lambda setup: setup.simulator.margin.points),
        ("simulator.margin.minimum_usd", 50, lambda setup: setup.simulator.margin.minimum_usd),
        ("fills.slip", 0.5, lambda setup: setup.simulator.fills.slip),
        ("simulator.fills.slip", 0.5, lambda setup: setup.simulator.fills.slip),
        ("spec.capital", 50_000, lambda setup: setup.spec.capital),
        ("spec.mark", "mid", lambda setup: setup.spec.mark),
        ("spec.bars", "same_session", lambda setup: setup.spec.bars),
        ("spec.end", "2024-06-05", lambda setup: str(setup.spec.end)),
    ],
)
def test_setup_when_a_path_is_overridden_then_that_value_and_the_desk_stays(build, spec, path, value, read):
    desk = build()
    setup = desk.setup(spec(overrides={path: value}))

    expected = Decimal(value) if path.endswith("commission_usd") else value
    assert read(setup) == expected
    assert desk == build()
    assert read(desk.setup(spec())) != expected


def test_setup_when_nothing_is_overridden_then_the_desks_own(build, spec):
    desk = build()
    setup = desk.setup(spec())
    assert setup.strategy is desk.strategies[0]
    assert setup.simulator is desk.simulator
    assert setup.spec == spec()


def test_setup_when_several_are_overridden_then_all_hold(build, spec):
    setup = build().setup(
        spec(overrides={"dip.drop": 0.2, "fees.commission_usd": "0", "spec.capital": 1, "exits.stop_loss": -0.1})
    )
    assert setup.strategy.experts["dip"].drop == 0.2
    assert setup.strategy.exits.stop_loss == -0.1
    assert setup.simulator.fees.commission_usd == 0
    assert setup.spec.capital == 1


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("spec.captal", r"'spec\.captal'.*did you mean 'capital'"),
        *((f"spec.{name}", f"'spec.{name}'") for name in ("strategy", "backtest_id", "on_existing", "execution", "overrides")),
        ("spec.execution.parallelism", r"spec\.execution\.parallelism"),
        ("spec", "field ''"),
        ("simulator.fee.commission_usd", "did you mean 'fees'"),
        ("fees.comission_usd", r"'fees\.comission_usd'.*did you mean 'commission_usd'"),
        ("fill.slip", "did you mean 'fills'"),
        ("dip", "names no parameter"),
        ("simulator", "simulator"),
    ],
)
def test_setup_when_a_path_does_not_exist_then_unknown_name(build, spec, path, words):
    with pytest.raises(UnknownName, match=words):
        build().setup(spec(overrides={path: 1}))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("spec.capital", -1, "capital: .*got -1"),
        ("spec.mark", "last", "mark: .*got 'last'"),
        ("spec.start", "2025-01-01", "start 2025-01-01 is after end 2024-06-07"),
        ("fees.commission_usd", -1, r"'fees\.commission_usd' = -1 is refused: commission_usd must be a number of zero or more"),
        ("fills.slip", "much", r"'fills\.slip' = 'much' does not fit SkewedFill\.slip"),
    ],
)
def test_setup_when_a_value_does_not_fit_then_configuration_error(build, spec, path, value, words):
    with pytest.raises(ConfigurationError, match=words):
        build().setup(spec(overrides={path: value}))


# -- check ---------------------------------------------------------------------------------------------------------------


def test_check_when_all_is_well_then_empty_and_nothing_was_run(build, spec):
    desk = build()
    assert desk.check(spec()) == ()
    assert desk.store.books() == []


@dataclass(frozen=True, kw_only=True)
class Wraps:
    inner: object
    extra: tuple = field(default=())

    def evaluate(self, view):
        raise AssertionError("nothing may run here")


def test_check_when_several_things_are_wrong_then_all_are_listed_and_nothing_runs(build, spec):
    """An unknown feature, a reference without bars and an underlying without quotes."""
    reader = dataclasses.replace(build().strategies[0].experts["dip"], features=("rsi14", "sma_50"))
    desk = build(experts={"wrapped": Wraps(inner=reader)}, underlyings=("SPX", "VIX"), references=("VVIX",))

    found = desk.check(spec())

    assert [type(error) for error in found] == [UnknownName, BadData, BadData]
    assert "expert 'wrapped': unknown feature 'rsi14'; did you mean 'rsi_14'" in str(found[0])
    assert "no bars of 'VVIX'" in str(found[1])
    assert "no quotes of 'VIX'" in str(found[2])
    assert desk.store.books() == []


def test_check_when_the_range_has_no_session_then_the_rest_is_looked_at_all_the_same(build, spec):
    desk = build(underlyings=("SPX", "VIX"), references=())
    found = desk.check(spec(start=date(2024, 6, 1), end=date(2024, 6, 2)))

    assert [type(error) for error in found] == [DataError, BadData]
    assert "no session from 2024-06-01 to 2024-06-02" in str(found[0])
    assert "no quotes of 'VIX'" in str(found[1])


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"strategy": "dops"}, UnknownName, "unknown strategy 'dops'; did you mean 'dips'"),
        ({"overrides": {"dip.drip": 1}}, UnknownName, "did you mean 'drop'"),
        ({"overrides": {"exits.stop_loss": 1}}, ConfigurationError, "stop_loss must be negative"),
        ({"overrides": {"spec.capital": 0}}, ConfigurationError, "capital"),
        ({"overrides": {"spec.end": "2024-06-10"}}, DataError, "range 2024-06-03 to 2024-06-10 lies outside the bars of 'SPX'"),
    ],
)
def test_check_when_the_spec_does_not_fit_then_the_error_a_run_would_raise(build, spec, changes, kind, words):
    found = build().check(spec(**changes))
    assert [type(error) for error in found[:1]] == [kind]
    assert words in str(found[0])


def test_desk_when_nothing_but_strategies_and_data_are_given_then_it_needs_no_more(build):
    full = build()
    plain = Desk(strategies=full.strategies, market_data=full.market_data)
    assert not plain.store.is_shared
    assert plain.simulator.fees.commission_usd == Decimal("0.65")
    assert plain.indicators == ()
