"""What enters a run: its sessions, its bars, its indicators and the fingerprints of all that can change the ledger."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from optarb._component import canonical, component_name, nested, source_digest
from optarb.errors import BadData, DataError, OptarbError, UnknownName
from optarb.indicators import default_catalogue, named
from optarb.protocols.experts import SupportsFeatures

if TYPE_CHECKING:
    from optarb.desk.desk import Desk, Setup
    from optarb.domain.bars import Bars
    from optarb.protocols import Indicator, MarketData
    from optarb.protocols.market_data import DataKind
    from optarb.specs import BacktestSpec

__all__ = [
    "SourceFacts",
    "component_identity",
    "declared_indicators",
    "gather_inputs",
    "identity_of",
    "library_versions",
    "load_bars",
    "problems",
    "resolver",
    "trading_sessions",
]

T = TypeVar("T")

_LIBRARIES = ("optarb", "numpy", "pandas", "pandas-ta-classic", "pyarrow", "scipy")


class SourceFacts:
    """What market data say of themselves, each thing asked once: runs that share it see the same data.

    It holds no bars and no quotes. A source that changes meanwhile is noticed by whoever asks it anew.
    """

    def __init__(self, market_data: MarketData) -> None:
        """Asks nothing yet.

        Args:
            market_data: The source.
        """
        self._market_data = market_data
        self._fingerprints: dict[tuple[str, str], str] = {}
        self._first_bars: dict[str, date] = {}

    def fingerprint(self, symbol: str, kind: DataKind) -> str:
        """Returns the fingerprint of a symbol's bars or quotes."""
        if (symbol, kind) not in self._fingerprints:
            self._fingerprints[symbol, kind] = self._market_data.fingerprint(symbol, kind)
        return self._fingerprints[symbol, kind]

    def first_bar(self, symbol: str) -> date:
        """Returns the session of the first bar."""
        if symbol not in self._first_bars:
            self._first_bars[symbol] = self._market_data.bars(symbol).dates[0]
        return self._first_bars[symbol]


def trading_sessions(desk: Desk, spec: BacktestSpec) -> tuple[tuple[date, ...], date]:
    """Returns the sessions to trade and the session before the first.

    Args:
        desk: Whose calendar to ask.
        spec: The range.

    Raises:
        DataError: No session lies in the range.
    """
    sessions = desk.calendar.sessions(spec.start, spec.end)
    if not sessions:
        raise DataError(f"no session from {spec.start} to {spec.end}; choose a range with trading days")
    before = desk.calendar.sessions(sessions[0] - timedelta(days=14), sessions[0] - timedelta(days=1))
    return sessions, before[-1]


def load_bars(desk: Desk, spec: BacktestSpec, symbol: str, sessions: tuple[date, ...]) -> tuple[Bars, dict[str, int]]:
    """Reads and checks a symbol's bars from ``history_start`` to the last session.

    Rows on days that are no sessions are dropped and counted; sessions without a bar are counted, and refused from the first
    session to trade on unless the spec allows gaps.

    Args:
        desk: Whose market data and calendar to ask.
        spec: Range, history and whether gaps are allowed.
        symbol: The symbol.
        sessions: Sessions to trade.

    Returns:
        The bars, and counts by kind: ``not_a_session``, ``missing_session``, ``open_or_close_outside_range``.

    Raises:
        BadData: Unusable values, or a session without a bar.
        DataError: The range lies outside the data.
    """
    bars = desk.market_data.bars(symbol).checked()
    first, last = bars.sessions[0].item(), bars.sessions[-1].item()
    if sessions[0] < first or sessions[-1] > last:
        raise DataError(
            f"range {sessions[0]} to {sessions[-1]} lies outside the bars of {symbol!r}, {first} to {last}; shorten the range"
        )
    bars = bars.between(spec.history_start, sessions[-1])
    if not len(bars):
        raise DataError(f"history_start {spec.history_start} leaves no bars of {symbol!r}")
    calendar = np.array(desk.calendar.sessions(bars.sessions[0].item(), sessions[-1]), dtype="datetime64[D]")
    counts = {"open_or_close_outside_range": outside} if (outside := bars.outside_range()) else {}
    known = np.isin(bars.sessions, calendar)
    if not known.all():
        counts["not_a_session"] = int((~known).sum())
        bars = _picked(bars, known)
    missing = calendar[~np.isin(calendar, bars.sessions)]
    traded = missing[missing >= np.datetime64(sessions[0], "D")]
    if len(traded) and not spec.allow_gaps:
        raise BadData(
            f"bars of {symbol!r} miss {len(traded)} of the sessions to trade, the first {traded[0]}; mend the data or set "
            "allow_gaps=True"
        )
    if len(missing):
        counts["missing_session"] = len(missing)
    return bars, counts


def _picked(bars: Bars, rows: Any) -> Bars:
    columns = {name: getattr(bars, name)[rows] for name in ("sessions", "open", "high", "low", "close", "volume")}
    return type(bars)(symbol=bars.symbol, **columns)


