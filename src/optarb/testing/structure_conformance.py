"""What every structure must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pytest

from optarb.domain.legs import Leg, NoFit, Structure
from optarb.domain.quotes import Chain
from optarb.testing._chain_contents import chain_contents
from optarb.testing.conformance import ComponentConformance, in_threads
from optarb.testing.fake_bar_series import FAKE_SESSION
from optarb.testing.fake_chains import fake_chain

__all__ = ["StructureConformance"]


class StructureConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``structure``: one that fits SPX at 5,000 and SPY at 500.

    Expiries are the next eight Fridays, strikes lie within a tenth of the price. A structure of other underlyings
    overrides ``chains`` and ``underlying``.
    """

    methods: ClassVar[Sequence[str]] = ("choose",)

    @pytest.fixture
    def structure(self) -> Structure:
        """Gives the structure to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'structure'")

    @pytest.fixture
    def component(self, structure: object) -> object:
        """The structure."""
        return structure

    @pytest.fixture
    def chains(self) -> Mapping[str, Chain]:
        """Chains on which the structure fits."""
        return {"SPX": fake_chain(spot=5000.0), "SPY": fake_chain(symbol="SPY", spot=500.0)}

    @pytest.fixture
    def underlying(self) -> str:
        """Symbol the signal is about."""
        return "SPX"

    def test_choose_when_chains_are_full_then_legs_of_distinct_quoted_contracts(
        self, structure: Structure, chains: Mapping[str, Chain], underlying: str
    ) -> None:
        """Legs are a tuple, each contract once, quoted now and alive tomorrow."""
        legs = structure.choose(chains, underlying)
        assert isinstance(legs, tuple), f"the fixture 'structure' must fit the fixture 'chains', got {legs!r}"
        assert legs
        assert {type(leg) for leg in legs} == {Leg}
        assert {type(leg.ratio) for leg in legs} == {int}
        assert len({leg.contract for leg in legs}) == len(legs)
        for leg in legs:
            chain = chains[leg.contract.underlying]
            quote = chain.quote(leg.contract)
            assert quote is not None, f"{leg.contract} is not quoted"
            assert leg.contract.expiry > chain.session
            assert leg.ratio > 0 or quote.bid > 0, f"{leg.contract} would be sold and has no bid"

    def test_choose_when_asked_again_then_the_same_legs(
        self, structure: Structure, chains: Mapping[str, Chain], underlying: str
    ) -> None:
        """It is a pure function: of equal chains, in any order, it chooses the same."""
        first = structure.choose(chains, underlying)
        copies = {symbol: _copied(chains[symbol]) for symbol in reversed(list(chains))}
        assert structure.choose(chains, underlying) == first
        assert structure.choose(copies, underlying) == first

    def test_choose_when_threads_ask_then_the_same_legs(
        self, structure: Structure, chains: Mapping[str, Chain], underlying: str
    ) -> None:
        """It is called from several threads at once."""
        alone = structure.choose(chains, underlying)
        assert in_threads(lambda: structure.choose(chains, underlying)) == [alone] * 4

    def test_choose_when_asked_then_the_chains_are_unchanged(
        self, structure: Structure, chains: Mapping[str, Chain], underlying: str
    ) -> None:
        """The chain is read by everybody after it."""
        before = {symbol: chain_contents(chain) for symbol, chain in chains.items()}
        structure.choose(chains, underlying)
        assert {symbol: chain_contents(chain) for symbol, chain in chains.items()} == before

    def test_choose_when_there_are_no_chains_then_no_fit(self, structure: Structure, underlying: str) -> None:
        """A symbol without quotes is absent; that is a reason, not an error."""
        _assert_no_fit(structure.choose({}, underlying))

    def test_choose_when_chains_are_empty_then_no_fit(
        self, structure: Structure, chains: Mapping[str, Chain], underlying: str
    ) -> None:
        """A chain may be there and hold nothing."""
        empty = {symbol: fake_chain((), symbol=symbol, session=chain.session) for symbol, chain in chains.items()}
        _assert_no_fit(structure.choose(empty, underlying))

    def test_choose_when_all_expires_today_then_no_fit(
        self, structure: Structure, chains: Mapping[str, Chain], underlying: str
    ) -> None:
        """Nothing is opened that ends in the same session."""
        noon = next(iter(chains.values())).taken_at
        assert noon is not None
        rows = [(FAKE_SESSION, right, 100.0 * i, 10.0, 10.5) for right in "CP" for i in range(1, 80)]
        dying = {
            symbol: fake_chain(rows, symbol=symbol, spot=chain.underlying_price, taken_at=noon.replace(hour=15))
            for symbol, chain in chains.items()
        }
        _assert_no_fit(structure.choose(dying, underlying))


def _assert_no_fit(answer: object) -> None:
    assert isinstance(answer, NoFit), f"expected NoFit, got {answer!r}"
    assert answer.reason


def _copied(chain: Chain) -> Chain:
    rows = [
        (chain.contract(i).expiry, str(chain.contract(i).right), float(chain.strikes[i]), float(bid), float(ask))
        for i, (bid, ask) in enumerate(zip(chain.bids, chain.asks, strict=True))
    ]
    return fake_chain(
        rows,
        symbol=chain.symbol,
        session=chain.session,
        spot=chain.underlying_price,
        root=str(chain.roots[0]),
        taken_at=chain.taken_at,
        modelled=chain.modelled,
    )
