from __future__ import annotations

from decimal import Decimal

from optarb.structures import Box


def test_box_when_bought_has_the_call_spread_and_the_put_spread(make_chain, flat_rows, legs):
    chain = make_chain(flat_rows(), price=2905.0)
    assert legs(Box(moneyness=1.0, width=50), chain) == [(1, "C", 2900), (1, "P", 2950), (-1, "C", 2950), (-1, "P", 2900)]
    assert legs(Box(moneyness=1.0, width=50, credit=True), chain) == [
        (1, "C", 2950),
        (1, "P", 2900),
        (-1, "C", 2900),
        (-1, "P", 2950),
    ]


def test_box_when_any_price_comes_is_worth_its_width_at_expiry(make_chain, flat_rows):
    chosen = Box(strike=Decimal(2850), width_strikes=3).choose({"SPX": make_chain(flat_rows())}, "SPX")
    for price in (0, 2700, 2850, 2900, 3000, 3500):
        assert sum(leg.ratio * leg.contract.intrinsic(Decimal(price)) for leg in chosen) == 150


def test_box_when_a_strike_has_no_put_finds_nothing(make_chain, flat_rows, reason):
    rows = flat_rows((2900, 2950), rights="C") + flat_rows((2900,), rights="P")
    assert "puts: strike 2950 is not quoted" in reason(Box(strike=Decimal(2900), width=50), make_chain(rows))
    calls = make_chain(flat_rows(rights="C"), price=2900.0)
    assert reason(Box(moneyness=1.0, width=50), calls) == "SPXW 2019-05-31 puts: none is quoted"
    assert "0 strikes above 3000" in reason(Box(strike=Decimal(3000), width=50), calls)


def test_box_when_printed_reads_well():
    assert str(Box(strike=Decimal(2900), width=50)) == "long box (30 days, strike 2900, width 50)"
    assert str(Box(strike=Decimal(2900), width=50, credit=True)) == "short box (30 days, strike 2900, width 50)"
