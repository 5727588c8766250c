"""What every position manager must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import pytest

from optarb.decisions import Denial, Review
from optarb.domain.contracts import Right
from optarb.ledger.account import Account, Position
from optarb.protocols import PositionManager, SessionView, SupportsEntryCheck
from optarb.structures import LongCall, Vertical
from optarb.testing.conformance import ComponentConformance, in_threads
from optarb.testing.fake_accounts import fake_account, fake_position
from optarb.testing.fake_candidates import fake_candidate
from optarb.testing.fake_views import fake_view

__all__ = ["PositionManagerConformance"]


class PositionManagerConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``manager``: a manager, or a module-level function."""

    methods: ClassVar[Sequence[str]] = ("review",)
    may_be_a_function: ClassVar[bool] = True

    @pytest.fixture
    def manager(self) -> PositionManager | Callable[[Account, SessionView], Review]:
        """Gives the position manager to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'manager'")

    @pytest.fixture
    def component(self, manager: object) -> object:
        """The position manager."""
        return manager

    @pytest.fixture
    def view(self) -> SessionView:
        """What may be known."""
        return fake_view().view

    @pytest.fixture
    def account(self) -> Account:
        """Winners and losers, debit, credit and naked, young and old, quoted and unquoted, some with a mark of zero."""
        call, short_call = "SPXW240628C05000000", "SPXW240628C05100000"
        credit = {short_call: (-1, "30", "10"), "SPXW240628C05200000": (1, "10", "2")}
        positions: list[Position] = [
            fake_position({call: (1, "100", "100")}, held_sessions=0),
            fake_position({call: (1, "100", "300")}),
            fake_position({call: (1, "100", "0")}, held_sessions=40),
            fake_position({call: (3, "100", "55.5")}, quoted=False),
            fake_position(credit),
            fake_position({short_call: (-2, "30", "90")}, margin_usd=150_000),
            fake_position({call: (1, "0.05", "0")}, held_sessions=1),
        ]
        numbered = [dataclasses.replace(one, position_id=f"20240529.{i}") for i, one in enumerate(positions, start=1)]
        return fake_account(numbered, initial_usd=1_000_000)

    def test_review_when_asked_then_exits_name_open_positions_once(
        self, manager: PositionManager, account: Account, view: SessionView
    ) -> None:
        """Exits and notes are about what is open, and notes map text to text."""
        review = _reviewed(manager, account, view)
        assert isinstance(review, Review)
        is_open = {position.position_id for position in account.positions}
        named = [one.position_id for one in review.exits]
        assert len(named) == len(set(named)), f"a position is exited twice: {named}"
        assert set(named) <= is_open
        assert set(review.notes) <= is_open
        for notes in review.notes.values():
            assert all(isinstance(text, str) for pair in notes.items() for text in pair), f"not text: {notes!r}"

    def test_review_when_nothing_is_open_then_nothing_is_said(self, manager: PositionManager, view: SessionView) -> None:
        """No positions, no exits."""
        review = _reviewed(manager, fake_account(), view)
        assert (tuple(review.exits), dict(review.notes)) == ((), {})

    def test_review_when_asked_again_then_the_same_answer(
        self, manager: PositionManager, account: Account, view: SessionView
    ) -> None:
        """It keeps no state: what it wants to remember stands in the notes."""
        first = _reviewed(manager, account, view)
        assert _reviewed(manager, copy.deepcopy(account), view) == first

    def test_review_when_its_notes_come_back_then_it_reads_them(
        self, manager: PositionManager, account: Account, view: SessionView
    ) -> None:
        """What it wrote in one session it understands in the next."""
        notes = _reviewed(manager, account, view).notes
        noted = [
            dataclasses.replace(
                position,
                notes=dict(notes.get(position.position_id, position.notes)),
                held_sessions=position.held_sessions + 1,
            )
            for position in account.positions
        ]
        assert isinstance(_reviewed(manager, dataclasses.replace(account, positions=tuple(noted)), view), Review)

    def test_review_when_threads_ask_then_the_same_answer(
        self, manager: PositionManager, account: Account, view: SessionView
    ) -> None:
        """It is called from several threads at once."""
        alone = _reviewed(manager, account, view)
        assert in_threads(lambda: _reviewed(manager, account, view)) == [alone] * 4

    def test_review_when_asked_then_the_account_is_unchanged(
        self, manager: PositionManager, account: Account, view: SessionView
    ) -> None:
        """The account belongs to the engine."""
        before = copy.deepcopy(account)
        _reviewed(manager, account, view)
        assert account == before

    def test_refuse_when_supported_then_a_denial_of_the_candidate_or_none(self, manager: PositionManager) -> None:
        """A manager may refuse what it could not manage."""
        if not isinstance(manager, SupportsEntryCheck):
            return
        spread = Vertical(right=Right.CALL, width=50.0, credit=True, dte=30, moneyness=1.02)
        for candidate in (fake_candidate(LongCall(dte=30, moneyness=1.0)), fake_candidate(spread)):
            denial = manager.refuse(candidate)
            assert isinstance(denial, Denial | None)
            assert denial is None or denial.candidate == candidate
            assert manager.refuse(candidate) == denial


def _reviewed(manager: PositionManager, account: Account, view: SessionView) -> Review:
    review: Callable[[Account, SessionView], Review] = getattr(manager, "review", cast("Any", manager))
    return review(account, view)
