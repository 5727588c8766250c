"""Chains for the structures, made row by row."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optarb.domain.contract_keys import pack_keys
from optarb.domain.quotes import Chain


@pytest.fixture(scope="session")
def make_chain():
    """Builds a chain from rows of (root, expiry, "C" or "P", strike, bid, ask)."""

    def build(rows, *, symbol="SPX", session=date(2019, 5, 1), price=math.nan, taken_at=None):
        roots = tuple(sorted({row[0] for row in rows}))
        keys = pack_keys(
            np.array([roots.index(row[0]) for row in rows], np.int64),
            np.array([row[1] for row in rows], "datetime64[D]"),
            np.array([row[2] == "C" for row in rows], np.bool_),
            np.array([row[3] for row in rows], np.float64),
        )
        order = np.argsort(keys)
        return Chain(
            symbol=symbol,
            session=session,
            taken_at=taken_at or datetime(2019, 5, 1, 20, 0, tzinfo=UTC),
            modelled=False,
            underlying_price=price,
            roots=roots,
            keys=keys[order],
            bids=np.array([row[4] for row in rows], np.float64)[order],
            asks=np.array([row[5] for row in rows], np.float64)[order],
        )

    return build


@pytest.fixture(scope="session")
def vollib_rows():
    """Rows of one expiry priced by vollib's Black-76 at one volatility, with a spread of 0.02."""
    from vollib.black import black

    def rows(root, expiry, strikes, *, forward, volatility, session=date(2019, 5, 1), rate=0.0):
        tau = (expiry - session).days / 365
        made = []
        for right in "CP":
            for strike in strikes:
                price = black(right.lower(), forward, strike, tau, rate, volatility)
                made.append((root, expiry, right, strike, max(price - 0.01, 0.0), price + 0.01))
        return made

    return rows
