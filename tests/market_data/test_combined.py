"""Routing to several sources."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest

from optarb.errors import BadData
from optarb.market_data import CombinedMarketData


@dataclass(frozen=True)
class Named:
    """Answers every question with its name and the question."""

    name: str

    def fingerprint(self, symbol, kind):
        return f"{self.name} {symbol} {kind}"

    def bars(self, symbol):
        return f"{self.name} {symbol} bars"

    def chains(self, symbol, start, end):
        return iter([f"{self.name} {symbol} {start} {end}"])


@dataclass(frozen=True)
class Settling(Named):
    def settlement_value(self, symbol, session):
        return Decimal("2870.10")


def test_combined_when_each_kind_has_a_source_asks_that_one():
    both = CombinedMarketData(bars_from=Named("b"), quotes_from={"SPX": Named("x"), "SPY": Named("y")})
    assert both.bars("VIX") == "b VIX bars"
    assert both.fingerprint("VIX", "bars") == "b VIX bars"
    assert both.fingerprint("SPY", "quotes") == "y SPY quotes"
    assert list(both.chains("SPX", date(2019, 1, 2), date(2019, 1, 3))) == ["x SPX 2019-01-02 2019-01-03"]


def test_combined_when_no_source_is_named_for_a_symbol_says_so():
    both = CombinedMarketData(bars_from=Named("b"), quotes_from={"SPX": Named("x")})
    with pytest.raises(BadData, match=r"quotes_from.*'QQQ'.*SPX"):
        both.fingerprint("QQQ", "quotes")


def test_combined_when_the_source_of_bars_knows_settlement_values_passes_them_on():
    assert CombinedMarketData(bars_from=Settling("b"), quotes_from=Named("q")).settlement_value(
        "SPX", date(2019, 5, 17)
    ) == Decimal("2870.10")
    plain = CombinedMarketData(bars_from=Named("b"), quotes_from=Settling("q"))
    assert plain.settlement_value("SPX", date(2019, 5, 17)) is None


def test_combined_when_pickled_is_equal():
    both = CombinedMarketData(bars_from=Named("b"), quotes_from={"SPX": Named("x")})
    assert pickle.loads(pickle.dumps(both)) == both
