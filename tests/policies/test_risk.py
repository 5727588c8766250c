from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

import pytest

from optarb.decisions import Candidate, Denial, Entry
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.quotes import Quote
from optarb.domain.signals import Direction
from optarb.policies import RiskPolicy
from optarb.testing import fake_account, fake_position, fake_view

CALL = OptionContract.parse("SPXW240628C05000000")
VIEW = fake_view(chain=None).view
OPEN = RiskPolicy(min_confidence=0, max_entries_per_session=99, max_open_positions=99)


def quote(bid="9.90", ask="10.00"):
    return Quote(contract=CALL, bid=Decimal(bid), ask=Decimal(ask), taken_at=None, modelled=False)


def candidate(expert="dip", *, confidence=0.7, premium="1000", quotes=None, **changes):
    """One call at 10.00: 1,000 dollars, 1.30 for both sides' fees, so that 1,001.30 are bound."""
    fields = {
        "session": date(2024, 6, 3),
        "expert": expert,
        "underlying": "SPX",
        "direction": Direction.BULLISH,
        "confidence": confidence,
        "reasons": (),
        "structure": "LongCall",
        "legs": (Leg(contract=CALL, ratio=1),),
        "quotes": (quote(),) if quotes is None else quotes,
        "premium_usd": Decimal(premium),
        "max_loss_usd": Decimal(premium),
        "max_profit_usd": None,
        "margin_usd": Decimal(0),
        "round_trip_fees_usd": Decimal("1.30"),
    }
    return Candidate(**(fields | changes))


def decide(policy, candidates, account=None):
    return policy.decide(candidates, fake_account() if account is None else account, VIEW)


def denied(decision):
    return [(one.candidate.expert, one.rule, dict(one.numbers)) for one in decision.denials]


def entered(decision):
    return [one.candidate.expert for one in decision.entries]


# -- each rule and its numbers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("confidence", "taken"), [(0.6, True), (math.nextafter(0.6, 0), False), (0.0, False), (1.0, True)])
def test_min_confidence_when_below_then_denied(confidence, taken):
    decision = decide(RiskPolicy(), [candidate(confidence=confidence)])
    numbers = {"confidence": str(confidence), "limit": "0.6"}
    assert denied(decision) == ([] if taken else [("dip", "min_confidence", numbers)])
    assert entered(decision) == (["dip"] if taken else [])


@pytest.mark.parametrize(
    ("bid", "ask", "taken"),
    [
        # At 0.5 the widest quote has an ask 5/3 of the bid: 0.6 and 1.0 have spread 0.4 and mid 0.8.
        ("0.6", "1.0", True),
        ("0.5999", "1.0", False),
        ("0.0", "0.05", False),
    ],
)
def test_max_spread_when_a_leg_is_wider_then_denied_with_its_quote(bid, ask, taken):
    decision = decide(RiskPolicy(), [candidate(quotes=(quote(), quote(bid, ask)))])
    numbers = {"contract": "SPXW240628C05000000", "bid": bid, "ask": ask, "limit": "0.5"}
    assert denied(decision) == ([] if taken else [("dip", "too_wide", numbers)])


def test_max_spread_when_exactly_at_the_limit_then_judged_in_decimals():
    """85.5 and 114.5 have spread 29 and mid 100; in binary floats 0.29 * 100 is below 29."""
    assert not 0.29 * 100 >= 29
    policy = replace(OPEN, max_spread=0.29)
    assert entered(decide(policy, [candidate(quotes=(quote("85.5", "114.5"),))])) == ["dip"]
    assert entered(decide(policy, [candidate(quotes=(quote("85.4999", "114.5"),))])) == []


def test_margin_loan_when_cash_is_owed_then_nothing_is_opened():
    decision = decide(OPEN, [candidate()], fake_account(initial_usd=20_000, cash_usd="-0.01"))
    assert denied(decision) == [("dip", "margin_loan", {"loan": "0.01"})]
    assert entered(decide(OPEN, [candidate(premium="0")], fake_account(cash_usd="1.30"))) == ["dip"]


