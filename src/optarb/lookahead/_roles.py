"""Which role a component plays, and how it is put in its place."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from types import FunctionType, MappingProxyType
from typing import TYPE_CHECKING, Any

from optarb._component import check_component
from optarb.domain.legs import Structure
from optarb.domain.signals import Direction, Signal
from optarb.errors import ConfigurationError
from optarb.lookahead._ledger_subject import LedgerAsked
from optarb.lookahead._subjects import CHECKED, ExpertAsked, IndicatorAsked

if TYPE_CHECKING:
    from optarb.lookahead._tasks import Subject
    from optarb.protocols import MarketView
    from optarb.strategy import Strategy

__all__ = ["placed", "role_of", "subject_of"]

_METHODS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "indicator": ("columns", "warm_up", "compute"),
        "expert": ("evaluate",),
        "policy": ("decide",),
        "exits": ("review",),
        "structure": ("choose",),
    }
)
_FUNCTIONS = MappingProxyType({1: "expert", 2: "exits", 3: "policy"})
"""Roles of functions by their number of parameters."""


@dataclass(frozen=True, kw_only=True)
class Proposing:
    """An expert that proposes one structure in every session, so that the structure chooses."""

    structure: Structure
    """What it proposes."""

    def evaluate(self, view: MarketView) -> Signal:  # noqa: ARG002 - it has no opinion of its own
        """Proposes the structure."""
        return Signal.one(Direction.NEUTRAL, self.structure, confidence=1.0, reasons=("checked",))


def role_of(component: object) -> str:
    """Returns the role of a component: ``indicator``, ``expert``, ``policy``, ``exits`` or ``structure``.

    Raises:
        ConfigurationError: It is no component, or plays none of these roles.
    """
    if isinstance(component, FunctionType):
        check_component(component, "the component to check", function=True)
        count = len(inspect.signature(component).parameters)
        if count not in _FUNCTIONS:
            raise ConfigurationError(
                f"{component.__qualname__!r} takes {count} parameters; an expert takes one (view), exits two (account, view), "
                "a policy three (candidates, account, view)"
            )
        return _FUNCTIONS[count]
    check_component(component, "the component to check")
    for role, methods in _METHODS.items():
        if all(hasattr(component, name) for name in methods):
            return role
    raise ConfigurationError(
        f"{type(component).__name__} is no indicator (columns, warm_up, compute), expert (evaluate), policy (decide), exits "
        "(review) or structure (choose); other components cannot be checked for look-ahead"
    )


def subject_of(component: Any, role: str) -> Subject:
    """Returns how a component of a role is asked."""
    if role == "indicator":
        return IndicatorAsked(component=component)
    return LedgerAsked(component=component) if role in {"policy", "exits"} else ExpertAsked(component=_expert(component, role))


def placed(strategy: Strategy, component: Any, role: str) -> Strategy:
    """Returns a strategy in which a component plays its role. An expert or structure is asked alone.

    Args:
        strategy: Symbols, and what plays the other roles.
        component: The component.
        role: From :func:`role_of`.
    """
    if role in {"policy", "exits"}:
        return dataclasses.replace(strategy, **{role: component})
    if role == "indicator":
        return strategy
    return dataclasses.replace(strategy, experts={CHECKED: _expert(component, role)})


def _expert(component: Any, role: str) -> Any:
    return Proposing(structure=component) if role == "structure" else component
