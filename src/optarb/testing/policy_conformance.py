"""What every policy must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

import pytest

from optarb.decisions import Candidate, Decision
from optarb.domain.contracts import Right
from optarb.ledger.account import Account
from optarb.protocols import PolicyEngine, SessionView
from optarb.structures import LongCall, LongPut, Vertical
from optarb.testing.conformance import ComponentConformance, in_threads
from optarb.testing.fake_accounts import fake_account, fake_position
from optarb.testing.fake_candidates import fake_candidate
from optarb.testing.fake_views import fake_view

__all__ = ["PolicyEngineConformance"]


class PolicyEngineConformance(ComponentConformance):
    """Subclass it in a test module and define the fixture ``policy``: a policy, or a module-level function."""

    methods: ClassVar[Sequence[str]] = ("decide",)
    may_be_a_function: ClassVar[bool] = True

    @pytest.fixture
    def policy(self) -> PolicyEngine | Callable[[Sequence[Candidate], Account, SessionView], Decision]:
        """Gives the policy to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'policy'")

    @pytest.fixture
    def component(self, policy: object) -> object:
        """The policy."""
        return policy

    @pytest.fixture
    def view(self) -> SessionView:
        """What may be known."""
        return fake_view().view

    @pytest.fixture
    def candidates(self) -> Sequence[Candidate]:
        """Six candidates: cheap and dear, sure and unsure, two that differ in their expert alone, debit and credit."""
        seen = fake_view([100.0] * 60)
        spread = Vertical(right=Right.PUT, width=5.0, credit=True, dte=30, moneyness=0.95)
        return (
            fake_candidate(LongCall(dte=30, moneyness=1.0), view=seen, expert="one", confidence=0.7),
            fake_candidate(LongCall(dte=30, moneyness=1.0), view=seen, expert="two", confidence=0.7),
            fake_candidate(LongPut(dte=10, moneyness=0.95), view=seen, expert="three", confidence=1.0),
            fake_candidate(LongCall(dte=30, moneyness=1.0), view=fake_view(), expert="four", confidence=0.9),
            fake_candidate(spread, view=seen, expert="five", confidence=0.65),
            fake_candidate(LongCall(dte=5, moneyness=1.09), view=seen, expert="six", confidence=0.0),
        )

    @pytest.fixture(params=["rich", "poor", "in debt", "full", "busy"])
    def account(self, request: pytest.FixtureRequest) -> Account:
        """Accounts in good and bad times."""
        held = [fake_position({f"SPXW240628C0{5000 + i}000": (1, "5", "6")}, position_id=f"20240529.{i}") for i in range(9)]
        accounts = {
            "rich": fake_account(initial_usd=10_000_000),
            "poor": fake_account(initial_usd=100),
            "in debt": fake_account(cash_usd=-500),
            "full": fake_account(held, initial_usd=1_000_000),
            "busy": fake_account(held[:1], initial_usd=1_000_000, opened_today=2, closed_today=1),
        }
        return accounts[str(request.param)]

    def test_decide_when_asked_then_each_candidate_is_answered_once(
        self, policy: PolicyEngine, candidates: Sequence[Candidate], account: Account, view: SessionView
    ) -> None:
        """Nothing is left out, answered twice or made up, and each denial says which rule."""
        decision = _decided(policy, candidates, account, view)
        assert isinstance(decision, Decision)
        left = list(candidates)
        for candidate in [one.candidate for one in decision.entries] + [one.candidate for one in decision.denials]:
            assert candidate in left, f"answered twice, or for what was not asked: {candidate!r}"
            left.remove(candidate)
        assert left == [], "every candidate needs an entry or a denial"
        for denial in decision.denials:
            assert denial.rule
            assert denial.reason
            assert all(isinstance(text, str) for pair in denial.numbers.items() for text in pair)

    def test_decide_when_nothing_is_asked_then_nothing_is_answered(
        self, policy: PolicyEngine, account: Account, view: SessionView
    ) -> None:
        """No candidates, no entries."""
        assert _decided(policy, (), account, view) == Decision()

    def test_decide_when_asked_again_then_the_same_answer(
        self, policy: PolicyEngine, candidates: Sequence[Candidate], account: Account, view: SessionView
    ) -> None:
        """It keeps no state: what is open and what was opened today stands in the account."""
        first = _decided(policy, candidates, account, view)
        assert _decided(policy, copy.deepcopy(candidates), copy.deepcopy(account), view) == first

    def test_decide_when_threads_ask_then_the_same_answer(
        self, policy: PolicyEngine, candidates: Sequence[Candidate], account: Account, view: SessionView
    ) -> None:
        """It is called from several threads at once."""
        alone = _decided(policy, candidates, account, view)
        assert in_threads(lambda: _decided(policy, candidates, account, view)) == [alone] * 4

    def test_decide_when_asked_then_what_it_was_given_is_unchanged(
        self, policy: PolicyEngine, candidates: Sequence[Candidate], account: Account, view: SessionView
    ) -> None:
        """Candidates and account belong to the engine."""
        before = copy.deepcopy((candidates, account))
        _decided(policy, candidates, account, view)
        assert (candidates, account) == before


def _decided(policy: PolicyEngine, candidates: Sequence[Candidate], account: Account, view: SessionView) -> Decision:
    decide: Callable[..., Decision] = getattr(policy, "decide", cast("Any", policy))
    return decide(tuple(candidates), account, view)
