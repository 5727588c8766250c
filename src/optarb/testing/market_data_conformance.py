"""What every source of bars and option quotes must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pytest

from optarb.domain.quote_table import QuoteTable
from optarb.errors import BadData
from optarb.protocols import MarketData, SupportsDividends, SupportsSettlement
from optarb.testing.bar_data_conformance import ABSENT_SYMBOL, BarDataConformance

__all__ = ["MarketDataConformance"]


class MarketDataConformance(BarDataConformance):
    """Subclass it in a test module and define the fixture ``market_data``: a small one, with bars and quotes of SPX.

    Another underlying is named by the fixture ``symbol``, a shorter range by ``span``.
    """

    methods: ClassVar[Sequence[str]] = ("fingerprint", "bars", "chains")

    @pytest.fixture
    def span(self, market_data: MarketData, symbol: str) -> tuple[date, date]:
        """First and last session to ask quotes of; at least three of the sessions have some."""
        sessions = market_data.bars(symbol).sessions
        return sessions[0].item(), sessions[-1].item()

    def test_quotes_fingerprint_when_repeated_then_the_same(self, market_data: MarketData, symbol: str) -> None:
        """As that of the bars, and another than theirs."""
        digest = market_data.fingerprint(symbol, "quotes")
        copy: MarketData = pickle.loads(pickle.dumps(market_data))  # noqa: S301 - written a moment ago
        assert digest
        assert digest != market_data.fingerprint(symbol, "bars")
        assert copy.fingerprint(symbol, "quotes") == digest

    def test_chains_when_symbol_is_absent_then_bad_data(self, market_data: MarketData, span: tuple[date, date]) -> None:
        """The message names what is missing."""
        with pytest.raises(BadData, match=ABSENT_SYMBOL):
            market_data.fingerprint(ABSENT_SYMBOL, "quotes")
        with pytest.raises(BadData, match=ABSENT_SYMBOL):
            list(market_data.chains(ABSENT_SYMBOL, *span))

    def test_chains_when_read_then_whole_sessions_in_time(
        self, market_data: MarketData, symbol: str, span: tuple[date, date]
    ) -> None:
        """No session stands in two tables, tables follow in time, and all lie in the range."""
        tables = _tables(market_data, symbol, *span)
        assert tables
        before: date | None = None
        for table in tables:
            _check_columns(table)
            assert len(table), "a table without rows says nothing"
            days = np.sort(table.sessions)
            first, last = days[0].item(), days[-1].item()
            assert span[0] <= first <= last <= span[1]
            assert before is None or before < first, f"{first} comes after {before}"
            before = last

    def test_chains_when_read_again_then_the_same(self, market_data: MarketData, symbol: str, span: tuple[date, date]) -> None:
        """Every reading gives the same rows, row for row."""
        first = _by_session(_tables(market_data, symbol, *span))
        assert _by_session(_tables(market_data, symbol, *span)) == first

    def test_chains_when_range_is_shorter_then_the_same_sessions_of_it(
        self, market_data: MarketData, symbol: str, span: tuple[date, date]
    ) -> None:
        """Both ends belong to the range, and what a session holds does not depend on what else was asked for."""
        whole = _by_session(_tables(market_data, symbol, *span))
        sessions = sorted(whole)
        assert len(sessions) >= 3, "the fixture 'span' must hold three sessions with quotes"
        inner = sessions[1:-1]
        assert _by_session(_tables(market_data, symbol, inner[0], inner[-1])) == {day: whole[day] for day in inner}
        assert _by_session(_tables(market_data, symbol, inner[0], inner[0])) == {inner[0]: whole[inner[0]]}

    def test_chains_when_range_has_no_quotes_then_nothing(
        self, market_data: MarketData, symbol: str, span: tuple[date, date]
    ) -> None:
        """An empty range is no error."""
        early = span[0] - timedelta(days=400)
        assert _tables(market_data, symbol, early, early + timedelta(days=3)) == []

    def test_settlement_value_when_supported_then_a_price_or_none(
        self, market_data: MarketData, symbol: str, span: tuple[date, date]
    ) -> None:
        """A source that knows official settlement values gives positive ones."""
        if isinstance(market_data, SupportsSettlement):
            value = market_data.settlement_value(symbol, span[0])
            assert value is None or (value.is_finite() and value > Decimal(0))

    def test_dividends_when_supported_then_within_the_dates_and_in_their_order(
        self, market_data: MarketData, symbol: str, span: tuple[date, date]
    ) -> None:
        """Both dates belong to the range; each ex-date stands there once."""
        if isinstance(market_data, SupportsDividends):
            days = [one.ex_date for one in market_data.dividends(symbol, *span)]
            assert days == sorted(set(days))
            assert all(span[0] <= day <= span[1] for day in days)
            for day in days:
                assert [one.ex_date for one in market_data.dividends(symbol, day, day)] == [day]


def _tables(market_data: MarketData, symbol: str, start: date, end: date) -> list[QuoteTable]:
    return list(market_data.chains(symbol, start, end))


def _check_columns(table: QuoteTable) -> None:
    arrays = {one.name: getattr(table, one.name) for one in fields(table)}
    lengths = {name: len(value) for name, value in arrays.items() if isinstance(value, np.ndarray)}
    assert set(lengths.values()) == {len(table)}, f"columns of unequal length: {lengths}"
    assert {table.bids.dtype, table.asks.dtype, table.strikes.dtype, table.underlying_prices.dtype} == {np.dtype("f8")}
    assert table.sessions.dtype == np.dtype("datetime64[D]")
    assert table.taken_at.dtype == np.dtype("datetime64[s]")
    assert table.calls.dtype == np.bool_
    assert ((table.root_indices >= 0) & (table.root_indices < len(table.roots))).all()


def _by_session(tables: Sequence[QuoteTable]) -> dict[date, list[tuple[str, ...]]]:
    """Rows by session, as text: NaN and NaT then equal themselves."""
    found: dict[date, list[tuple[str, ...]]] = {}
    for table in tables:
        columns = (
            np.array(table.roots)[table.root_indices],
            *(table.expiries, table.calls, table.strikes, table.bids, table.asks),
            *(table.underlying_prices, table.taken_at),
        )
        for session, *row in zip(table.sessions.tolist(), *(column.tolist() for column in columns), strict=True):
            found.setdefault(session, []).append((*map(repr, row), repr(table.modelled)))
    return found
