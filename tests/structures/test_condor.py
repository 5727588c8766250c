from __future__ import annotations

from datetime import date

import pytest
from vollib.black.greeks.analytical import delta as vollib_delta

from optarb.domain.contracts import Right
from optarb.structures import Condor

WIDE = (2750, 2800, 2850, 2900, 2950, 3000, 3050)


@pytest.mark.parametrize("right", Right)
def test_condor_when_bought_sells_the_middle(right, make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(WIDE), price=2900.0)
    found = legs(Condor(right=right, distance=0.02, width=50), chain)
    assert found == [(1, right, 2800), (1, right, 3000), (-1, right, 2850), (-1, right, 2950)]


def test_condor_when_sold_buys_the_middle(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(WIDE), price=2900.0)
    found = legs(Condor(right=Right.CALL, distance=0.02, width_strikes=2, credit=True), chain)
    assert found == [(1, "C", 2850), (1, "C", 2950), (-1, "C", 2750), (-1, "C", 3050)]


@pytest.mark.parametrize("right", Right)
def test_condor_when_chosen_by_delta_has_the_strikes_of_the_options_out_of_the_money(right, make_chain, vollib_rows, legs):
    # A year at 8 %: the delta of a call and that of its put differ by 0.92, not by 1.
    strikes, expiry = [1800.0 + 20 * i for i in range(131)], date(2020, 4, 29)
    rate, tau = 0.08, 364 / 365
    chain = make_chain(vollib_rows("SPXW", expiry, strikes, forward=2903.7, volatility=0.17, rate=rate), price=2900.0)

    def nearest(flag, target):
        return min(strikes, key=lambda k: abs(abs(vollib_delta(flag, 2903.7, k, tau, rate, 0.17)) - target))

    expected = [nearest("p", 0.05), nearest("c", 0.05), nearest("p", 0.2), nearest("c", 0.2)]
    found = legs(Condor(right=right, delta=0.2, wing_delta=0.05, rate=rate), chain)
    assert [strike for _, _, strike in found] == expected
    assert {one for _, one, _ in found} == {right.value}


def test_condor_when_there_is_no_room_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows((2850, 2900, 2950)), price=2900.0)
    assert "0 strikes below 2850" in reason(Condor(right=Right.CALL, distance=0.02, width=50), chain)
    assert "too few are quoted" in reason(Condor(right=Right.CALL, distance=0.001, width=50), chain)


def test_condor_when_the_right_is_none_refuses():
    with pytest.raises(ValueError, match="right"):
        Condor(right="put", distance=0.05, width=50)


def test_condor_when_printed_reads_well():
    assert str(Condor(right=Right.CALL, delta=0.2, width=50)) == "call debit condor (30 days, delta 0.2, width 50)"
    sold = Condor(right=Right.PUT, distance=0.02, wing_delta=0.05, credit=True)
    assert str(sold) == "put credit condor (30 days, distance 0.02, wing delta 0.05)"
