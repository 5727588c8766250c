"""A view for trying an expert without data, a store or a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np

from optarb.domain.bars import Bars
from optarb.domain.time import require_utc
from optarb.engine.features import FeatureTable, compute_indicator
from optarb.engine.view import ExpertView, View
from optarb.indicators import named
from optarb.testing.fake_bar_series import FAKE_SESSION, fake_bars
from optarb.testing.fake_calendar import FakeCalendar
from optarb.testing.fake_chains import fake_chain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.quotes import Chain
    from optarb.protocols import Indicator, Model, TradingCalendar

__all__ = ["fake_view"]

_LOOK_AHEAD = timedelta(days=30)


def fake_view(
    closes: Sequence[float] | None = None,
    *,
    bars: Bars | None = None,
    underlying: str = "SPX",
    references: Mapping[str, Sequence[float] | Bars] | None = None,
    features: Mapping[str, float | Sequence[float]] | None = None,
    indicators: Sequence[Indicator] = (),
    chain: Chain | Literal["modelled"] | None = "modelled",
    more_chains: Mapping[str, Chain] | None = None,
    volatility: float = 0.2,
    session: date | None = None,
    at: datetime | None = None,
    calendar: TradingCalendar | None = None,
    model: Model | None = None,
) -> ExpertView:
    """Builds a view from a few closes. Equal arguments give equal views.

    It is the engine's own view, so that it hands out copies, knows nothing later and refuses unknown names as in a
    backtest. A call made through :meth:`~optarb.MarketView.once` is made once per view and key.

    Args:
        closes: Closes of the underlying, oldest first, the last of them of the session before the view's; None for 300
            closes that wave around 5,000.
        bars: Whole bars instead of closes.
        underlying: Symbol the expert is asked about.
        references: Closes or bars of further symbols.
        features: Features of the underlying by name, which replace what the indicators would compute: one number for
            every row, or numbers that end at the last bar and are NaN before.
        indicators: Indicators of one's own, beside the catalogue.
        chain: The underlying's chain; ``"modelled"`` prices one around the last close; None for a session without
            quotes.
        more_chains: Chains of further underlyings.
        volatility: Annual fraction, of a modelled chain.
        session: The view's session; None for the one after the last bar.
        at: Instant of the view and of a modelled chain, aware; None for when the chain was taken, else the close.
        calendar: Knows sessions and closing times; None for every weekday until 16:00 in New York.
        model: What :attr:`~optarb.MarketView.model` gives.

    Raises:
        ValueError: Both closes and bars, ``session`` before the last bar, or a naive ``at``.
        BadData: Bars that cannot be used.
    """
    if closes is not None and bars is not None:
        raise ValueError("give closes or bars, not both")
    known = calendar or FakeCalendar()
    if bars is None:
        bars = fake_bars(closes, symbol=underlying, last=_session_before(known, session or FAKE_SESSION), calendar=known)
    through: date = bars.checked().sessions[-1].item()
    day = session or known.sessions(through + timedelta(days=1), through + _LOOK_AHEAD)[0]
    if day < through:
        raise ValueError(f"session {day} lies before the last bar, {through}; cut the bars or choose a later session")
    instant = None if at is None else require_utc(at, "at")
    if chain == "modelled":
        instant = instant or known.closes_at(day)
        chain = fake_chain(symbol=underlying, session=day, spot=float(bars.close[-1]), volatility=volatility, taken_at=instant)
    chains = dict(more_chains or {}) if chain is None else {underlying: chain, **(more_chains or {})}
    all_bars = {underlying: bars}
    for symbol, given in (references or {}).items():
        all_bars[symbol] = given if isinstance(given, Bars) else fake_bars(given, symbol=symbol, last=through, calendar=known)
    overrides = [_GivenFeature(name=name, values=values) for name, values in (features or {}).items()]
    view = View(
        at=instant or _taken(chains) or known.closes_at(day),
        session=day,
        bars_through=through,
        bars=all_bars,
        features={
            symbol: _feature_table(series, [*(overrides if symbol == underlying else ()), *indicators])
            for symbol, series in all_bars.items()
        },
        chains=chains,
        underlyings=tuple(dict.fromkeys((underlying, *chains))),
    )
    return ExpertView(underlying=underlying, model=model, view=view, once_by_key=_Once())


def _session_before(calendar: TradingCalendar, session: date) -> date:
    return calendar.sessions(session - _LOOK_AHEAD, session - timedelta(days=1))[-1]


def _taken(chains: Mapping[str, Chain]) -> datetime | None:
    return max((chain.taken_at for chain in chains.values() if chain.taken_at is not None), default=None)


def _feature_table(bars: Bars, own: Sequence[Indicator]) -> FeatureTable:
    by_column = {column: indicator for indicator in reversed(own) for column in indicator.columns}
    return FeatureTable(
        resolve=lambda name: by_column[name] if name in by_column else named(name),
        load=lambda indicator: compute_indicator(indicator, bars),
    )


@dataclass(frozen=True, kw_only=True)
class _GivenFeature:
    """An indicator of one column whose values were given."""

    name: str
    values: float | Sequence[float]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.name,)

    @property
    def warm_up(self) -> int:
        return 0

    def compute(self, bars: Bars) -> dict[str, NDArray[np.float64]]:
        if isinstance(self.values, int | float):
            return {self.name: np.full(len(bars), float(self.values))}
        column = np.full(len(bars), np.nan)
        newest = np.array(self.values, dtype=np.float64)[-len(bars) :]
        if len(newest):
            column[-len(newest) :] = newest
        return {self.name: column}


class _Once:
    """Keeps replies, so that a call is made once a key."""

    def __init__(self) -> None:
        self._replies: dict[str, bytes] = {}

    def __call__(self, key: str, call: Callable[[], bytes]) -> bytes:
        if key not in self._replies:
            self._replies[key] = call()
        return self._replies[key]
