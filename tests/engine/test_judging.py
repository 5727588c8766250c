"""Which underlyings an expert is asked about, with what, and what it is not asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest

from optarb.domain.contracts import Right
from optarb.domain.signals import Signal
from optarb.engine.judging import judge, warm_up_of
from optarb.errors import ComponentError
from optarb.structures import Vertical
from optarb.testing import fake_bars, fake_chain, fake_view

LAST = date(2024, 5, 31)
SPREAD = Vertical(right=Right.CALL, width=50.0, dte=30, moneyness=1.0)


@dataclass(frozen=True, kw_only=True)
class Asks:
    """Has an opinion on all underlyings but one, and tells what it was given."""

    silent_on: str = ""
    warm_up: object = 1

    def evaluate(self, view):
        if view.underlying == self.silent_on:
            return None
        told = [view.underlying, str(view.model), view.once("key", bytes).decode()]
        return Signal.bullish(SPREAD, confidence=0.9, reasons=told)


def view_of(**options):
    """SPX with three bars, and SPY with two."""
    bars = fake_bars([500.0, 501.0], symbol="SPY", last=LAST)
    return fake_view(bars=fake_bars([5000.0, 5010.0, 5020.0], last=LAST), references={"SPY": bars}, **options).view


def judged(expert, view, **options):
    skipped = []
    found = judge(
        "one",
        expert,
        view,
        ("SPY", "SPX"),
        warm_up=warm_up_of("one", expert),
        once_of=lambda underlying: lambda key, call: f"{underlying}/{key}".encode(),
        skipped=skipped.append,
        **options,
    )
    return [(place, signal.expert, signal.underlying, signal.reasons) for place, signal in found], skipped


def test_judge_when_it_has_opinions_then_in_the_order_of_underlyings_with_calls_and_models_of_each():
    found, skipped = judged(Asks(), view_of(), model_of=lambda underlying: f"model of {underlying}")

    assert found == [
        (0, "one", "SPY", ("SPY", "model of SPY", "SPY/key")),
        (1, "one", "SPX", ("SPX", "model of SPX", "SPX/key")),
    ]
    assert skipped == []


def test_judge_when_it_has_none_on_one_then_the_other_keeps_its_place():
    found, skipped = judged(Asks(silent_on="SPY"), view_of())

    assert found == [(1, "one", "SPX", ("SPX", "None", "SPX/key"))]
    assert skipped == []


@pytest.mark.parametrize(("warm_up", "places"), [(2, [0, 1]), (3, [1]), (4, [])])
def test_judge_when_bars_are_too_few_then_not_asked_and_told(warm_up, places):
    found, skipped = judged(Asks(warm_up=warm_up), view_of())

    assert [place for place, *_ in found] == places
    assert skipped == ["not_warmed_up"] * (2 - len(places))


def test_judge_when_there_is_no_chain_at_all_then_not_asked_and_told():
    assert judged(Asks(), view_of(chain=None)) == ([], ["no_chain", "no_chain"])


def test_judge_when_only_another_underlying_has_a_chain_then_asked_all_the_same():
    chains = {"SPY": fake_chain(symbol="SPY", spot=500.0)}
    found, skipped = judged(Asks(), view_of(chain=None, more_chains=chains))

    assert [place for place, *_ in found] == [0, 1]
    assert skipped == []


@pytest.mark.parametrize(("expert", "bars"), [(len, 1), (Asks(warm_up=0), 1), (Asks(warm_up=7), 7)])
def test_warm_up_when_asked_for_then_at_least_one_bar(expert, bars):
    assert warm_up_of("one", expert) == bars


@pytest.mark.parametrize("warm_up", [-1, 2.0, None])
def test_warm_up_when_no_number_of_bars_then_refused(warm_up):
    with pytest.raises(ComponentError, match="expert 'one': warm_up must be a whole number of bars"):
        warm_up_of("one", Asks(warm_up=warm_up))
