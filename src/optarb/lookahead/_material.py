"""What components are asked with: the market of a backtest in memory, and the same with another future."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from optarb.backtesting.training import planned_trainings
from optarb.caches import MemoryCache
from optarb.desk.intake import load_bars, resolver, trading_sessions
from optarb.engine.chain_table import ChainTable, clean_quotes, joined
from optarb.engine.features import FeatureTable, compute_indicator
from optarb.engine.market import Market
from optarb.errors import BadData, DataError
from optarb.lookahead._changes import Change, changed_bars, changed_chains
from optarb.specs import BacktestSpec
from optarb.stores import SqlStore

if TYPE_CHECKING:
    from optarb.desk import Desk, Setup
    from optarb.domain.bars import Bars

__all__ = ["Material", "default_spec", "gather", "planned_cutoffs"]

_DEFAULT_SESSIONS = 250


@dataclass(frozen=True, kw_only=True)
class _Hours:
    """The sessions of a calendar and their hours, looked up once: processes that ask need not load the calendar."""

    hours: Mapping[date, tuple[datetime, datetime]]

    def sessions(self, start: date, end: date) -> tuple[date, ...]:
        return tuple(session for session in self.hours if start <= session <= end)

    def opens_at(self, session: date) -> datetime:
        return self.hours[session][0]

    def closes_at(self, session: date) -> datetime:
        return self.hours[session][1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """All that a backtest of a spec would load, before any component has seen it."""

    desk: Desk
    """Its indicators and market data; store and cache are others, in memory."""
    setup: Setup
    """Strategy, simulator and spec."""
    sessions: tuple[date, ...]
    """Sessions to trade, oldest first."""
    before: date
    """The session before the first."""
    after: date
    """The session after the last."""
    bars: Mapping[str, Bars]
    """By symbol, from ``history_start`` on."""
    chains: Mapping[str, ChainTable]
    """By underlying."""
    calendar: _Hours
    """Opening and closing times of all sessions."""

    def through(self, session: date) -> date:
        """Returns the last session whose bars a view of a session shows."""
        if self.setup.spec.bars == "same_session":
            return session
        return self.sessions[self.sessions.index(session) - 1] if session != self.sessions[0] else self.before

    @property
    def next_session(self) -> dict[date, date]:
        """For each session to trade the one after."""
        return dict(pairwise((*self.sessions, self.after)))

    def market(self) -> Market:
        """Returns the market as it is."""
        return self._market(self.bars, self.chains)

    def changed(self, change: Change, session: date) -> Market:
        """Returns the market with another future, as a view of a session may not notice."""
        through = self.through(session)
        bars = {symbol: changed_bars(one, change, through, session=session) for symbol, one in self.bars.items()}
        return self._market(bars, {symbol: changed_chains(one, change, session) for symbol, one in self.chains.items()})

    def changed_after(self, change: Change, cutoff: date) -> Market:
        """Returns the market with another future, as a training at a cut-off may not notice."""
        bars = {symbol: changed_bars(one, change, cutoff, session=None) for symbol, one in self.bars.items()}
        return self._market(bars, {symbol: changed_chains(one, change, cutoff) for symbol, one in self.chains.items()})

    def _market(self, bars: Mapping[str, Bars], chains: Mapping[str, ChainTable]) -> Market:
        resolve = resolver(self.desk)
        features = {symbol: FeatureTable(resolve, partial(compute_indicator, bars=one)) for symbol, one in bars.items()}
        for indicator in self.desk.indicators:  # computed before the first session of a backtest, read or not
            for table in features.values():
                for column in indicator.columns:
                    table.column(column)
        return Market(
            sessions=self.sessions,
            previous=dict(zip(self.sessions, (self.before, *self.sessions), strict=False)),
            bars=bars,
            features=features,
            chains=chains,
            calendar=self.calendar,
            same_session=self.setup.spec.bars == "same_session",
        )


def default_spec(desk: Desk) -> BacktestSpec:
    """Returns a spec of a desk's first strategy over the last sessions for which all its symbols have bars."""
    strategy = desk.strategies[0]
    dates = [desk.market_data.bars(symbol).dates for symbol in strategy.symbols]
    common = sorted(set(dates[0]).intersection(*dates[1:]))
    if len(common) < 2:
        raise DataError(f"the bars of {', '.join(strategy.symbols)} have no sessions in common; give a spec")
    chosen = common[1:][-_DEFAULT_SESSIONS:]
    return BacktestSpec(strategy=strategy.name, start=chosen[0], end=chosen[-1], allow_gaps=True)


def gather(desk: Desk, spec: BacktestSpec, *, quotes: bool = True) -> Material:
    """Loads and checks what a backtest would.

    Args:
        desk: Data, calendar and indicators.
        spec: Range and history.
        quotes: Whether chains are wanted; an indicator sees none.

    Raises:
        ConfigurationError: The spec does not fit the desk.
        DataError: The range holds no session, or data are missing or unusable.
    """
    setup = desk.setup(spec)
    spec = setup.spec
    sessions, before = trading_sessions(desk, spec)
    bars = {symbol: load_bars(desk, spec, symbol, sessions)[0] for symbol in setup.strategy.symbols}
    first = min(one.dates[0] for one in bars.values())
    known = desk.calendar.sessions(min(first, before), sessions[-1] + timedelta(days=14))
    hours = {day: (desk.calendar.opens_at(day), desk.calendar.closes_at(day)) for day in known}
    return Material(
        desk=_without_infrastructure(desk),
        setup=setup,
        sessions=sessions,
        before=before,
        after=next(day for day in known if day > sessions[-1]),
        bars=bars,
        chains={symbol: _chains(desk, symbol, sessions) for symbol in setup.strategy.underlyings if quotes},
        calendar=_Hours(hours=hours),
    )


def planned_cutoffs(material: Material) -> dict[tuple[str, str], tuple[date, ...]]:
    """Asks the experts that train for their cut-offs, with the sessions that a backtest would give them.

    Returns:
        By expert and underlying, oldest first.
    """
    setup = material.setup
    starts = [material.bars[symbol].dates[0] for symbol in setup.strategy.underlyings]
    history = material.calendar.sessions(max(starts), material.sessions[-1])
    cutoffs: dict[tuple[str, str], tuple[date, ...]] = {}
    for expert, underlying, cutoff in planned_trainings(setup.strategy, history, material.through(material.sessions[-1])):
        cutoffs[expert, underlying] = (*cutoffs.get((expert, underlying), ()), cutoff)
    return cutoffs


def _without_infrastructure(desk: Desk) -> Desk:
    return dataclasses.replace(desk, store=SqlStore(url="sqlite://"), cache=MemoryCache(), broker=None, feed=None)


def _chains(desk: Desk, symbol: str, sessions: tuple[date, ...]) -> ChainTable:
    raw = desk.market_data.chains(symbol, sessions[0], sessions[-1])
    tables = [table for one in raw if len((table := clean_quotes(one, symbol, desk.calendar)[0]).sessions)]
    if not tables:
        raise BadData(f"no usable option quotes of {symbol!r} from {sessions[0]} to {sessions[-1]}; choose another range")
    return joined(tables)
