"""Rounding of quotes to the increments that exchanges publish."""

from __future__ import annotations

import numpy as np
import pytest

from optarb.pricing import quote_down, quote_up


@pytest.mark.parametrize(
    ("root", "price", "down", "up"),
    [
        ("SPXW", 0.02, 0.0, 0.05),
        ("SPXW", 2.97, 2.95, 3.0),
        ("SPXW", 3.04, 3.0, 3.1),
        ("SPX", 10.25, 10.2, 10.3),
        ("SPY", 3.045, 3.04, 3.05),
        ("XSP", 0.001, 0.0, 0.01),
        ("AAPL", 1.23, 1.2, 1.25),
    ],
)
def test_quotes_when_between_increments_round_outward(root, price, down, up):
    assert quote_down(root, np.array([price])).tolist() == [down]
    assert quote_up(root, np.array([price])).tolist() == [up]


def test_quotes_when_on_an_increment_but_for_float_noise_stay():
    prices = np.array([0.1 + 0.2, 1.15, 2.95, 4.3, 1.1 * 3])
    expected = [0.3, 1.15, 2.95, 4.3, 3.3]
    assert quote_down("SPXW", prices).tolist() == expected
    assert quote_up("SPXW", prices).tolist() == expected
