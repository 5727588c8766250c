"""What every expert must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import pytest

from optarb.engine.evaluation import ChosenSignal, evaluate_expert
from optarb.engine.view import ExpertView
from optarb.protocols import Expert, Indicator, MarketView, SupportsFeatures, SupportsWarmUp
from optarb.testing._chain_contents import chain_contents
from optarb.testing.conformance import ComponentConformance, in_threads
from optarb.testing.fake_bar_series import fake_bars
from optarb.testing.fake_chains import fake_chain
from optarb.testing.fake_views import fake_view

if TYPE_CHECKING:
    from optarb.domain.signals import Signal

__all__ = ["ExpertConformance"]

_RISING = tuple(100.0 * 1.004**i for i in range(300))
_JUMPS = tuple(5000.0 * (1.5 if i % 7 == 0 else 0.6 if i % 11 == 0 else 1.0) for i in range(300))

_CLOSES: dict[str, Sequence[float] | None] = {
    "waves": None,
    "one bar": (5000.0,),
    "five bars": (5000.0, 5010.0, 4990.0, 5005.0, 5001.0),
    "flat": (5000.0,) * 300,
    "rising": _RISING,
    "falling": _RISING[::-1],
    "jumps": _JUMPS,
    "pennies": tuple(close / 10_000 for close in _RISING),
    "ninety thousand": tuple(close * 271 for close in _RISING),
    "no chain": None,
    "empty chain": None,
}

MakeView = Callable[[], ExpertView]
"""Builds a view; each call gives a new and equal one."""


class ExpertConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``expert``: an expert, or a module-level function.

    An expert that reads other symbols or indicators of its own overrides ``underlying``, ``references`` or
    ``indicators``; one that needs views of another kind ``make_view``.
    """

    methods: ClassVar[Sequence[str]] = ("evaluate",)
    may_be_a_function: ClassVar[bool] = True

    @pytest.fixture
    def expert(self) -> Expert | Callable[[MarketView], Signal | None]:
        """Gives the expert to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'expert'")

    @pytest.fixture
    def component(self, expert: object) -> object:
        """The expert."""
        return expert

    @pytest.fixture
    def underlying(self) -> str:
        """Symbol the expert is asked about."""
        return "SPX"

    @pytest.fixture
    def references(self) -> Sequence[str]:
        """Further symbols the expert reads."""
        return ("VIX",)

    @pytest.fixture
    def indicators(self) -> Sequence[Indicator]:
        """Indicators the expert reads that are not in the catalogue."""
        return ()

    @pytest.fixture(params=list(_CLOSES))
    def make_view(
        self,
        request: pytest.FixtureRequest,
        underlying: str,
        references: Sequence[str],
        indicators: Sequence[Indicator],
    ) -> MakeView:
        """Builds one of several views: short history, flat and extreme prices, a session without quotes ..."""
        kind: str = request.param

        def make() -> ExpertView:
            bars = fake_bars(_CLOSES[kind], symbol=underlying)
            level = [20.0 + i % 9 for i in range(len(bars))]
            chains = {"no chain": None, "empty chain": fake_chain((), symbol=underlying)}
            return fake_view(
                bars=bars,
                underlying=underlying,
                references=dict.fromkeys(references, level),
                indicators=indicators,
                chain=chains.get(kind, "modelled"),
            )

        return make

    def test_evaluate_when_asked_then_signal_or_none_and_legs_that_fit(self, expert: Expert, make_view: MakeView) -> None:
        """It raises on no view, and what it proposes passes the engine's checks."""
        view = make_view()
        chosen = _evaluated(expert, view)
        assert chosen is None or 0.0 <= chosen.confidence <= 1.0
        if chosen is not None and chosen.legs:
            assert chosen.no_fit is None
            for leg in chosen.legs:
                chain = view.chain(leg.contract.underlying)
                assert chain is not None
                assert chain.quote(leg.contract) is not None, f"{leg.contract} is not quoted"

    def test_evaluate_when_asked_again_then_the_same_answer(self, expert: Expert, make_view: MakeView) -> None:
        """Equal views get equal answers, since a retry asks again, and no call leaves anything behind."""
        view = make_view()
        first = _evaluated(expert, view)
        assert _evaluated(expert, view) == first
        assert _evaluated(expert, make_view()) == first

    def test_evaluate_when_asked_then_the_view_is_unchanged(self, expert: Expert, make_view: MakeView) -> None:
        """The chain that it read is the one that the policy and the broker see after it."""
        view, untouched = make_view(), make_view()
        _evaluated(expert, view)
        assert _contents(view) == _contents(untouched)

    def test_evaluate_when_threads_ask_then_the_same_answer(self, expert: Expert, make_view: MakeView) -> None:
        """It is called from several threads at once."""
        alone = _evaluated(expert, make_view())
        assert in_threads(lambda: _evaluated(expert, make_view())) == [alone] * 4

    def test_features_when_declared_then_they_exist(self, expert: Expert, make_view: MakeView) -> None:
        """A misspelt name is found before the first session."""
        if isinstance(expert, SupportsFeatures):
            for name in expert.features:
                make_view().feature(name)

    def test_warm_up_when_declared_then_one_or_more(self, expert: Expert) -> None:
        """An expert sees at least one bar."""
        if isinstance(expert, SupportsWarmUp):
            assert isinstance(expert.warm_up, int)
            assert expert.warm_up >= 1


def _evaluated(expert: Expert, view: ExpertView) -> ChosenSignal | None:
    """Asks as the engine does: not before the bars that the expert wants are there."""
    if isinstance(expert, SupportsWarmUp) and view.view.visible(view.underlying) < expert.warm_up:
        return None
    return evaluate_expert("tested", expert, view)


def _contents(view: ExpertView) -> dict[str, object]:
    shown: dict[str, object] = {symbol: chain_contents(chain) for symbol, chain in view.view.chains.items()}
    return shown | {"close": view.bars().close.tobytes()}
