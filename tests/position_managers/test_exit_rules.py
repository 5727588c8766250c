from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from optarb.position_managers import ExitRules
from optarb.testing import fake_account, fake_candidate, fake_position, fake_view

CALL, WING = "SPXW240628C05000000", "SPXW240628C05050000"
PUT, LOWER = "SPXW240628P05000000", "SPXW240628P04950000"
VIEW = fake_view(chain=None).view


def bought(entry, mark, **changes):
    """One call bought at ``entry``, which would be sold at ``mark``; its time is not over."""
    return fake_position({CALL: (1, entry, mark)}, **({"held_sessions": 0} | changes))


def why(position, rules=None):
    return (rules or ExitRules()).reason(position, VIEW)


# -- exact boundaries ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "at_target", "below"),
    [
        # 1.75 times the entry, exactly; in binary floats 1.1 * 1.75 is above 1.925 and 0.2 * 1.75 above 0.35.
        ("1.1", "1.925", "1.9249"),
        ("4.3", "7.525", "7.5249"),
        ("0.2", "0.35", "0.3499"),
        ("0.04", "0.07", "0.0699"),
        ("100", "175", "174.9999"),
    ],
)
def test_target_when_the_bid_is_exactly_there_then_closed_and_a_hair_below_kept(entry, at_target, below):
    assert why(bought(entry, at_target)) == "profit_target"
    assert why(bought(entry, below)) is None


@pytest.mark.parametrize(
    ("entry", "at_stop", "above"),
    [
        # 0.65 times the entry, exactly; in binary floats 4.6 * 0.65 is below 2.99 and 1.4 * 0.65 below 0.91.
        ("1", "0.65", "0.6501"),
        ("0.2", "0.13", "0.1301"),
        ("1.4", "0.91", "0.9101"),
        ("4.6", "2.99", "2.9901"),
        ("100", "65", "65.0001"),
    ],
)
def test_stop_when_the_bid_is_exactly_there_then_closed_and_a_hair_above_kept(entry, at_stop, above):
    assert why(bought(entry, at_stop)) == "stop_loss"
    assert why(bought(entry, above)) is None


def test_boundaries_when_judged_in_floats_then_they_would_be_missed():
    """What makes the cases above worth having."""
    assert [float(bid) >= float(entry) * 1.75 for entry, bid in [("1.1", "1.925"), ("0.2", "0.35")]] == [False, False]
    assert [float(bid) <= float(entry) * 0.65 for entry, bid in [("4.6", "2.99"), ("1.4", "0.91")]] == [False, False]


@pytest.mark.parametrize(
    ("rules", "mark", "kept", "reason"),
    [
        # The doubles nearest to 0.1, 0.4 and 0.55 lie above them.
        (ExitRules(profit_target=0.1), "110", "109.9999", "profit_target"),
        (ExitRules(profit_target=0.55), "155", "154.9999", "profit_target"),
        (ExitRules(stop_loss=-0.1), "90", "90.0001", "stop_loss"),
        (ExitRules(stop_loss=-0.4), "60", "60.0001", "stop_loss"),
    ],
)
def test_parameter_when_it_has_no_exact_double_then_it_means_what_was_written(rules, mark, kept, reason):
    assert why(bought("100", mark), rules) == reason
    assert why(bought("100", kept), rules) is None


@pytest.mark.parametrize(("held", "reason"), [(4, None), (5, "time_exit"), (6, "time_exit")])
def test_time_when_the_sessions_are_over_then_closed(held, reason):
    assert why(bought("1", "1", held_sessions=held)) == reason


def test_time_when_zero_then_closed_in_the_opening_session():
    assert why(bought("1", "1"), ExitRules(max_hold_sessions=0)) == "time_exit"


# -- order ---------------------------------------------------------------------------------------------------------------


def test_reason_when_time_is_over_too_then_target_and_stop_come_first():
    assert why(bought("1", "1.75", held_sessions=9)) == "profit_target"
    assert why(bought("1", "0.65", held_sessions=9)) == "stop_loss"


@pytest.mark.parametrize("mark", ["1.75", "0.65", "0", "99"])
def test_reason_when_a_leg_is_unquoted_then_time_alone_closes(mark):
    assert why(bought("1", mark, quoted=False)) is None
    assert why(bought("1", mark, quoted=False, held_sessions=5)) == "time_exit"


# -- debits, credits and what cannot be bounded --------------------------------------------------------------------------


def test_debit_vertical_when_judged_then_by_the_premium_of_both_legs():
    """Bought at 30, sold at 10: 20 paid. Target 35, stop 13."""

    def spread(long_mark, short_mark):
        return fake_position({CALL: (2, "30", long_mark), WING: (-2, "10", short_mark)}, held_sessions=0)

    assert why(spread("50", "15")) == "profit_target"
    assert why(spread("49.99", "15")) is None
    assert why(spread("20", "7")) == "stop_loss"
    assert why(spread("20.01", "7")) is None


def credit(short_mark, long_mark="5", **changes):
    """Put spread sold: 12 received, 5 paid, 50 wide. Credit 700, largest loss 4,300."""
    return fake_position({PUT: (-1, "12", short_mark), LOWER: (1, "5", long_mark)}, **({"held_sessions": 0} | changes))


def test_credit_when_built_then_the_figures_by_hand():
    position = credit("12")
    assert (position.premium_usd, position.max_loss_usd) == (-700, 4300)
    assert (position.profit_basis_usd, position.loss_basis_usd) == (700, 4300)