@pytest.mark.parametrize(("reenter", "closed", "taken"), [(True, 3, True), (False, 0, True), (False, 1, False)])
def test_reentry_when_a_position_was_closed_today_then_as_told(reenter, closed, taken):
    decision = decide(replace(OPEN, reenter_same_session=reenter), [candidate()], fake_account(closed_today=closed))
    assert denied(decision) == ([] if taken else [("dip", "reenter_same_session", {"closed_today": "1"})])


@pytest.mark.parametrize(("opened", "limit", "taken"), [(0, 2, 2), (1, 2, 1), (2, 2, 0), (0, 0, 0), (0, 3, 3)])
def test_max_entries_when_reached_then_the_rest_is_denied(opened, limit, taken):
    three = [candidate(name) for name in "abc"]
    decision = decide(replace(OPEN, max_entries_per_session=limit), three, fake_account(opened_today=opened))

    assert entered(decision) == list("abc")[:taken]
    numbers = {"opened": str(max(limit, opened)), "limit": str(limit)}
    assert denied(decision) == [(name, "max_entries_per_session", numbers) for name in "abc"[taken:]]


def test_max_open_when_positions_and_orders_in_doubt_fill_it_then_the_rest_is_denied():
    account = replace(
        fake_account([fake_position(position_id=str(number)) for number in range(2)], initial_usd=10**6), in_doubt=("an order",)
    )
    decision = decide(replace(OPEN, max_open_positions=4), [candidate("a"), candidate("b")], account)

    assert entered(decision) == ["a"]
    assert denied(decision) == [("b", "max_open_positions", {"open": "4", "limit": "4"})]


@pytest.mark.parametrize(
    ("capital", "taken"),
    [("1001.30", ["a"]), ("1001.2999", []), ("2002.60", ["a", "b"]), ("2002.59", ["a"])],
)
def test_capital_when_used_up_then_the_rest_is_denied_with_need_and_rest(capital, taken):
    decision = decide(OPEN, [candidate("a"), candidate("b")], fake_account(initial_usd=capital))

    assert entered(decision) == taken
    left = Decimal(capital) - Decimal("1001.30") * len(taken)
    for _, rule, numbers in denied(decision):
        assert rule == "capital"
        assert Decimal(numbers["needed"]) == Decimal("1001.30")
        assert Decimal(numbers["available"]) == left


def test_capital_when_a_cheaper_one_follows_then_it_still_fits():
    candidates = [candidate("a", confidence=0.9), candidate("dear", confidence=0.8, premium="15000"), candidate("b")]
    decision = decide(OPEN, candidates, fake_account(initial_usd=3000))
    assert entered(decision) == ["a", "b"]
    assert [rule for _, rule, _ in denied(decision)] == ["capital"]


def test_capital_when_several_units_then_each_counts():
    policy = replace(OPEN, quantity=3)
    decision = decide(policy, [candidate()], fake_account(initial_usd="3003.90"))
    assert decision.entries == (Entry(candidate=candidate(), units=3),)

    decision = decide(policy, [candidate()], fake_account(initial_usd="3003.89"))
    assert Decimal(denied(decision)[0][2]["needed"]) == Decimal("3003.90")


@pytest.mark.parametrize(
    ("changes", "bound"),
    [
        ({"premium_usd": Decimal(-200), "max_loss_usd": Decimal(4800)}, "4801.30"),
        ({"premium_usd": Decimal(-200), "max_loss_usd": None, "margin_usd": Decimal(75_000)}, "75001.30"),
        ({"premium_usd": Decimal(500), "max_loss_usd": Decimal(900)}, "901.30"),
        ({"premium_usd": Decimal(-200), "max_loss_usd": Decimal(0)}, "1.30"),
    ],
)
def test_capital_when_it_is_no_plain_purchase_then_largest_loss_or_margin_is_bound(changes, bound):
    one = candidate(**changes)
    assert one.capital_usd == Decimal(bound)
    assert entered(decide(OPEN, [one], fake_account(initial_usd=bound))) == ["dip"]
    assert entered(decide(OPEN, [one], fake_account(initial_usd=Decimal(bound) - Decimal("0.01")))) == []


def test_capital_when_positions_bind_some_then_only_the_rest_is_there():
    """One call bought at 100 binds 10,000 of 20,000; 9,998.70 of the rest are taken by the entry."""
    account = fake_account([fake_position()], initial_usd=20_000)
    assert entered(decide(OPEN, [candidate(premium="9998.70")], account)) == ["dip"]
    assert entered(decide(OPEN, [candidate(premium="9998.71")], account)) == []


