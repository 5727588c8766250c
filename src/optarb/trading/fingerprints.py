"""Fingerprints of what a strategy is made of, by path, so that a later look can name what has changed without values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from optarb._component import canonical, source_digest
from optarb.errors import ConfigurationError

if TYPE_CHECKING:
    from optarb.brokers.simulator import Simulator
    from optarb.strategy import Strategy

__all__ = ["fingerprints", "what_changed"]

_SOURCE = " (source)"


def fingerprints(strategy: Strategy, simulator: Simulator) -> dict[str, str]:
    """Hashes every parameter and the source of every component. Values do not show: a parameter may be a secret.

    Args:
        strategy: With overrides.
        simulator: With overrides.

    Returns:
        Hashes by the path that an override would name, such as ``"policy.quantity"``; the source of a component under its path
        and ``" (source)"``. What has no canonical form, or no source, is left out.
    """
    components: dict[str, object] = {**strategy.experts, "policy": strategy.policy, "exits": strategy.exits}
    components["simulator"] = simulator
    found = {"underlyings": _hash(strategy.underlyings), "references": _hash(strategy.references)}
    for path, component in components.items():
        try:
            found.update((name, _hash(value)) for name, value in _leaves(path, canonical(component)))
        except ConfigurationError:
            continue
        source = source_digest(component)
        if source is not None:
            found[path + _SOURCE] = source[:16]
    return dict(sorted(found.items()))


def what_changed(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Names what differs between two fingerprints, in words.

    Args:
        before: The older one.
        after: The newer one.
    """
    told: list[str] = []
    for path in sorted({*before, *after}):
        if path not in after:
            told.append(f"{path} is gone")
        elif path not in before:
            told.append(f"{path} is new")
        elif before[path] != after[path]:
            told.append(f"{path} has changed")
    return tuple(told)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yields the parameters of a component in canonical form, and of those nested in it."""
    if isinstance(value, dict) and "component" in value:
        yield path, value["component"]
        for name, inner in value.get("parameters", {}).items():
            yield from _leaves(f"{path}.{name}", inner)
    else:
        yield path, value


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