@pytest.mark.parametrize(
    ("short_mark", "reason"),
    [
        ("8.5", "profit_target"),  # buying back costs 350: 350 of 700 kept
        ("8.5001", None),
        ("27.05", "stop_loss"),  # costs 2,205, a loss of 1,505 = 0.35 * 4,300
        ("27.0499", None),
    ],
)
def test_credit_when_judged_then_target_by_the_credit_and_stop_by_the_largest_loss(short_mark, reason):
    assert why(credit(short_mark)) == reason


@pytest.mark.parametrize(("mark", "reason"), [("274.5", "stop_loss"), ("274.4999", None), ("6", "profit_target")])
def test_uncovered_short_when_its_loss_has_no_bound_then_the_stop_is_measured_by_its_margin(mark, reason):
    """A call sold at 12 with a margin of 75,000, of which 0.35 is 26,250: 262.50 a share above 12."""
    position = fake_position({CALL: (-1, "12", mark)}, margin_usd="75000", held_sessions=0)
    assert position.max_loss_usd is None
    assert why(position) == reason


def test_parts_already_closed_when_judged_then_what_they_brought_counts():
    """Bought at 2 x 1.00; one sold for 2.50, so that the rest reaches the target of 350 at a bid of 1.00."""
    half = replace(fake_position({CALL: (1, "1", "1")}, held_sessions=0), premium_usd=Decimal(200), proceeds_usd=Decimal(250))
    assert why(half) == "profit_target"
    assert why(replace(half, proceeds_usd=Decimal("249.99"))) is None


def test_fees_when_paid_then_gains_are_before_them():
    assert why(bought("1", "1.75", fees_usd=500)) == "profit_target"


def test_even_money_when_nothing_was_paid_or_received_then_no_target():
    position = replace(fake_position({CALL: (1, "1", "9")}, held_sessions=0), premium_usd=Decimal(0), max_loss_usd=Decimal(100))
    assert why(position) is None
    assert why(replace(position, value_usd=Decimal(-35))) == "stop_loss"


@pytest.mark.parametrize(
    ("rules", "position"),
    [
        (ExitRules(profit_target=None), bought("1", "99")),
        (ExitRules(credit_profit_target=None), credit("0.05", "0")),
        (ExitRules(stop_loss=None), bought("1", "0")),
        (ExitRules(max_hold_sessions=None), bought("1", "1", held_sessions=999)),
    ],
)
def test_rule_when_none_then_it_never_closes(rules, position):
    assert why(position, rules) is None
    assert why(position, ExitRules()) is not None


# -- review --------------------------------------------------------------------------------------------------------------


def test_review_when_there_are_several_positions_then_each_is_judged_in_order():
    positions = [
        bought("1", "1", position_id="a"),
        bought("1", "0.5", position_id="b"),
        bought("1", "2", position_id="c"),
        bought("1", "1", position_id="d", held_sessions=7),
    ]
    review = ExitRules().review(fake_account(positions), VIEW)
    assert [(one.position_id, one.reason) for one in review.exits] == [
        ("b", "stop_loss"),
        ("c", "profit_target"),
        ("d", "time_exit"),
    ]
    assert review.notes == {}


@dataclass(frozen=True, kw_only=True)
class OnFridays(ExitRules):
    def reason(self, position, view):
        return "friday" if view.session.weekday() == 4 else super().reason(position, view)


def test_subclass_when_it_adds_a_rule_then_it_stands_beside_the_others():
    assert why(bought("1", "1.75"), OnFridays()) == "profit_target"  # VIEW is a Monday
    assert why(bought("1", "1"), OnFridays()) is None
    friday = fake_view(chain=None, session=VIEW.session.replace(day=7)).view
    assert OnFridays().reason(bought("1", "1"), friday) == "friday"


# -- candidates that cannot reach the target -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("premium", "best", "target"),
    [
        ("2000", "1500", None),  # 0.75 of 2,000 can just be gained
        ("2000", "1499.99", "1500"),
        ("2000", None, None),  # no bound
        ("-700", "700", None),  # a credit keeps all of it, and half is enough
        ("-700", "349.99", "350"),
        ("0", "0", None),
    ],
)
def test_refuse_when_the_best_outcome_stays_below_the_target_then_denied_with_both(premium, best, target):
    candidate = replace(fake_candidate(), premium_usd=Decimal(premium), max_profit_usd=None if best is None else Decimal(best))
    denial = ExitRules().refuse(candidate)
    if target is None:
        assert denial is None
    else:
        assert (denial.rule, denial.candidate) == ("target_unreachable", candidate)
        assert {name: Decimal(value) for name, value in denial.numbers.items()} == {
            "max_profit": Decimal(best),
            "target": Decimal(target),
        }
        assert denial.numbers["target"] in denial.reason


def test_refuse_when_there_is_no_target_then_never():
    candidate = replace(fake_candidate(), max_profit_usd=Decimal(0))
    assert ExitRules(profit_target=None).refuse(candidate) is None
    assert ExitRules().refuse(candidate) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("profit_target", 0),
        ("profit_target", -0.5),
        ("profit_target", math.nan),
        ("credit_profit_target", 0),
        ("credit_profit_target", math.nan),
        ("stop_loss", 0),
        ("stop_loss", 0.35),
        ("stop_loss", math.nan),
        ("max_hold_sessions", -1),
    ],
)
def test_rules_when_a_parameter_makes_no_sense_then_refused_with_name_and_value(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be .*None, got {value!r}"):
        ExitRules(**{name: value})
