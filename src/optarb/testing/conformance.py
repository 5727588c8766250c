"""What every conformance class shares: nobody overrides one of its tests in silence."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import pytest

from optarb._component import check_component

__all__ = ["ComponentConformance", "Conformance", "in_threads", "override_problems"]

_THREADS = 4

ResultT = TypeVar("ResultT")


class Conformance:
    """Base of the conformance classes.

    A subclass that defines one of the tests anew must say why, or each of its tests fails::

        class TestMyBroker(BrokerAdapterConformance):
            overrides = {"test_cancel_when_repeated_then_no_error": "the exchange refuses a second request; see ..."}
    """

    overrides: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Reasons by the name of the test that is overridden."""

    @pytest.fixture(autouse=True)
    def _no_silent_overrides(self) -> None:
        problems = override_problems(type(self))
        if problems:
            pytest.fail("; ".join(problems), pytrace=False)


class ComponentConformance(Conformance):
    """What holds for a component of any kind. Each conformance class of a component defines the fixture ``component``."""

    methods: ClassVar[Sequence[str]] = ()
    """What the role asks of a component."""
    may_be_a_function: ClassVar[bool] = False
    """Whether a module-level function serves too."""

    @pytest.fixture
    def component(self) -> object:
        """Gives the component to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'component'")

    def test_component_when_given_to_a_desk_then_taken(self, component: object) -> None:
        """It is a frozen dataclass, or a function of a module, and no method of it is async."""
        check_component(component, "component", methods=self.methods, function=self.may_be_a_function)

    def test_pickle_when_copied_then_equal(self, component: object) -> None:
        """It travels to other processes by its parameters."""
        assert _copied(component) == component

    def test_pickle_when_copied_twice_then_the_same_bytes(self, component: object) -> None:
        """Building and pickling it does nothing that differs from time to time."""
        assert pickle.dumps(_copied(component)) == pickle.dumps(_copied(component))


def override_problems(conformance: type[Conformance]) -> list[str]:
    """Names the tests that a class overrides without a reason, and the reasons that belong to no override.

    Args:
        conformance: The class that pytest collects.
    """
    reasons: dict[str, str] = {}
    for kind in reversed(conformance.__mro__):
        reasons.update(vars(kind).get("overrides", {}))
    overridden = _overridden(conformance)
    shown = conformance.__name__
    silent = [
        f"{shown} overrides {name} of {base}; give it another name, or say why in {shown}.overrides"
        for name, base in overridden.items()
        if not reasons.get(name, "").strip()
    ]
    stale = [f"{shown}.overrides names {name}, which is not overridden" for name in reasons if name not in overridden]
    return silent + stale


def _overridden(conformance: type[Conformance]) -> dict[str, str]:
    """Test names that a class of the hierarchy defines and one above it too, with the name of the one above."""
    seen: set[str] = set()
    found: dict[str, str] = {}
    for kind in conformance.__mro__:
        for name in vars(kind):
            if not name.startswith("test"):
                continue
            if name in seen and issubclass(kind, Conformance):
                found[name] = kind.__name__
            seen.add(name)
    return found


def in_threads(call: Callable[[], ResultT]) -> list[ResultT]:
    """Calls it from four threads that start together, and returns what each got."""
    barrier = threading.Barrier(_THREADS)

    def run(_: int) -> ResultT:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(run, range(_THREADS)))


def _copied(component: object) -> Any:
    return pickle.loads(pickle.dumps(component))  # noqa: S301 - written a moment ago
