"""Chains for the structures, made row by row."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest

from optarb.domain.contract_keys import pack_keys
from optarb.domain.legs import NoFit
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


@pytest.fixture(scope="session")
def legs():
    """Lets a structure choose on a chain, and tells its legs as (ratio, right, strike)."""

    def chosen(structure, chain, underlying="SPX"):
        answer = structure.choose({underlying: chain}, underlying)
        assert not isinstance(answer, NoFit), answer
        return [(leg.ratio, leg.contract.right.value, float(leg.contract.strike)) for leg in answer]

    return chosen


@pytest.fixture(scope="session")
def reason():
    """Lets a structure choose on a chain where nothing fits, and tells why."""

    def why(structure, chain, underlying="SPX"):
        answer = structure.choose({underlying: chain}, underlying)
        assert isinstance(answer, NoFit), answer
        return answer.reason

    return why


@pytest.fixture(scope="session")
def flat_rows():
    """Rows of one expiry, all at one bid, so that only where strikes stand decides."""

    def rows(strikes=(2800, 2850, 2900, 2950, 3000), *, bid=10.0, rights="CP", expiry=date(2019, 5, 31), root="SPXW"):
        return [(root, expiry, right, strike, bid, bid + 0.2) for right in rights for strike in strikes]

    return rows
