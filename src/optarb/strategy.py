"""A strategy: named experts, a policy and exits, on named underlyings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from optarb._component import check_component, override
from optarb.errors import ConfigurationError, UnknownName

if TYPE_CHECKING:
    from optarb.decisions import Candidate, Decision, Review
    from optarb.domain.signals import Signal
    from optarb.ledger.account import Account
    from optarb.protocols import Expert, MarketView, PolicyEngine, PositionManager, SessionView

    ExpertLike = Expert | Callable[[MarketView], Signal | None]
    PolicyLike = PolicyEngine | Callable[[Sequence[Candidate], Account, SessionView], Decision]
    ExitsLike = PositionManager | Callable[[Account, SessionView], Review]

__all__ = ["Strategy"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_RESERVED = frozenset({"policy", "exits", "simulator", "fills", "fees", "margin", "spec"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Strategy:
    """Named experts, a policy and exits, on named underlyings.

    Raises:
        ConfigurationError: A name that cannot be used, no expert, no underlying, a symbol twice, or something that is no
            component (a class, a lambda, an ``async def`` ...).
    """

    name: str
    """Letters, digits, ``_`` and ``-``, beginning with a letter."""
    underlyings: Sequence[str]
    """Symbols the experts are asked about and whose options are traded."""
    experts: Mapping[str, ExpertLike]
    """Experts by name; their order breaks ties."""
    policy: PolicyLike
    """Turns candidates into entries."""
    exits: ExitsLike
    """Says which positions to close."""
    references: Sequence[str] = ()
    """Further symbols whose bars a view shows, such as ``("VIX",)``."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"strategy name {self.name!r}: use letters, digits, _ and -, beginning with a letter")
        for field in ("underlyings", "references"):
            symbols = getattr(self, field)
            if isinstance(symbols, str):
                raise ConfigurationError(
                    f"strategy {self.name!r}: {field} must be a tuple, got {symbols!r}; write ({symbols!r},)"
                )
            object.__setattr__(self, field, tuple(symbols))
        symbols = self.symbols
        if not self.underlyings or len(set(symbols)) != len(symbols):
            raise ConfigurationError(
                f"strategy {self.name!r}: needs at least one underlying and each symbol once, got {list(symbols)}"
            )
        self._check_experts()
        check_component(self.policy, f"policy of strategy {self.name!r}", methods=("decide",), function=True)
        check_component(self.exits, f"exits of strategy {self.name!r}", methods=("review",), function=True)

    def _check_experts(self) -> None:
        if not self.experts:
            raise ConfigurationError(f"strategy {self.name!r} has no experts; name at least one")
        for name, expert in self.experts.items():
            if not _NAME.fullmatch(name) or name in _RESERVED:
                raise ConfigurationError(
                    f"expert name {name!r}: use letters, digits, _ and -, and none of {', '.join(sorted(_RESERVED))}"
                )
            check_component(expert, f"expert {name!r}", methods=("evaluate",), function=True)
        object.__setattr__(self, "experts", MappingProxyType(dict(self.experts)))

    def __reduce__(self) -> tuple[Callable[..., Strategy], tuple[dict[str, object]]]:
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        fields["experts"] = dict(self.experts)
        return _restored, (fields,)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol a view shows: underlyings, then references."""
        return (*self.underlyings, *self.references)

    def with_override(self, path: str, value: object) -> Strategy:
        """Returns the strategy with one parameter of an expert, the policy or the exits replaced.

        Args:
            path: An expert's name, ``policy`` or ``exits``, and the parameter, joined by a dot: ``"dip.drop"``.
            value: The new value, checked against the parameter's annotation.

        Raises:
            UnknownName: Nothing of that name.
            ConfigurationError: The value does not fit.
        """
        head, _, rest = path.partition(".")
        if not rest:
            raise UnknownName(f"override {path!r} names no parameter; write {path}.<parameter>")
        if head in {"policy", "exits"}:
            return dataclasses.replace(self, **{head: override(getattr(self, head), rest, value, full_path=path)})
        if head not in self.experts:
            raise UnknownName.of(f"override {path!r}: component", head, (*self.experts, *_RESERVED))
        experts = dict(self.experts)
        experts[head] = override(experts[head], rest, value, full_path=path)
        return dataclasses.replace(self, experts=experts)


def _restored(fields: dict[str, object]) -> Strategy:
    return Strategy(**fields)  # type: ignore[arg-type]
