"""What every source of daily bars must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from optarb.errors import BadData
from optarb.protocols import MarketData
from optarb.testing.conformance import ComponentConformance, in_threads

__all__ = ["ABSENT_SYMBOL", "BarDataConformance"]

ABSENT_SYMBOL = "NOSUCHSYMBOL"
"""A symbol that no source has."""


class BarDataConformance(ComponentConformance):
    """Subclass it in a test module for a source without quotes, and define the fixture ``market_data``.

    Another symbol than SPX is named by the fixture ``symbol``.
    """

    methods: ClassVar[Sequence[str]] = ("fingerprint", "bars")

    @pytest.fixture
    def market_data(self) -> MarketData:
        """Gives the source to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'market_data'")

    @pytest.fixture
    def component(self, market_data: object) -> object:
        """The source."""
        return market_data

    @pytest.fixture
    def symbol(self) -> str:
        """A symbol that the source has."""
        return "SPX"

    def test_bars_when_read_then_usable(self, market_data: MarketData, symbol: str) -> None:
        """Sessions increase, prices are positive, columns are float64 of one length."""
        bars = market_data.bars(symbol).checked()
        assert bars.symbol == symbol
        assert bars.sessions.dtype == np.dtype("datetime64[D]")
        assert {getattr(bars, name).dtype for name in ("open", "high", "low", "close", "volume")} == {np.dtype("f8")}

    def test_bars_when_read_again_then_the_same(self, market_data: MarketData, symbol: str) -> None:
        """What one caller does to its copy reaches no other."""
        first = market_data.bars(symbol)
        expected = first.close.copy()
        if first.close.flags.writeable:
            first.close[:] = -1.0
        assert np.array_equal(market_data.bars(symbol).close, expected)

    def test_bars_fingerprint_when_repeated_then_the_same(self, market_data: MarketData, symbol: str) -> None:
        """Equal data have equal digests: in another object, and in another thread."""
        digest = market_data.fingerprint(symbol, "bars")
        copy: MarketData = pickle.loads(pickle.dumps(market_data))  # noqa: S301 - written a moment ago
        assert digest
        assert copy.fingerprint(symbol, "bars") == digest
        assert in_threads(lambda: market_data.fingerprint(symbol, "bars")) == [digest] * 4

    def test_bars_when_symbol_is_absent_then_bad_data(self, market_data: MarketData) -> None:
        """The message names what is missing."""
        with pytest.raises(BadData, match=ABSENT_SYMBOL):
            market_data.bars(ABSENT_SYMBOL)
        with pytest.raises(BadData, match=ABSENT_SYMBOL):
            market_data.fingerprint(ABSENT_SYMBOL, "bars")
