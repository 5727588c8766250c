"""What a live day works with: the spec, the strategy, and everything around a book that does not change within the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from optarb.desk.intake import resolver
from optarb.domain.contracts import Settlement
from optarb.engine.features import FeatureTable, compute_indicator
from optarb.engine.market import Market
from optarb.engine.session import SessionEngine
from optarb.engine.view import View
from optarb.errors import BadData, BrokerUnavailable, ConfigurationError, OptarbError
from optarb.ledger.rows import session_number
from optarb.protocols.trading import Controls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optarb.brokers.simulator import Simulator
    from optarb.desk.desk import Desk
    from optarb.domain.bars import Bars
    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Quote
    from optarb.protocols import BrokerAdapter, MarketData, TradingCalendar
    from optarb.protocols.trading import QuoteFeed, TradingStore
    from optarb.strategy import Strategy
    from optarb.trading.day_spec import DaySpec

__all__ = ["DayContext", "day_context", "market_of", "setup_of"]

_LATE_ROOTS = frozenset({"SPX", "SPXW", "XSP", "SPY", "QQQ", "IWM", "DIA"})
_LATE = timedelta(minutes=15)
_AFTER = timedelta(minutes=5)
_HISTORY_DAYS = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class DayContext:
    """One session of one book."""

    spec: DaySpec
    """What to trade."""
    strategy: Strategy
    """With the spec's overrides."""
    simulator: Simulator
    """Fill and fee models: what candidates are priced with."""
    broker: BrokerAdapter
    """Where orders go."""
    store: TradingStore
    """Where the book is."""
    feed: QuoteFeed
    """Quotes as of an instant."""
    calendar: TradingCalendar
    """Opening and closing times."""
    data: MarketData
    """Asked for settlement values."""
    session: date
    """The session."""
    previous: date
    """The session before."""
    following: date
    """The session after."""
    owner: str
    """Who moves the book."""
    market: Market | None
    """Bars and features through the session before; None if they could not be had."""
    trouble: str = ""
    """Why there is no market."""

    @property
    def book_id(self) -> str:
        """The book."""
        return self.spec.book_id

    @property
    def number(self) -> int:
        """The session as ``YYYYMMDD``."""
        return session_number(self.session)

    @property
    def opens_at(self) -> datetime:
        """When the session opens."""
        return self.calendar.opens_at(self.session)

    @property
    def closes_at(self) -> datetime:
        """When the session closes."""
        return self.calendar.closes_at(self.session)

    @property
    def entry_at(self) -> datetime:
        """When the day is decided."""
        local = datetime.combine(self.session, self.spec.entry_at, ZoneInfo("America/New_York"))
        return local.astimezone(self.opens_at.tzinfo)

    @property
    def entry_until(self) -> datetime:
        """Until when an opening order may be sent."""
        return self.entry_at + timedelta(minutes=self.spec.late_minutes)

    @property
    def expiry_cutoff(self) -> datetime:
        """From when contracts that deliver shares today are closed."""
        return self.closes_at - timedelta(minutes=self.spec.expiry_minutes)

    def trades_until(self, contract: OptionContract) -> datetime:
        """Returns when a contract stops trading: the open for one whose last day is over.

        Options on broad indexes and their ETFs trade until 15 minutes after the close, except on their last day. AM-settled
        ones do not trade on the day they settle.
        """
        over = contract.expiry < self.session
        if over or (contract.expiry == self.session and contract.settlement is Settlement.AM):
            return self.opens_at
        late = contract.root in _LATE_ROOTS and contract.expiry > self.session
        return self.closes_at + (_LATE if late else timedelta(0))

    def ends_at(self, contracts: list[OptionContract], *, doubted: bool) -> datetime:
        """Returns when the last reconciliation is due.

        Args:
            contracts: What is held, or traded by live orders.
            doubted: Whether the answer of any order was unknown: then it is after the broker's end of day.
        """
        last = max([self.closes_at, *(self.trades_until(contract) for contract in contracts)])
        if doubted:
            hour, minute = map(int, self.broker.capabilities.end_of_day.split(":"))
            shift = self.closes_at - self.closes_at.astimezone(ZoneInfo("America/New_York")).replace(hour=16, minute=0)
            local = self.entry_at.astimezone(ZoneInfo("America/New_York")).replace(hour=hour, minute=minute)
            last = max(last, local.astimezone(self.opens_at.tzinfo) + shift)
        return last + _AFTER

    def controls(self) -> Controls:
        """Returns what people want now: the store's flag, or a file that is there."""
        asked = self.store.controls(self.book_id)
        path = self.spec.halt_file
        if path is not None and not asked.halted and Path(path).exists():
            return Controls(halted=True, flatten=asked.flatten, reason=f"the file {path} is there", changed_at=asked.changed_at)
        return asked

    def view(self, now: datetime) -> View:
        """Cuts what may be known now; without a market a view shows chains only."""
        market = self.market
        chains = {symbol: self.feed.chain(symbol, now) for symbol in self.strategy.underlyings}
        return View(
            at=now,
            session=self.session,
            bars_through=self.previous,
            bars={} if market is None else market.bars,
            features={} if market is None else market.features,
            chains={symbol: chain for symbol, chain in chains.items() if chain is not None},
            underlyings=tuple(self.strategy.underlyings),
        )

    def engine(self) -> SessionEngine:
        """Returns the session engine: the one of a backtest.

        Raises:
            BadData: There is no market.
        """
        if self.market is None:
            raise BadData(self.trouble)
        return SessionEngine(
            strategy=self.strategy,
            simulator=self.simulator,
            market=self.market,
            data=self.data,
            mark=self.spec.mark,
            am_settlement=self.spec.am_settlement,
            next_session={self.session: self.following},
        )

    def quotes(self, contracts: list[OptionContract], now: datetime) -> dict[OptionContract, Quote]:
        """Returns the newest quotes; none where the feed cannot be asked."""
        try:
            return dict(self.feed.quotes(contracts, now))
        except BrokerUnavailable:
            return {}

    def spot(self, symbol: str, now: datetime) -> Decimal | None:
        """Returns the price of an underlying, or None if it is not known."""
        try:
            return self.feed.underlying_price(symbol, now)
        except BrokerUnavailable:
            return None


