"""What experts made of other experts share: how these are checked, asked, and speak of what they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from optarb._component import check_component, component_name, nested
from optarb.domain.signals import Signal
from optarb.protocols import Expert, MarketView, SupportsFeatures, SupportsWarmUp

if TYPE_CHECKING:
    from datetime import date, datetime

    from optarb.domain.bars import Bars
    from optarb.domain.quotes import Chain
    from optarb.protocols import Model

__all__ = ["Member", "ask", "check_member", "features_of", "short_name", "warm_up_of"]

Member = Expert | Callable[[MarketView], Signal | None]
"""An expert, or a module-level function in its place."""


def check_member(member: object, field: str) -> None:
    """Refuses what cannot serve as an expert.

    Raises:
        ConfigurationError: A class, a lambda, an ``async def``, or something without ``evaluate``.
    """
    check_component(member, field, methods=("evaluate",), function=True)


def ask(member: Member, view: MarketView, field: str) -> Signal | None:
    """Asks a member; its outside calls are kept apart from those of the other members.

    Args:
        member: The expert or function.
        view: All that may be known.
        field: The field it stands in, which goes before the keys of its outside calls.
    """
    evaluate: Callable[[MarketView], Signal | None] = getattr(member, "evaluate", member)  # type: ignore[arg-type]
    return evaluate(_MemberView(view=view, field=field))


def features_of(*members: object) -> tuple[str, ...]:
    """Returns the columns that members, and the components in their fields, declare, each once."""
    columns: dict[str, None] = {}
    for member in members:
        for _, component in nested(member):
            if isinstance(component, SupportsFeatures):
                columns.update(dict.fromkeys(component.features))
    return tuple(columns)


def warm_up_of(*members: object) -> int:
    """Returns the bars that the most demanding member needs, at least 1."""
    return max([1, *(member.warm_up for member in members if isinstance(member, SupportsWarmUp))])


def short_name(member: object) -> str:
    """Names a member's class or function for its reasons, such as ``"RulesExpert"``."""
    return component_name(member).rpartition(":")[2]


@dataclass(frozen=True, kw_only=True, eq=False)
class _MemberView:
    """A view as one member sees it: the same, with outside calls of its own."""

    view: MarketView
    field: str

    @property
    def at(self) -> datetime:
        return self.view.at

    @property
    def session(self) -> date:
        return self.view.session

    @property
    def bars_through(self) -> date:
        return self.view.bars_through

    @property
    def underlying(self) -> str:
        return self.view.underlying

    @property
    def model(self) -> Model | None:
        return self.view.model

    def bars(self, symbol: str | None = None, n: int | None = None) -> Bars:
        return self.view.bars(symbol, n)

    def feature(self, name: str, symbol: str | None = None, back: int = 0) -> float:
        return self.view.feature(name, symbol, back)

    def chain(self, symbol: str | None = None) -> Chain | None:
        return self.view.chain(symbol)

    def once(self, key: str, call: Callable[[], bytes]) -> bytes:
        return self.view.once(f"{self.field}.{key}", call)
