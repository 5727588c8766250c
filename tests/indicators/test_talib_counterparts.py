from __future__ import annotations

import numpy as np
import pytest
import talib
from tests.indicators.claims import Claim, moving_bars
from tests.indicators.talib_counterparts import CLAIMS, NO_COUNTERPART, WHERE_NOTHING_MOVES

from optarb.domain.bars import Bars
from optarb.indicators import CatalogueIndicator, families

CASES = [(stem, parameters) for stem, claim in CLAIMS.items() for parameters in claim.parameters]


def computed(stem, parameters, bars):
    """The column, and its warm-up."""
    family = next(family for family in families().values() if stem in family.stems)
    indicator = CatalogueIndicator(family=family.name, parameters=parameters)
    return indicator.compute(bars)[indicator.columns[family.stems.index(stem)]], indicator.warm_up


def still_bars():
    """Bars that do not move; with volume, which would otherwise decide alone."""
    price = np.full(400, 64.0)
    sessions = np.datetime64("2001-01-01", "D") + np.arange(400)
    return Bars(symbol="SPY", sessions=sessions, open=price, high=price, low=price, close=price, volume=price)


@pytest.fixture(scope="module")
def bars():
    return moving_bars()


@pytest.mark.parametrize(("stem", "parameters"), CASES)
def test_column_when_compared_with_ta_lib_then_as_claimed(bars, stem, parameters):
    ours, warm_up = computed(stem, parameters, bars)

    CLAIMS[stem].check(ours, CLAIMS[stem].compute(bars, *parameters), warm_up)


def test_columns_when_nothing_moves_then_those_named_differ_from_ta_lib_and_no_others():
    bars = still_bars()
    differing = set()
    for stem, parameters in CASES:
        ours, warm_up = computed(stem, parameters, bars)
        theirs = CLAIMS[stem].compute(bars, *parameters)
        if not np.allclose(ours[warm_up:], theirs[warm_up:], rtol=1e-9, atol=1e-9):
            differing.add(stem)

    assert differing == WHERE_NOTHING_MOVES


def test_claims_when_listed_then_every_column_of_the_catalogue_once():
    stems = [stem for family in families().values() for stem in family.stems]

    assert sorted([*CLAIMS, *NO_COUNTERPART]) == sorted(stems)
    assert {claim.function for claim in CLAIMS.values()} <= set(talib.get_functions())


@pytest.mark.parametrize("row", [700, 1_499])
def test_check_when_one_value_is_off_then_equality_fails(bars, row):
    claim = Claim(function="X", parameters=())
    theirs = bars.close.copy()
    theirs[row] *= 1.0 + 1e-8

    claim.check(bars.close, bars.close.copy(), 0)
    with pytest.raises(AssertionError):
        claim.check(bars.close, theirs, 0)


def test_check_when_columns_are_equal_or_never_settle_then_a_difference_fails(bars):
    claim = Claim(function="X", parameters=(), differs="because", settled=600)
    settling = bars.close.copy()
    settling[:600] *= 1.01

    claim.check(bars.close, settling, 0)
    for theirs in (bars.close.copy(), bars.close * 1.01):
        with pytest.raises(AssertionError):
            claim.check(bars.close, theirs, 0)


def test_check_when_the_other_has_no_number_then_equality_fails(bars):
    theirs = bars.close.copy()
    theirs[30] = np.nan

    with pytest.raises(AssertionError):
        Claim(function="X", parameters=()).check(bars.close, theirs, 0)