def day_context(
    spec: DaySpec,
    desk: Desk,
    session: date,
    *,
    broker: BrokerAdapter,
    store: TradingStore,
    feed: QuoteFeed,
    owner: str,
) -> DayContext:
    """Gathers what a day works with. Bars that cannot be had are no error here: what is open is watched all the same.

    Args:
        spec: What to trade.
        desk: Strategies, market data and the calendar.
        session: A session of the desk's calendar.
        broker: Where orders go.
        store: Where the book is.
        feed: Quotes as of an instant.
        owner: Who moves the book: different for each run.

    Raises:
        UnknownName: The desk has no such strategy, or an override names nothing.
        ConfigurationError: An override does not fit, or the broker trades real money and the spec does not say so too.
    """
    if getattr(broker, "live", False) and not spec.live:
        raise ConfigurationError("the broker trades real money; say it in the spec too: DaySpec(live=True)")
    strategy, simulator = setup_of(spec, desk)
    near = desk.calendar.sessions(session - timedelta(days=_HISTORY_DAYS), session + timedelta(days=14))
    place = near.index(session)
    market, trouble = None, ""
    try:
        market = _market(desk, strategy, near[: place + 1])
    except OptarbError as error:
        trouble = f"{type(error).__name__}: {error}"
    return DayContext(
        spec=spec,
        strategy=strategy,
        simulator=simulator,
        broker=broker,
        store=store,
        feed=feed,
        calendar=desk.calendar,
        data=desk.market_data,
        session=session,
        previous=near[place - 1],
        following=near[place + 1],
        owner=owner,
        market=market,
        trouble=trouble,
    )


def setup_of(spec: DaySpec, desk: Desk) -> tuple[Strategy, Simulator]:
    """Returns the strategy and the simulator of a spec, with its overrides.

    Args:
        spec: What to trade.
        desk: Where they are.

    Raises:
        UnknownName: The desk has no such strategy, or an override names nothing.
        ConfigurationError: An override does not fit.
    """
    from optarb.specs import BacktestSpec

    day: dict[str, Any] = {"start": date(2000, 1, 3), "end": date(2000, 1, 3)}
    setup = desk.setup(BacktestSpec(strategy=spec.strategy, overrides=spec.overrides, **day))
    return setup.strategy, setup.simulator


def _market(desk: Desk, strategy: Strategy, sessions: tuple[date, ...]) -> Market:
    """Bars of every symbol through the session before the last, with features on them."""
    return market_of(desk, {symbol: _bars(desk, symbol, sessions[-2]) for symbol in strategy.symbols}, sessions)


def market_of(desk: Desk, bars: Mapping[str, Bars], sessions: Sequence[date]) -> Market:
    """Returns the market of a live day: bars with features on them, and no chains, which come from a feed.

    Args:
        desk: Indicators and the calendar.
        bars: Through the session before, by symbol.
        sessions: Two or more, oldest first; the last is the day.
    """
    resolve = resolver(desk)
    return Market(
        sessions=sessions,
        previous=dict(zip(sessions[1:], sessions[:-1], strict=True)),
        bars=bars,
        features={symbol: FeatureTable(resolve, partial(_computed, known)) for symbol, known in bars.items()},
        chains={},
        calendar=desk.calendar,
        same_session=False,
    )


def _computed(bars: Bars, indicator: Any) -> Any:
    return compute_indicator(indicator, bars)


def _bars(desk: Desk, symbol: str, through: date) -> Bars:
    bars = desk.market_data.bars(symbol).between(None, through)
    if not len(bars) or bars.dates[-1] != through:
        last = bars.dates[-1] if len(bars) else None
        raise BadData(f"bars of {symbol!r} end on {last}, a day needs them through {through}")
    return bars.checked()
