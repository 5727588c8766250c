from __future__ import annotations

from datetime import date

from vollib.black.greeks.analytical import delta as vollib_delta

from optarb.structures import IronCondor

EXPIRY = date(2019, 5, 31)
WIDE = (2750, 2800, 2850, 2900, 2950, 3000, 3050)


def test_iron_condor_when_sold_buys_the_wings(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(WIDE), price=2900.0)
    found = legs(IronCondor(distance=0.02, width=50), chain)
    assert found == [(1, "P", 2800), (1, "C", 3000), (-1, "P", 2850), (-1, "C", 2950)]


def test_iron_condor_when_bought_sells_the_wings(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(WIDE), price=2900.0)
    found = legs(IronCondor(distance=0.02, width_strikes=2, credit=False), chain)
    assert found == [(1, "P", 2850), (1, "C", 2950), (-1, "P", 2750), (-1, "C", 3050)]


def test_iron_condor_when_chosen_by_delta_has_the_nearest_of_all_four_by_vollib(make_chain, vollib_rows, legs):
    strikes = [2600.0 + 10 * i for i in range(61)]
    chain = make_chain(vollib_rows("SPXW", EXPIRY, strikes, forward=2903.7, volatility=0.17), price=2900.0)

    def nearest(flag, target):
        return min(strikes, key=lambda k: abs(abs(vollib_delta(flag, 2903.7, k, 30 / 365, 0.0, 0.17)) - target))

    expected = [
        (1, "P", nearest("p", 0.05)),
        (1, "C", nearest("c", 0.05)),
        (-1, "P", nearest("p", 0.2)),
        (-1, "C", nearest("c", 0.2)),
    ]
    assert legs(IronCondor(delta=0.2, wing_delta=0.05), chain) == expected


def test_iron_condor_when_the_wing_delta_lies_inside_takes_the_next_strike_outside(make_chain, vollib_rows, legs):
    strikes = [2700.0 + 50 * i for i in range(9)]
    chain = make_chain(vollib_rows("SPXW", EXPIRY, strikes, forward=2900.0, volatility=0.15), price=2900.0)
    found = legs(IronCondor(distance=0.02, wing_delta=0.45), chain)
    assert found == [(1, "P", 2800), (1, "C", 3000), (-1, "P", 2850), (-1, "C", 2950)]


def test_iron_condor_when_a_sold_wing_has_no_bid_finds_nothing(make_chain, flat_rows, reason):
    rows = flat_rows((2800, 2850, 2900, 2950), rights="CP") + flat_rows((3000,), rights="CP", bid=0.0)
    answer = reason(IronCondor(distance=0.02, width=50, credit=False), make_chain(rows, price=2900.0))
    assert answer == "SPXW190531C03000000 would be sold and has no bid"


def test_iron_condor_when_too_few_strikes_lie_outside_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(WIDE), price=2900.0)
    assert reason(IronCondor(distance=0.02, width_strikes=3), chain) == "SPXW 2019-05-31 puts: 2 strikes below 2850, 3 needed"


def test_iron_condor_when_printed_reads_well():
    assert str(IronCondor(delta=0.16, width=50)) == "credit iron condor (30 days, delta 0.16, width 50)"
    assert str(IronCondor(distance=0.05, width=50, credit=False)) == "debit iron condor (30 days, distance 0.05, width 50)"
