from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest
from tests.desk.conftest import LAST, Reader, market_data

from optarb.desk.intake import (
    component_identity,
    declared_indicators,
    gather_inputs,
    identity_of,
    load_bars,
    resolver,
    trading_sessions,
)
from optarb.errors import BadData, DataError, UnknownName
from optarb.indicators import default_catalogue
from optarb.testing import FakeCalendar, fake_bars

WEEK = tuple(date(2024, 6, day) for day in (3, 4, 5, 6, 7))


@dataclass(frozen=True, kw_only=True)
class Twice:
    """An indicator of one's own; its second column has the name of the catalogue's."""

    factor: float = 2.0
    version: str = "1"

    @property
    def columns(self):
        return ("twice", "rsi_14")

    @property
    def warm_up(self):
        return 0

    def compute(self, bars):
        return {"twice": self.factor * bars.close, "rsi_14": bars.close}


def test_trading_sessions_when_the_range_begins_and_ends_on_free_days_then_the_sessions_within(build, spec):
    desk = build(calendar=FakeCalendar(holidays=(date(2024, 6, 5), date(2024, 5, 31))))
    sessions, before = trading_sessions(desk, spec(start=date(2024, 6, 1), end=date(2024, 6, 9)))

    assert sessions == (*WEEK[:2], *WEEK[3:])
    assert before == date(2024, 5, 30)


def test_trading_sessions_when_there_are_none_then_the_range_is_named(build, spec):
    with pytest.raises(DataError, match="no session from 2024-06-01 to 2024-06-02"):
        trading_sessions(build(), spec(start=date(2024, 6, 1), end=date(2024, 6, 2)))


# -- bars ----------------------------------------------------------------------------------------------------------------


def test_load_bars_when_complete_then_all_to_the_last_session_and_nothing_counted(build, spec):
    bars, counts = load_bars(build(), spec(end=WEEK[2]), "SPX", WEEK[:3])

    assert bars.dates[-1] == WEEK[2]
    assert len(bars) == 18
    assert counts == {}


def test_load_bars_when_history_begins_later_then_nothing_before_it(build, spec):
    bars, _ = load_bars(build(), spec(history_start=date(2024, 5, 25)), "SPX", WEEK)
    assert bars.dates[0] == date(2024, 5, 27)
    assert len(bars) == 10


def test_load_bars_when_history_begins_after_the_data_then_refused(build, spec):
    with pytest.raises(DataError, match="history_start 2024-07-01 leaves no bars of 'SPX'"):
        load_bars(build(), spec(history_start=date(2024, 7, 1)), "SPX", WEEK)


@pytest.mark.parametrize("sessions", [(date(2024, 5, 10), *WEEK), (*WEEK, date(2024, 6, 10))])
def test_load_bars_when_the_range_leaves_the_data_then_both_ranges_are_named(build, spec, sessions):
    words = rf"range {sessions[0]} to {sessions[-1]} lies outside the bars of 'SPX', 2024-05-13 to 2024-06-07; shorten"
    with pytest.raises(DataError, match=words):
        load_bars(build(), spec(), "SPX", sessions)


def test_load_bars_when_sessions_to_trade_are_missing_then_count_first_and_remedy_are_named(build, spec):
    desk = build(market_data=market_data(without=(WEEK[1], WEEK[3])))
    with pytest.raises(BadData, match=r"'SPX' miss 2 of the sessions to trade, the first 2024-06-04; .*allow_gaps=True"):
        load_bars(desk, spec(), "SPX", WEEK)

    bars, counts = load_bars(desk, spec(allow_gaps=True), "SPX", WEEK)
    assert counts == {"missing_session": 2}
    assert bars.dates[-3:] == [WEEK[0], WEEK[2], WEEK[4]]


def test_load_bars_when_sessions_before_the_run_are_missing_then_only_counted(build, spec):
    desk = build(market_data=market_data(without=(date(2024, 5, 22),)))
    bars, counts = load_bars(desk, spec(), "SPX", WEEK)
    assert counts == {"missing_session": 1}
    assert len(bars) == 19


def test_load_bars_when_rows_stand_on_free_days_then_dropped_and_counted(build, spec):
    """Memorial Day of 2024 was Monday the 27th of May."""
    desk = build(calendar=FakeCalendar(holidays=(date(2024, 5, 27),)))
    bars, counts = load_bars(desk, spec(), "SPX", WEEK)
    assert counts == {"not_a_session": 1}
    assert date(2024, 5, 27) not in bars.dates
    assert len(bars) == 19


def test_load_bars_when_open_or_close_leave_the_range_then_counted(build, spec):
    source = market_data()
    bars = source.bars_by_symbol["SPX"]
    high = bars.high.copy()
    high[[3, 7]] = bars.close[[3, 7]] - 0.25
    odd = replace(source, bars_by_symbol={"SPX": replace(bars, high=np.maximum(high, bars.low))})

    assert load_bars(build(market_data=odd), spec(), "SPX", WEEK)[1] == {"open_or_close_outside_range": 2}


