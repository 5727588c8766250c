"""What every indicator must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from optarb.domain.bars import Bars
from optarb.engine.features import compute_indicator
from optarb.protocols import Indicator
from optarb.testing.conformance import ComponentConformance, in_threads
from optarb.testing.fake_bar_series import fake_bars

__all__ = ["IndicatorConformance"]

_COLUMNS = ("open", "high", "low", "close", "volume")


class IndicatorConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``indicator``.

    One with a warm-up of more than 250 rows overrides ``bars`` too.
    """

    methods: ClassVar[Sequence[str]] = ("columns", "warm_up", "compute")

    @pytest.fixture
    def indicator(self) -> Indicator:
        """Gives the indicator to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'indicator'")

    @pytest.fixture
    def component(self, indicator: object) -> object:
        """The indicator."""
        return indicator

    @pytest.fixture
    def bars(self) -> Bars:
        """Bars that wave; more of them than any warm-up."""
        return fake_bars()

    @pytest.fixture
    def odd_bars(self) -> Sequence[Bars]:
        """Bars with flat prices, with pennies, with jumps, with gaps and days without volume, and with closes only."""
        flat, pennies = fake_bars([5000.0] * 300), fake_bars([0.001 * (1 + i % 5) for i in range(300)])
        jumps = fake_bars([90_000.0 if i % 7 else 1.0 for i in range(300)])
        waves = fake_bars()
        away = waves.open * np.where(np.arange(300) % 3, 1.0, 1.03)
        gaps = replace(
            waves,
            open=away,
            high=np.maximum(away, waves.high),
            volume=np.where(np.arange(300) // 40 % 2, 0.0, waves.volume * (1 + np.arange(300) % 11)),
        )
        closes = {name: waves.close.copy() for name in ("open", "high", "low", "close")}
        only = Bars(symbol="VIX", sessions=waves.sessions, volume=np.zeros(300), **closes)
        return (flat, pennies, jumps, gaps, only)

    def test_columns_when_declared_then_distinct_names(self, indicator: Indicator) -> None:
        """At least one column, each name once, and a warm-up of no fewer than zero rows."""
        names = list(indicator.columns)
        assert names
        assert len(set(names)) == len(names)
        assert all(names)
        assert indicator.warm_up >= 0

    def test_compute_when_warm_then_every_value_is_a_number(self, indicator: Indicator, bars: Bars) -> None:
        """The columns that were declared, float64, a row a bar, and after the warm-up never NaN."""
        assert len(bars) > indicator.warm_up, "override the fixture 'bars' with more rows"
        for name, column in compute_indicator(indicator, bars).items():
            assert np.isfinite(column[indicator.warm_up :]).all(), f"{name} has NaN or infinity after the warm-up"

    def test_compute_when_bars_are_odd_then_every_value_is_a_number(
        self, indicator: Indicator, odd_bars: Sequence[Bars]
    ) -> None:
        """No division by zero where nothing moves, nothing lost where much does; and no error."""
        for bars in odd_bars:
            for name, column in compute_indicator(indicator, bars).items():
                assert np.isfinite(column[indicator.warm_up :]).all(), f"{name} on {bars.symbol}, {bars.close[:7]} ..."

    def test_compute_when_the_future_is_cut_off_then_the_same_bits(
        self, indicator: Indicator, bars: Bars, odd_bars: Sequence[Bars]
    ) -> None:
        """A row depends on its own bar and those before, to the last bit, so that no length of history betrays later ones."""
        for whole in (bars, *odd_bars):
            _check_cuts(indicator, whole)

    def test_compute_when_there_are_no_bars_then_empty_columns(self, indicator: Indicator, bars: Bars) -> None:
        """No bars, no rows, no error."""
        for column in compute_indicator(indicator, bars.sliced(0, 0)).values():
            assert len(column) == 0

    def test_compute_when_repeated_then_the_same_and_bars_unchanged(self, indicator: Indicator, bars: Bars) -> None:
        """It is pure: it writes neither into its bars nor into what it gave before."""
        before = {name: getattr(bars, name).tobytes() for name in _COLUMNS}
        first = {name: column.tobytes() for name, column in compute_indicator(indicator, bars).items()}
        again = compute_indicator(indicator, bars)
        assert {name: column.tobytes() for name, column in again.items()} == first
        assert {name: getattr(bars, name).tobytes() for name in _COLUMNS} == before
        assert not any(np.shares_memory(column, getattr(bars, name)) for column in again.values() for name in _COLUMNS)

    def test_compute_when_threads_ask_then_the_same(self, indicator: Indicator, bars: Bars) -> None:
        """It is called from several threads at once."""
        answers = in_threads(lambda: {name: column.tobytes() for name, column in compute_indicator(indicator, bars).items()})
        assert answers[1:] == answers[:-1]


def _check_cuts(indicator: Indicator, bars: Bars) -> None:
    """Fails if a row changes with what follows it: around the warm-up, near the end, and at ten rows drawn from a seed."""
    whole = compute_indicator(indicator, bars)
    warm, n = indicator.warm_up, len(bars)
    drawn = np.random.default_rng(n).integers(1, n, 10).tolist() if n > 1 else []
    for rows in sorted({1, 2, warm, warm + 1, warm + 2, n // 2, n - 1, *drawn} & set(range(1, n))):
        for name, column in compute_indicator(indicator, bars.sliced(0, rows)).items():
            before = whole[name][:rows]
            same = (column.view(np.int64) == before.view(np.int64)) | (np.isnan(column) & np.isnan(before))
            assert same.all(), f"{name}: row {int(np.argmin(same))} changes when only {rows} bars are there"