# -- order ---------------------------------------------------------------------------------------------------------------


def test_decide_when_confidences_differ_then_the_most_confident_first_and_ties_in_given_order():
    candidates = [
        candidate("a", confidence=0.7),
        candidate("b", confidence=0.9),
        candidate("c", confidence=0.7),
        candidate("d", confidence=0.9),
        candidate("e", confidence=0.8),
    ]
    decision = decide(OPEN, candidates)
    assert entered(decision) == ["b", "d", "e", "a", "c"]
    assert decision.denials == ()

    decision = decide(replace(OPEN, max_entries_per_session=3), candidates)
    assert entered(decision) == ["b", "d", "e"]
    assert [name for name, _, _ in denied(decision)] == ["a", "c"]


def test_decide_when_a_candidate_is_denied_then_it_takes_no_place():
    candidates = [
        candidate("wide", confidence=0.9, quotes=(quote("1", "9"),)),
        candidate("dear", confidence=0.8, premium="99999"),
        candidate("good", confidence=0.7),
    ]
    decision = decide(RiskPolicy(max_entries_per_session=1, max_open_positions=1), candidates)
    assert entered(decision) == ["good"]
    assert [(name, rule) for name, rule, _ in denied(decision)] == [("wide", "too_wide"), ("dear", "capital")]


@pytest.mark.parametrize(
    ("changes", "account", "rule"),
    [
        ({"confidence": 0.1, "quotes": (quote("1", "9"),)}, {"cash_usd": -1}, "min_confidence"),
        ({"quotes": (quote("1", "9"),)}, {"cash_usd": -1}, "too_wide"),
        ({"premium": "99999"}, {"cash_usd": -1, "closed_today": 1}, "margin_loan"),
        ({"premium": "99999"}, {"closed_today": 1, "opened_today": 2}, "reenter_same_session"),
        ({"premium": "99999"}, {"opened_today": 2}, "max_entries_per_session"),
    ],
)
def test_decide_when_several_rules_deny_then_the_first_is_told(changes, account, rule):
    decision = decide(RiskPolicy(reenter_same_session=False), [candidate(**changes)], fake_account(**account))
    assert [one[1] for one in denied(decision)] == [rule]


def test_denial_when_told_in_words_then_rule_and_numbers():
    (denial,) = decide(RiskPolicy(), [candidate(confidence=0.1)]).denials
    assert denial.reason == "min_confidence: confidence 0.1, limit 0.6"
    assert denial.candidate == candidate(confidence=0.1)


def test_decide_when_there_are_no_candidates_then_nothing():
    assert decide(RiskPolicy(), []) == decide(OPEN, [])
    assert decide(RiskPolicy(), []).entries == ()


# -- parameters and subclasses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("min_confidence", -0.1),
        ("min_confidence", 1.1),
        ("min_confidence", math.nan),
        ("max_entries_per_session", -1),
        ("max_open_positions", -1),
        ("quantity", 0),
        ("quantity", -1),
        ("max_spread", 0),
        ("max_spread", -0.1),
        ("max_spread", math.nan),
    ],
)
def test_policy_when_a_limit_makes_no_sense_then_refused_with_name_and_value(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*, got {value!r}"):
        RiskPolicy(**{name: value})


@dataclass(frozen=True, kw_only=True)
class Sized(RiskPolicy):
    """As many units as 5,000 dollars buy, and never on the underlying ``banned``."""

    banned: str = "VIX"

    def units(self, candidate, account, view):
        return int(5000 // candidate.capital_usd) or 1

    def refuse(self, candidate, account, view):
        if candidate.underlying == self.banned:
            return Denial(candidate=candidate, rule="banned", reason="banned")
        return super().refuse(candidate, account, view)


def test_subclass_when_it_sizes_and_refuses_then_both_hold_beside_the_rules():
    candidates = [candidate("a"), candidate("b", underlying="VIX"), candidate("c", confidence=0.1)]
    decision = decide(Sized(), candidates)

    assert [(one.candidate.expert, one.units) for one in decision.entries] == [("a", 4)]
    assert [(name, rule) for name, rule, _ in denied(decision)] == [("b", "banned"), ("c", "min_confidence")]