def resolver(desk: Desk) -> Callable[[str], Indicator]:
    """Returns a function that finds the indicator of a column: the desk's own first, then the catalogue.

    Args:
        desk: The desk.
    """
    own = {column: indicator for indicator in desk.indicators for column in indicator.columns}

    def resolve(column: str) -> Indicator:
        found = own.get(column)
        if found is not None:
            return found
        try:
            return named(column)
        except UnknownName:
            known = [name for indicator in default_catalogue() for name in indicator.columns]
            raise UnknownName.of("feature", column, [*own, *known]) from None

    return resolve


def declared_indicators(desk: Desk, setup: Setup) -> tuple[Indicator, ...]:
    """Returns the indicators to compute ahead: the desk's own, those the experts declare, and the catalogue.

    Raises:
        UnknownName: An expert declares a feature that does not exist.
    """
    resolve = resolver(desk)
    chosen: dict[str, Indicator] = {}
    for indicator in (*desk.indicators, *default_catalogue()):
        chosen.setdefault(",".join(indicator.columns), indicator)
    for name, expert in setup.strategy.experts.items():
        for _, component in nested(expert):
            if isinstance(component, SupportsFeatures):
                for column in component.features:
                    try:
                        indicator = resolve(column)
                    except UnknownName as error:
                        raise UnknownName(f"expert {name!r}: {error}") from None
                    chosen.setdefault(",".join(indicator.columns), indicator)
    return tuple(chosen.values())


def component_identity(component: object) -> dict[str, Any]:
    """Returns what decides a component's results: its class, parameters, declared version and the hash of its source.

    ``source`` is None where the source cannot be had; such a component's results are neither cached nor resumed.
    """
    return {
        "component": component_name(component),
        "parameters": canonical(component),
        "version": getattr(component, "version", None),
        "source": source_digest(component),
    }


@lru_cache(maxsize=1)
def _versions() -> tuple[tuple[str, str], ...]:
    from importlib.metadata import version

    return tuple((name, version(name)) for name in _LIBRARIES)


def library_versions() -> dict[str, str]:
    """Returns the versions of the libraries that compute."""
    return dict(_versions())


def gather_inputs(desk: Desk, setup: Setup, facts: SourceFacts | None = None) -> dict[str, Any]:
    """Returns everything besides the spec that can change the ledger, as JSON values.

    Args:
        desk: Data and infrastructure.
        setup: Strategy and simulator.
        facts: What the sources said before; None asks them now.

    Raises:
        BadData: The market data lack a symbol or cannot be read.
    """
    strategy = setup.strategy
    facts = facts or SourceFacts(desk.market_data)
    data = {symbol: {"bars": facts.fingerprint(symbol, "bars")} for symbol in strategy.symbols}
    for symbol in strategy.underlyings:
        data[symbol]["quotes"] = facts.fingerprint(symbol, "quotes")
    parts: dict[str, object] = {f"experts.{name}": expert for name, expert in strategy.experts.items()}
    parts |= {"policy": strategy.policy, "exits": strategy.exits, "simulator": setup.simulator}
    parts |= {f"indicators.{number}": indicator for number, indicator in enumerate(desk.indicators)}
    return {
        "data": data,
        "components": {name: component_identity(part) for name, part in parts.items()},
        "underlyings": list(strategy.underlyings),
        "references": list(strategy.references),
        "calendar": canonical(desk.calendar),
        "libraries": library_versions(),
    }


def identity_of(spec: BacktestSpec, inputs: Mapping[str, Any]) -> str:
    """Hashes all that can change the ledger. Without the source of a component every call gives another hash.

    Args:
        spec: The spec.
        inputs: From :func:`gather_inputs`.
    """
    document: dict[str, object] = {"spec": spec.ledger_fields(), "inputs": inputs}
    if any(part["source"] is None for part in inputs["components"].values()):
        document["unknown_source"] = uuid.uuid4().hex
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def problems(desk: Desk, spec: BacktestSpec) -> tuple[OptarbError, ...]:
    """Returns every error that a run of the spec would meet before its first signal, as far as one does not hide another.

    Args:
        desk: The desk.
        spec: The spec.
    """
    found: list[OptarbError] = []

    def tried(call: Callable[..., T], *arguments: Any) -> T | None:
        try:
            return call(*arguments)
        except OptarbError as error:
            found.append(error)
            return None

    setup = tried(desk.setup, spec)
    if setup is None:
        return tuple(found)
    tried(declared_indicators, desk, setup)
    sessions = tried(trading_sessions, desk, setup.spec)
    for symbol in setup.strategy.symbols:
        if sessions is not None:
            tried(load_bars, desk, setup.spec, symbol, sessions[0])
    for symbol in setup.strategy.underlyings:
        tried(desk.market_data.fingerprint, symbol, "quotes")
    return tuple(found)
