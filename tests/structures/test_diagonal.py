from __future__ import annotations

from datetime import date

import pytest
from vollib.black.greeks.analytical import delta as vollib_delta

from optarb.domain.contracts import Right
from optarb.structures import Diagonal

NEAR, FAR = date(2019, 5, 31), date(2019, 6, 28)


@pytest.mark.parametrize(("right", "sold"), [(Right.CALL, "SPXW190531C02950000"), (Right.PUT, "SPXW190531P02850000")])
def test_diagonal_when_chosen_sells_the_nearer_one_further_out(right, sold, make_chain, flat_rows):
    chain = make_chain(flat_rows(expiry=NEAR) + flat_rows((2890, 2910), expiry=FAR), price=2892.0)
    legs = Diagonal(right=right, moneyness=1.0, width=55).choose({"SPX": chain}, "SPX")
    assert [(leg.ratio, leg.contract.symbol) for leg in legs] == [(1, f"SPXW190628{right}02890000"), (-1, sold)]


def test_diagonal_when_chosen_by_deltas_takes_each_contracts_own(make_chain, vollib_rows):
    strikes = [2600.0 + 10 * i for i in range(61)]
    near = vollib_rows("SPXW", NEAR, strikes, forward=2900.0, volatility=0.15)
    far = vollib_rows("SPXW", FAR, strikes, forward=2904.0, volatility=0.16)
    legs = Diagonal(right=Right.CALL, delta=0.8, wing_delta=0.3).choose({"SPX": make_chain(near + far)}, "SPX")

    def nearest(target, forward, days, volatility):
        return min(strikes, key=lambda k: abs(vollib_delta("c", forward, k, days / 365, 0.0, volatility) - target))

    assert [float(leg.contract.strike) for leg in legs] == [nearest(0.8, 2904.0, 58, 0.16), nearest(0.3, 2900.0, 30, 0.15)]


def test_diagonal_when_nothing_is_further_out_finds_nothing(make_chain, flat_rows, reason):
    chain = make_chain(flat_rows(expiry=NEAR) + flat_rows(expiry=FAR), price=3000.0)
    assert reason(Diagonal(right=Right.CALL, moneyness=1.0, width=50), chain) == (
        "SPXW 2019-05-31 calls: 0 strikes above 3000, 1 needed"
    )


def test_diagonal_when_printed_reads_well():
    diagonal = Diagonal(right=Right.CALL, delta=0.8, far_dte=90, wing_delta=0.3)
    assert str(diagonal) == "call diagonal (30 days, delta 0.8, against 90 days, wing delta 0.3)"
