from __future__ import annotations

from optarb.structures import IronButterfly


def test_iron_butterfly_when_sold_buys_the_wings(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(), price=2905.0)
    found = legs(IronButterfly(moneyness=1.0, width=100), chain)
    assert found == [(1, "P", 2800), (1, "C", 3000), (-1, "P", 2900), (-1, "C", 2900)]


def test_iron_butterfly_when_bought_sells_the_wings(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(), price=2905.0)
    found = legs(IronButterfly(moneyness=1.0, width_strikes=1, credit=False), chain)
    assert found == [(1, "P", 2900), (1, "C", 2900), (-1, "P", 2850), (-1, "C", 2950)]


def test_iron_butterfly_when_the_middle_has_no_put_finds_nothing(make_chain, flat_rows, reason):
    rows = flat_rows(rights="C") + flat_rows((2800, 3000), rights="P")
    assert "puts: strike 2900 is not quoted" in reason(IronButterfly(moneyness=1.0, width=50), make_chain(rows, price=2900.0))


def test_iron_butterfly_when_a_wing_has_no_strike_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows((2900, 2950)), price=2900.0)
    assert reason(IronButterfly(moneyness=1.0, width=50), chain) == "SPXW 2019-05-31 puts: 0 strikes below 2900, 1 needed"


def test_iron_butterfly_when_printed_reads_well():
    assert str(IronButterfly(moneyness=1.0, width=50)) == "credit iron butterfly (30 days, moneyness 1, width 50)"
    bought = IronButterfly(moneyness=1.0, wing_delta=0.05, credit=False)
    assert str(bought) == "debit iron butterfly (30 days, moneyness 1, wing delta 0.05)"