def test_load_bars_when_values_are_unusable_then_bad_data(build, spec):
    source = market_data()
    close = source.bars_by_symbol["SPX"].close.copy()
    close[5] = np.nan
    broken = replace(source, bars_by_symbol={"SPX": replace(source.bars_by_symbol["SPX"], close=close)})
    with pytest.raises(BadData, match="'SPX', session 2024-05-20: close is NaN"):
        load_bars(build(market_data=broken), spec(), "SPX", WEEK)


# -- indicators ----------------------------------------------------------------------------------------------------------


def test_resolver_when_the_desk_has_the_column_then_its_own_before_the_catalogues(build):
    resolve = resolver(build(indicators=[Twice()]))
    assert resolve("rsi_14") == Twice()
    assert resolve("twice") == Twice()
    assert tuple(resolve("sma_17").columns) == ("sma_17",)


@pytest.mark.parametrize(("column", "hint"), [("rsi14", "rsi_14"), ("twise", "twice")])
def test_resolver_when_unknown_then_the_nearest_of_both_is_suggested(build, column, hint):
    with pytest.raises(UnknownName, match=f"unknown feature '{column}'; did you mean '{hint}'"):
        resolver(build(indicators=[Twice()]))(column)


def test_declared_indicators_when_experts_declare_features_then_they_stand_beside_the_catalogue_once(build, spec):
    reader = Reader(features=("sma_17", "rsi_14", "sma_17"))
    desk = build(experts={"dip": reader, "again": reader})
    found = [tuple(one.columns) for one in declared_indicators(desk, desk.setup(spec()))]

    catalogue = [tuple(one.columns) for one in default_catalogue()]
    assert found == [*catalogue, ("sma_17",)]


def test_declared_indicators_when_a_feature_does_not_exist_then_the_expert_is_named(build, spec):
    desk = build(experts={"dip": Reader(features=("smaa_50",))})
    with pytest.raises(UnknownName, match=r"expert 'dip': unknown feature 'smaa_50'; did you mean 'sma_50'"):
        declared_indicators(desk, desk.setup(spec()))


# -- identity ------------------------------------------------------------------------------------------------------------


def identity(desk, spec):
    setup = desk.setup(spec)
    return identity_of(setup.spec, gather_inputs(desk, setup))


def test_identity_when_nothing_that_decides_differs_then_equal(build, spec):
    assert identity(build(), spec()) == identity(build(), spec(backtest_id="mine", execution={"block_sessions": 3}))
    assert identity(build(), spec()) == identity(build(market_data=market_data()), spec())


@pytest.mark.parametrize(
    "desk_change",
    [
        {"experts": {"dip": Reader(drop=0.06)}},
        {"experts": {"dop": Reader()}},
        {"references": ()},
        {"indicators": [Twice()]},
        {"calendar": FakeCalendar(holidays=(date(2024, 1, 1),))},
        {"market_data": market_data(without=(date(2024, 5, 22),))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_identity_when_a_part_that_decides_differs_then_different(build, spec, desk_change):
    assert identity(build(**desk_change), spec()) != identity(build(), spec())


@pytest.mark.parametrize(("one", "other"), [(Twice(), Twice(factor=3.0)), (Twice(), Twice(version="2")), (Twice(), Reader())])
def test_component_identity_when_class_parameter_or_version_differ_then_different(one, other):
    assert component_identity(one) != component_identity(other)
    assert component_identity(one) == component_identity(replace(one))


def test_identity_when_an_override_gives_the_desks_value_then_the_components_are_equal(build, spec):
    desk = build()
    plain, overridden = (gather_inputs(desk, desk.setup(one)) for one in (spec(), spec(overrides={"dip.drop": 0.05})))
    assert plain == overridden


def test_identity_when_a_source_cannot_be_had_then_another_at_each_call(build, spec):
    setup = build().setup(spec())
    inputs = gather_inputs(build(), setup)
    assert identity_of(spec(), inputs) == identity_of(spec(), inputs)

    inputs["components"]["policy"]["source"] = None
    assert identity_of(spec(), inputs) != identity_of(spec(), inputs)


def test_gather_inputs_when_read_then_every_part_and_symbol_is_named(build, spec):
    desk = build(indicators=[Twice()])
    inputs = gather_inputs(desk, desk.setup(spec()))
    assert set(inputs["components"]) == {"experts.dip", "policy", "exits", "simulator", "indicators.0"}
    assert {symbol: sorted(kinds) for symbol, kinds in inputs["data"].items()} == {"SPX": ["bars", "quotes"], "VIX": ["bars"]}
    assert {"optarb", "numpy", "pandas"} <= set(inputs["libraries"])


def test_fake_bars_when_the_week_is_counted_then_as_the_tests_assume():
    bars = fake_bars([1.0] * 20, last=LAST)
    assert (bars.dates[0], bars.dates[5], tuple(bars.dates[-5:])) == (date(2024, 5, 13), date(2024, 5, 20), WEEK)
