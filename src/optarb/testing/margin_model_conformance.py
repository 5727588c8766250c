"""What every margin model must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

import pytest

from optarb.brokers import Simulator
from optarb.domain.money import round_cash
from optarb.protocols.brokers import NoMargin
from optarb.structures import CallPair, LongCall, LongPut
from optarb.testing.conformance import ComponentConformance, in_threads
from optarb.testing.fake_chains import fake_chain
from optarb.testing.fake_views import fake_view

if TYPE_CHECKING:
    from optarb.domain.legs import Structure
    from optarb.domain.quotes import Chain
    from optarb.engine.view import ExpertView
    from optarb.ledger.margin import Holding
    from optarb.protocols import MarginModel

__all__ = ["MarginModelConformance"]

_PRICES = {"SPX": Decimal(5000), "SPY": Decimal(500)}
_UNITS = (1, 2, 10, 1000)
_ROUNDING = Decimal("0.01")
"""Room for figures that are rounded or summed as floats."""


class MarginModelConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``margins``."""

    methods: ClassVar[Sequence[str]] = ("label", "requirement")

    @pytest.fixture
    def margins(self) -> MarginModel:
        """Gives the margin model to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'margins'")

    @pytest.fixture
    def component(self, margins: object) -> object:
        """The margin model."""
        return margins

    @pytest.fixture
    def view(self) -> ExpertView:
        """A view with modelled chains of SPX at 5,000 and SPY at 500."""
        return fake_view([5000.0] * 3, more_chains={"SPY": fake_chain(symbol="SPY", spot=500.0)})

    @pytest.fixture(params=["pair", "call", "strangle"])
    def holdings(self, request: pytest.FixtureRequest, view: ExpertView) -> tuple[Holding, ...]:
        """Legs whose loss is unbounded, at the prices of the default fill model."""
        if request.param == "pair":
            return _held(CallPair(dte=30, moneyness=1.0), view, sign=1)
        call = _held(LongCall(dte=30, moneyness=1.02), view, sign=-1)
        return call if request.param == "call" else (*call, *_held(LongPut(dte=30, moneyness=0.96), view, sign=-1))

    def test_label_when_read_then_words(self, margins: MarginModel) -> None:
        """Reports call it by its label."""
        assert isinstance(margins.label, str)
        assert margins.label.strip() == margins.label != ""

    def test_requirement_when_asked_then_money_or_a_reason(
        self, margins: MarginModel, holdings: tuple[Holding, ...], view: ExpertView
    ) -> None:
        """Dollars as a Decimal, zero or more, in whole 1/10,000 dollar; or a rule with numbers as text."""
        required = margins.requirement(holdings, _PRICES, view)
        if isinstance(required, NoMargin):
            assert required.rule
            assert all(isinstance(word, str) for pair in required.numbers.items() for word in pair)
            assert required.reason
            return
        assert isinstance(required, Decimal)
        assert required.is_finite()
        assert required >= 0
        assert round_cash(required) == required

    def test_requirement_when_more_is_held_then_as_much_more(
        self, margins: MarginModel, holdings: tuple[Holding, ...], view: ExpertView
    ) -> None:
        """The ledger multiplies the margin of one unit: no number of units may need more than so many times one."""
        one = margins.requirement(holdings, _PRICES, view)
        required = [margins.requirement(_times(holdings, units), _PRICES, view) for units in _UNITS]
        if isinstance(one, NoMargin):
            assert all(isinstance(each, NoMargin) for each in required)
            return
        figures = [each for each in required if not isinstance(each, NoMargin)]
        assert len(figures) == len(required)
        assert figures == sorted(figures)
        assert all(each <= units * (one + _ROUNDING) for units, each in zip(_UNITS, figures, strict=True))

    def test_requirement_when_the_chains_are_absent_then_no_error(
        self, margins: MarginModel, holdings: tuple[Holding, ...]
    ) -> None:
        """A view without quotes gives a reason or a figure, never an exception."""
        blind = fake_view([5000.0] * 3, chain=None)
        assert isinstance(margins.requirement(holdings, _PRICES, blind), Decimal | NoMargin)

    def test_requirement_when_asked_again_then_the_same(
        self, margins: MarginModel, holdings: tuple[Holding, ...], view: ExpertView
    ) -> None:
        """It is pure, in any thread."""
        alone = margins.requirement(holdings, _PRICES, view)
        assert in_threads(lambda: margins.requirement(holdings, _PRICES, view)) == [alone] * 4


def _held(structure: Structure, view: ExpertView, *, sign: int) -> tuple[Holding, ...]:
    chains: dict[str, Chain] = dict(view.view.chains)
    legs = structure.choose(chains, "SPX")
    assert isinstance(legs, tuple), legs
    fills = Simulator().fills
    held: list[Holding] = []
    for leg in legs:
        quote = chains[leg.contract.underlying].quote(leg.contract)
        at = None if quote is None else fills.fill_price(quote, sign * leg.ratio)
        assert at is not None
        held.append((leg.contract, sign * leg.ratio, at))
    return tuple(held)


def _times(holdings: Sequence[Holding], units: int) -> tuple[Holding, ...]:
    return tuple((contract, units * quantity, at) for contract, quantity, at in holdings)
