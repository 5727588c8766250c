"""The engine's own word on entries: no policy may spend what is not there."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from decimal import Decimal

from tests.engine.seam import FIRST, STRATEGY, day, held, named_rows, simulated, traded

from optarb.decisions import Decision, Entry
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.money import from_units
from optarb.domain.signals import Signal
from optarb.ledger.book import Book
from optarb.testing import ScriptedExpert

NEAR, FAR, PUT = "SPXW240705C05000000", "SPXW240705C05040000", "SPXW240705P05000000"
FEE = 6_500


@dataclass(frozen=True, kw_only=True)
class Greedy:
    """Opens all it is shown, whatever it costs."""

    spread: int = 1
    put: int = 1

    def decide(self, candidates, account, view):
        units = {"spread": self.spread, "put": self.put}
        return Decision(entries=tuple(Entry(candidate=candidate, units=units[candidate.expert]) for candidate in candidates))


SPREAD_NEEDS = traded(FIRST, (NEAR, 1), (FAR, -1)) + 4 * FEE
PUT_NEEDS = traded(FIRST, (PUT, 1)) + 2 * FEE


def run(capital, **units):
    """Lets the greedy policy spend a capital in ledger units; returns the book, the rows and verdict and rule by expert."""
    book = Book("book", from_units(capital))
    rows, _, _ = day(book, FIRST, simulated, dataclasses.replace(STRATEGY, policy=Greedy(**units)))
    return book, rows, {row["expert"]: (row["verdict"], row["rule"]) for row in named_rows(rows, "verdicts")}


def cash_numbers(rows, place):
    told = json.loads(named_rows(rows, "verdicts")[place]["numbers"])
    return Decimal(told["needed"]), Decimal(told["cash"])


def test_entries_when_a_policy_spends_far_too_much_then_all_is_denied_and_nothing_is_sent():
    book, rows, verdicts = run(100_000 * 10_000, spread=1_000, put=1_000)

    assert verdicts == {"spread": ("denied", "cash"), "put": ("denied", "cash")}
    assert cash_numbers(rows, 0) == (from_units(1_000 * SPREAD_NEEDS), 100_000)
    assert [row["units"] for row in named_rows(rows, "verdicts")] == [0, 0]
    assert rows["intents"] == rows["fills"] == []
    assert (book.cash, book.positions) == (100_000 * 10_000, {})


def test_entries_when_the_cash_carries_both_to_the_last_unit_then_both_are_entered():
    book, _, verdicts = run(SPREAD_NEEDS + PUT_NEEDS)

    assert verdicts == {"spread": ("entered", ""), "put": ("entered", "")}
    assert held(book) == {NEAR: 1, FAR: -1, PUT: 1}
    assert book.cash == 3 * FEE  # kept for the way out


def test_entries_when_one_unit_of_money_is_missing_then_the_second_is_denied():
    book, rows, verdicts = run(SPREAD_NEEDS + PUT_NEEDS - 1)

    # Denials stand before what was entered.
    assert list(verdicts.items()) == [("put", ("denied", "cash")), ("spread", ("entered", ""))]
    assert cash_numbers(rows, 0) == (from_units(PUT_NEEDS), from_units(PUT_NEEDS - 1))
    assert held(book) == {NEAR: 1, FAR: -1}
    assert book.cash == PUT_NEEDS - 1 + 2 * FEE


def test_entries_when_the_first_is_too_dear_then_the_next_is_judged_by_itself():
    book, _, verdicts = run(PUT_NEEDS, spread=1_000)

    assert verdicts == {"spread": ("denied", "cash"), "put": ("entered", "")}
    assert held(book) == {PUT: 1}
    assert book.cash == FEE


# -- margin ------------------------------------------------------------------------------------------------------------------

# A naked call: its ask-side premium plus 15 % of 5,000 (an index call at the money), for 100 shares.
NAKED_FEES = 2 * FEE
NAKED_MARGIN = -traded(FIRST, (NEAR, -1)) + 15 * 5_000 * 10_000


@dataclass(frozen=True, kw_only=True)
class Naked:
    """Sells one call of those a spread would use, and nothing else."""

    def choose(self, chains, underlying):
        return (Leg(contract=OptionContract.parse(NEAR), ratio=-1),)


def run_naked(capital, units, experts=("spread",)):
    expert = ScriptedExpert(signals={FIRST: Signal.bearish(Naked(), confidence=0.9, reasons=["down"])})
    book = Book("book", from_units(capital))
    strategy = dataclasses.replace(STRATEGY, experts=dict.fromkeys(experts, expert), policy=Greedy(spread=units))
    rows, _, _ = day(book, FIRST, simulated, strategy)
    return book, rows, {row["expert"]: (row["verdict"], row["rule"]) for row in named_rows(rows, "verdicts")}


def test_entries_when_the_margin_is_there_to_the_last_unit_then_a_naked_call_is_entered():
    book, rows, verdicts = run_naked(2 * (NAKED_MARGIN + NAKED_FEES), units=2)

    assert verdicts == {"spread": ("entered", "")}
    assert held(book) == {NEAR: -2}
    assert book.invested() == 2 * NAKED_MARGIN
    assert json.loads(named_rows(rows, "verdicts")[0]["numbers"])["requirement"] == str(from_units(NAKED_MARGIN))


def test_entries_when_a_cent_of_margin_is_missing_then_denied_with_the_numbers_whatever_the_policy_says():
    capital = 2 * (NAKED_MARGIN + NAKED_FEES) - 100
    book, rows, verdicts = run_naked(capital, units=2)

    assert verdicts == {"spread": ("denied", "margin")}
    told = json.loads(named_rows(rows, "verdicts")[0]["numbers"])
    assert (Decimal(told["needed"]), Decimal(told["available"])) == (from_units(capital + 100), from_units(capital))
    assert rows["intents"] == [] and not book.positions  # noqa: PT018 - one fact


def test_entries_when_the_margin_carries_one_of_two_then_the_second_finds_what_is_left():
    left = NAKED_MARGIN + NAKED_FEES - 1
    book, rows, verdicts = run_naked(NAKED_MARGIN + NAKED_FEES + left, units=1, experts=("spread", "put"))

    assert verdicts == {"spread": ("entered", ""), "put": ("denied", "margin")}
    assert json.loads(named_rows(rows, "verdicts")[0]["numbers"])["available"] == str(from_units(left))
    assert held(book) == {NEAR: -1}
