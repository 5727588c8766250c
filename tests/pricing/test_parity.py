"""Forwards by put-call parity, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from optarb.pricing import parity_forward

STRIKES = np.array([95.0, 100.0, 105.0])


def test_parity_forward_when_call_and_put_differ_uses_the_closest_pair():
    forward = parity_forward(STRIKES, np.array([7.0, 3.9, 1.8]), np.array([1.8, 3.4, 6.4]), 0.98)
    assert forward == pytest.approx(100.0 + 0.5 / 0.98)


def test_parity_forward_when_two_strikes_tie_takes_the_lower():
    forward = parity_forward(STRIKES, np.array([7.0, 5.0, 3.0]), np.array([3.0, 3.0, 5.0]), 1.0)
    assert forward == pytest.approx(102.0)
    forward = parity_forward(STRIKES, np.array([7.0, 5.0, 3.0]), np.array([3.0, 3.0, 4.0]), 1.0)
    assert forward == pytest.approx(104.0)


def test_parity_forward_when_a_side_is_missing_leaves_the_strike_out():
    forward = parity_forward(STRIKES, np.array([7.0, math.nan, 1.8]), np.array([1.8, 3.4, 6.4]), 1.0)
    assert forward == pytest.approx(105.0 - 4.6)


def test_parity_forward_when_no_strike_has_both_is_nan():
    assert math.isnan(parity_forward(STRIKES, np.full(3, math.nan), np.ones(3), 1.0))
    assert math.isnan(parity_forward(np.zeros(0), np.zeros(0), np.zeros(0), 1.0))
