"""What is left between the legs of a pair."""

from __future__ import annotations

from datetime import date

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg, NoFit
from optarb.structures import CallPair, pair_match
from optarb.testing import fake_chain

SESSION, EXPIRY = date(2024, 6, 3), date(2024, 6, 28)
LEGS = (
    Leg(contract=OptionContract.parse("SPXW240628C05000000"), ratio=1),
    Leg(contract=OptionContract.parse("SPY240628C00499000"), ratio=-10),
)


def chain(symbol, strike, call, put):
    """One strike with a call and a put; the forward is strike + call - put."""
    rows = [(EXPIRY, "C", strike, call - 0.5, call + 0.5), (EXPIRY, "P", strike, put - 0.5, put + 0.5)]
    return fake_chain(rows, symbol=symbol, session=SESSION, spot=strike)


CHAINS = {"SPX": chain("SPX", 5000.0, 101.0, 98.0), "SPY": chain("SPY", 499.0, 10.0, 10.1)}


def test_match_when_measured_then_as_by_hand():
    # Forwards: 5,000 + 101 - 98 = 5,003 and 499 + 10 - 10.10 = 498.90; their ratio is 0.0997202.
    # 5,000 x 0.0997202 = 498.6008: the strike of 499 lies 0.3992 above. 1 / 0.0997202 = 10.0281.
    match = pair_match(LEGS, CHAINS)
    assert match.ratio == pytest.approx(0.0997202, abs=1e-7)
    assert match.residual_strike == pytest.approx(0.3992, abs=1e-4)
    assert match.matching_quantity == pytest.approx(10.0281, abs=1e-4)
    assert str(match) == "residual strike +0.40, matched by 10.028 short contracts"


def test_match_when_two_are_bought_then_twice_as_many_match():
    twice = (Leg(contract=LEGS[0].contract, ratio=2), LEGS[1])
    assert pair_match(twice, CHAINS).matching_quantity == pytest.approx(2 * 10.0281, abs=2e-4)


def test_match_when_the_pair_was_chosen_by_the_structure_then_the_residual_is_less_than_half_a_strike():
    chains = {"SPX": fake_chain(spot=5003.0, session=SESSION), "SPY": fake_chain(symbol="SPY", spot=498.9, session=SESSION)}
    legs = CallPair(dte=25, moneyness=1.02).choose(chains, "SPX")
    assert abs(pair_match(legs, chains).residual_strike) <= 1.0  # strikes of the fake SPY are 2 dollars apart


@pytest.mark.parametrize(
    ("chains", "words"),
    [
        ({"SPX": CHAINS["SPX"]}, "no quotes of 'SPY'"),
        ({**CHAINS, "SPY": fake_chain([(EXPIRY, "C", 499.0, 9.5, 10.5)], symbol="SPY", session=SESSION)}, "no forward of SPY"),
        ({**CHAINS, "SPX": fake_chain([(date(2024, 7, 5), right, 5000.0, 9.0, 11.0) for right in "CP"])}, "no forward of SPX"),
    ],
)
def test_match_when_a_forward_is_absent_then_no_fit_says_why(chains, words):
    found = pair_match(LEGS, chains)
    assert isinstance(found, NoFit)
    assert words in found.reason
