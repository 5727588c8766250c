"""The desk: strategies and the infrastructure they run on, in one object."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from optarb._component import check_component, nested, override
from optarb.brokers.simulator import Simulator
from optarb.caches import MemoryCache
from optarb.calendars import ExchangeCalendar
from optarb.errors import ConfigurationError, UnknownName
from optarb.stores import SqlStore
from optarb.strategy import Strategy

if TYPE_CHECKING:
    from optarb.errors import OptarbError
    from optarb.protocols import BacktestStore, BrokerAdapter, Cache, Indicator, MarketData, TradingCalendar
    from optarb.protocols.heartbeat import Heartbeat
    from optarb.protocols.trading import Notifier, QuoteFeed
    from optarb.specs import BacktestSpec

__all__ = ["Desk", "Setup"]

_ROLES = {
    "market_data": ("fingerprint", "bars", "chains"),
    "store": ("claim", "commit", "checkpoint", "rows"),
    "cache": ("get", "put", "delete", "clear"),
    "simulator": ("fills", "fees", "margin", "broker"),
    "calendar": ("sessions", "opens_at", "closes_at"),
}
"""What each component of a desk must have to be one."""

_LIVE_ROLES = {
    "broker": ("capabilities", "preflight", "submit", "find", "cancel", "positions", "now"),
    "feed": ("chain", "quotes", "underlying_price"),
    "heartbeat": ("beat",),
}
"""The same for what only live days need."""

_OF_SIMULATOR = {"simulator": "", "fills": "fills.", "fees": "fees.", "margin": "margin."}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setup:
    """What one spec runs: the strategy and the simulator with the spec's overrides applied."""

    strategy: Strategy
    """With overrides."""
    simulator: Simulator
    """With overrides."""
    spec: BacktestSpec
    """With overrides of the spec itself applied."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Desk:
    """Strategies and what they run on: the one object given to the plugin or to the in-process runner.

    As a context manager it closes at the end what its components opened in this process.

    Raises:
        ConfigurationError: No strategy, two of one name, or something that is no component.
    """

    strategies: Sequence[Strategy]
    """At least one, each name once."""
    market_data: MarketData
    """Historical bars and quotes."""
    store: BacktestStore = dataclasses.field(default_factory=lambda: SqlStore(url="sqlite://"))
    """Where books are kept; the default lives in this process only."""
    cache: Cache = dataclasses.field(default_factory=MemoryCache)
    """Where ingested data, features and models are kept; the default lives in this process only."""
    simulator: Simulator = dataclasses.field(default_factory=Simulator)
    """The broker of every backtest."""
    calendar: TradingCalendar = dataclasses.field(default_factory=ExchangeCalendar)
    """The exchange's sessions."""
    indicators: Sequence[Indicator] = ()
    """Indicators of one's own, beside the catalogue."""
    broker: BrokerAdapter | None = None
    """Where the orders of live days go; None for a desk that trades none."""
    feed: QuoteFeed | None = None
    """Quotes of live days; None for a desk that trades none."""
    notifiers: Mapping[str, Notifier] = dataclasses.field(default_factory=dict[str, "Notifier"])
    """What brings the notices of live days to people, by name. What each has sent is remembered by its name, so keep them."""
    heartbeat: Heartbeat | None = None
    """Tells somebody outside after each cycle that a book is guarded; None for nobody."""

    def __post_init__(self) -> None:
        if isinstance(self.strategies, Strategy):
            raise ConfigurationError(f"strategies must be a sequence; write strategies=[{self.strategies.name}]")
        object.__setattr__(self, "strategies", tuple(self.strategies))
        object.__setattr__(self, "indicators", tuple(self.indicators))
        if not self.strategies:
            raise ConfigurationError("a desk needs at least one strategy")
        names = []
        for strategy in self.strategies:
            if not isinstance(strategy, Strategy):
                raise ConfigurationError(f"strategies must hold Strategy objects, got {strategy!r}")
            names.append(strategy.name)
        if len(set(names)) != len(names):
            raise ConfigurationError(f"strategy names must differ, got {names}")
        for role, methods in _ROLES.items():
            check_component(getattr(self, role), role, methods=methods)
        for role, methods in _LIVE_ROLES.items():
            if getattr(self, role) is not None:
                check_component(getattr(self, role), role, methods=methods)
        self._check_notifiers()
        for indicator in self.indicators:
            check_component(indicator, f"indicator {indicator!r}", methods=("columns", "warm_up", "compute"))

    def _check_notifiers(self) -> None:
        if not isinstance(self.notifiers, Mapping):
            raise ConfigurationError(
                f"notifiers must be named; write notifiers={{'log': LogNotifier()}}, not {self.notifiers!r}"
            )
        named: dict[Any, Any] = dict(self.notifiers)
        object.__setattr__(self, "notifiers", named)
        for name, notifier in named.items():
            if not (isinstance(name, str) and name.strip()):
                raise ConfigurationError(f"a notifier's name must be a text, got {name!r}")
            check_component(notifier, f"notifier {name!r}", methods=("notify",))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections that the desk's components opened in this process. They reopen when used again."""
        roles = ("market_data", "store", "cache", "broker", "feed", "heartbeat")
        for outermost in (*(getattr(self, role) for role in roles), *self.notifiers.values()):
            for _, component in nested(outermost):
                close: Any = getattr(component, "close", None)
                if callable(close):
                    close()

    def strategy(self, name: str) -> Strategy:
        """Returns a strategy by name.

        Raises:
            UnknownName: The desk has none of that name.
        """
        for strategy in self.strategies:
            if strategy.name == name:
                return strategy
        raise UnknownName.of("strategy", name, (strategy.name for strategy in self.strategies))

    def check(self, spec: BacktestSpec) -> tuple[OptarbError, ...]:
        """Looks for everything that is wrong with a spec on this desk, without running it.

        Names, overrides, declared features, the range, bars and the presence of quotes are checked. What only shows while
        running, such as an expert that raises, is not.

        Args:
            spec: The spec.

        Returns:
            The errors that a run would raise, most basic first; empty if none was found.
        """
        from optarb.desk.intake import problems

        return problems(self, spec)

    def setup(self, spec: BacktestSpec) -> Setup:
        """Applies a spec's overrides.

        Args:
            spec: The spec.

        Raises:
            UnknownName: The strategy or a path of an override does not exist.
            ConfigurationError: A value does not fit its parameter.
        """
        strategy = self.strategy(spec.strategy)
        simulator = self.simulator
        changed: dict[str, object] = {}
        for path, value in spec.overrides.items():
            head, _, rest = path.partition(".")
            if head == "spec":
                changed[rest] = value
            elif head in _OF_SIMULATOR:
                simulator = override(simulator, _OF_SIMULATOR[head] + rest, value, full_path=path)
            else:
                strategy = strategy.with_override(path, value)
        return Setup(strategy=strategy, simulator=simulator, spec=_changed_spec(spec, changed))


def _changed_spec(spec: BacktestSpec, changed: Mapping[str, object]) -> BacktestSpec:
    """Applies overrides of the spec itself, such as ``spec.capital``."""
    if not changed:
        return spec
    allowed = sorted(set(type(spec).model_fields) - {"strategy", "backtest_id", "on_existing", "overrides", "execution"})
    for name in changed:
        if name not in allowed:
            raise UnknownName.of(f"override 'spec.{name}': field", name, allowed)
    fields: dict[str, Any] = {name: getattr(spec, name) for name in type(spec).model_fields}
    fields.update(changed)
    return type(spec)(**fields)
