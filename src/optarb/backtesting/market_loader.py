"""Opens what the ingest left: bars, mapped chains and feature columns, kept for a while in this process."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.backtesting.arrow import bars_from_bytes, bars_to_bytes, chains_from_bytes, chains_to_bytes, digest_of, read, write
from optarb.backtesting.ingest import clean_months, ingested
from optarb.desk.intake import component_identity, library_versions, load_bars, resolver
from optarb.engine.features import FeatureTable, compute_indicator
from optarb.engine.market import Market
from optarb.errors import DataChanged

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.backtesting.context import RunContext
    from optarb.domain.bars import Bars
    from optarb.domain.quotes import Chain
    from optarb.engine.chain_table import ChainTable
    from optarb.protocols import Cache, Indicator

__all__ = ["MonthlyChains", "feature_key", "load_feature", "load_market", "market_key"]

_KEPT_CONTRACTS = 1_500_000
"""Contracts of the chains kept for an underlying. Where a component reads all columns, each takes some 45 bytes beyond the
mapped file."""
_KEPT = 4
"""Markets kept in a process; each holds mapped files and a few columns."""

_markets: OrderedDict[str, Market] = OrderedDict()
_lock = threading.Lock()


class MonthlyChains:
    """Chains of one underlying, opened month by month as they are asked for. Safe for several threads."""

    def __init__(self, context: RunContext, symbol: str, months: list[dict[str, Any]]) -> None:
        """Notes where the months are.

        Args:
            context: The run.
            symbol: The underlying.
            months: From the ingest.
        """
        self.symbol = symbol
        self._context = context
        self._months = {int(month["month"].replace("-", "")): (month["month"], month["digest"]) for month in months}
        self._tables: dict[int, ChainTable] = {}
        self._chains: dict[date, Chain | None] = {}
        self._contracts = 0

    def chain(self, session: date) -> Chain | None:
        """Returns the chain of one session, or None if it has no usable quote."""
        try:
            return self._chains[session]
        except KeyError:
            return self._kept(session, self._opened(session))

    def _kept(self, session: date, chain: Chain | None) -> Chain | None:
        """Keeps chains for whoever asks next: another expert, the trade phase, another setting of a sweep.

        What is full takes no more. All of them go through the sessions in order, so giving up the oldest would keep none.
        """
        size = 0 if chain is None else len(chain)
        with _lock:
            if session not in self._chains and self._contracts + size <= _KEPT_CONTRACTS:
                self._chains[session] = chain
                self._contracts += size
            return self._chains.get(session, chain)

    def _opened(self, session: date) -> Chain | None:
        month = session.year * 100 + session.month
        table = self._tables.get(month)
        if table is None:
            if month not in self._months:
                return None
            table = chains_from_bytes(self._bytes(*self._months[month]))
            self._tables[month] = table
        return table.chain(session)

    def _bytes(self, month: str, digest: str) -> bytes | memoryview:
        cache = self._context.desk.cache
        value = cache.get("chain/" + digest)
        if value is not None:
            return value
        sessions = [day for day in self._context.plan.sessions if f"{day.year}-{day.month:02d}" == month]
        tables = self._context.desk.market_data.chains(self.symbol, sessions[0], sessions[-1])
        for _, table, _ in clean_months(iter(tables), self.symbol, self._context):
            content = chains_to_bytes(table)
            if digest_of(content) == digest:
                cache.put("chain/" + digest, content)
                return content
        raise DataChanged(f"quotes of {self.symbol!r} in {month} are not those that were ingested; start a new backtest")


def load_market(context: RunContext) -> Market:
    """Returns the market of a run, from this process's memory if it was opened before.

    Args:
        context: The run, after its ingest.

    Raises:
        DataChanged: Cached data are gone and the source no longer gives the same.
    """
    facts = ingested(context)
    key = market_key(context, facts)
    with _lock:
        found = _markets.get(key)
        if found is not None:
            _markets.move_to_end(key)
            return found
    market = _open(context, facts)
    with _lock:
        market = _markets.setdefault(key, market)
        while len(_markets) > _KEPT:
            _markets.popitem(last=False)
    return market


def market_key(context: RunContext, facts: Mapping[str, Any]) -> str:
    """Names all that views of a run can show, within this process.

    Args:
        context: The run.
        facts: From :func:`optarb.backtesting.ingest.ingested`.
    """
    plan = context.plan
    parts = [
        facts,
        [str(plan.before), str(plan.sessions[0]), str(plan.sessions[-1])],
        context.spec.bars,
        [component_identity(indicator) for indicator in context.desk.indicators],
        component_identity(context.desk.cache),
        id(context.desk.market_data),
        component_identity(context.desk.calendar),
        plan.underlyings,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _open(context: RunContext, facts: dict[str, Any]) -> Market:
    plan = context.plan
    bars = {symbol: _bars(context, symbol, facts[symbol]["bars"]["digest"]) for symbol in plan.symbols}
    resolve = resolver(context.desk)
    return Market(
        sessions=plan.sessions,
        previous=dict(zip(plan.sessions, (plan.before, *plan.sessions), strict=False)),
        bars=bars,
        features={
            symbol: FeatureTable(
                resolve, partial(load_feature, context.desk.cache, bars[symbol], facts[symbol]["bars"]["digest"])
            )
            for symbol in plan.symbols
        },
        chains={symbol: MonthlyChains(context, symbol, facts[symbol]["quotes"]["months"]) for symbol in plan.underlyings},
        calendar=context.desk.calendar,
        same_session=context.spec.bars == "same_session",
    )


def _bars(context: RunContext, symbol: str, digest: str) -> Bars:
    value = context.desk.cache.get("bars/" + digest)
    if value is not None:
        return bars_from_bytes(value)
    bars, _ = load_bars(context.desk, context.spec, symbol, context.plan.sessions)
    content = bars_to_bytes(bars)
    if digest_of(content) != digest:
        raise DataChanged(f"bars of {symbol!r} are not those that were ingested; start a new backtest")
    context.desk.cache.put("bars/" + digest, content)
    return bars


def feature_key(indicator: Indicator, bars_digest: str) -> str | None:
    """Returns the cache key of an indicator's columns on bars, or None if its source cannot be had."""
    identity = component_identity(indicator)
    if identity["source"] is None:
        return None
    parts = [identity, bars_digest, library_versions()]
    return "feature/" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def load_feature(cache: Cache, bars: Bars, bars_digest: str, indicator: Indicator) -> dict[str, NDArray[np.float64]]:
    """Returns an indicator's columns on bars, from the cache or computed and then cached.

    Args:
        cache: The cache.
        bars: All bars from ``history_start`` on.
        bars_digest: Digest of their content.
        indicator: The indicator.
    """
    key = feature_key(indicator, bars_digest)
    value = None if key is None else cache.get(key)
    if value is not None:
        return read(value)[0]
    columns = compute_indicator(indicator, bars)
    if key is not None:
        cache.put(key, write(columns))
    return columns
