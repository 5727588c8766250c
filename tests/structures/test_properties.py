"""What holds of every structure on any chain: legs are quoted, sold ones have bids, ratios and strikes are as named."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.domain.contracts import Right
from optarb.domain.legs import NoFit
from optarb.structures import (
    Box,
    Butterfly,
    Calendar,
    Condor,
    Diagonal,
    IronButterfly,
    IronCondor,
    RatioSpread,
    Straddle,
    Strangle,
    Vertical,
)

SESSION = date(2019, 5, 1)
AT = {"dte": 30, "moneyness": 1.0}
AROUND = {"dte": 30, "distance": 0.02}
CALL, PUT = Right.CALL, Right.PUT

SHAPES = {
    # Ratios in the order of expiry, then strike, then put before call; the last word says which neighbours share a strike.
    Straddle(**AT): ("P+1 C+1", "="),
    Straddle(**AT, credit=True): ("P-1 C-1", "="),
    Strangle(**AROUND): ("P+1 C+1", "<"),
    Strangle(**AROUND, credit=True): ("P-1 C-1", "<"),
    Vertical(right=CALL, **AT, width=20): ("C+1 C-1", "<"),
    Vertical(right=PUT, **AT, width=20, credit=True): ("P+1 P-1", "<"),
    Butterfly(right=CALL, **AT, width=20): ("C+1 C-2 C+1", "<<"),
    Butterfly(right=PUT, **AT, width_strikes=2, credit=True): ("P-1 P+2 P-1", "<<"),
    IronButterfly(**AT, width=20): ("P+1 P-1 C-1 C+1", "<=<"),
    IronButterfly(**AT, width_strikes=1, credit=False): ("P-1 P+1 C+1 C-1", "<=<"),
    Condor(right=CALL, **AROUND, width=20): ("C+1 C-1 C-1 C+1", "<<<"),
    Condor(right=PUT, **AROUND, width_strikes=1, credit=True): ("P-1 P+1 P+1 P-1", "<<<"),
    IronCondor(**AROUND, width=20): ("P+1 P-1 C-1 C+1", "<<<"),
    IronCondor(**AROUND, width_strikes=2, credit=False): ("P-1 P+1 C+1 C-1", "<<<"),
    RatioSpread(right=CALL, **AT, width=20): ("C+1 C-2", "<"),
    RatioSpread(right=PUT, **AT, width=20, far_quantity=3, backspread=True): ("P+3 P-1", "<"),
    Box(**AT, width=20): ("P-1 C+1 P+1 C-1", "=<="),
    Calendar(right=CALL, **AT): ("C-1 C+1", "="),
    Calendar(right=PUT, **AT, credit=True): ("P+1 P-1", "="),
    Diagonal(right=CALL, **AT, width=20): ("C-1 C+1", ">"),
    Diagonal(right=PUT, **AT, width=20): ("P-1 P+1", "<"),
}

quotes = st.tuples(
    st.sampled_from([7, 30, 58]),  # days to expiry
    st.sampled_from("CP"),
    st.integers(139, 151).map(lambda step: 20 * step),
    st.sampled_from([0.0, 0.05, 3.0]),
)


def shape(legs):
    words = " ".join(f"{leg.contract.right}{leg.ratio:+d}" for leg in legs)
    strikes = [leg.contract.strike for leg in legs]
    return words, "".join("=" if one == two else "<" if one < two else ">" for one, two in pairwise(strikes))


@pytest.mark.parametrize("structure", SHAPES, ids=str)
@settings(max_examples=50)
@given(
    rows=st.lists(quotes, min_size=1, max_size=60, unique_by=lambda row: row[:3]),
    price=st.integers(2750, 3050).map(float),
)
def test_structure_when_any_chain_is_given_has_its_shape_or_a_reason(structure, rows, price, make_chain):
    chain = make_chain(
        [("SPXW", SESSION + timedelta(days=days), right, strike, bid, bid + 0.1) for days, right, strike, bid in rows],
        price=price,
    )
    chosen = structure.choose({"SPX": chain}, "SPX")
    if isinstance(chosen, NoFit):
        assert chosen.reason
        return
    quoted = [chain.quote(leg.contract) for leg in chosen]
    assert None not in quoted
    assert all(quote.bid > 0 for quote, leg in zip(quoted, chosen, strict=True) if leg.ratio < 0)
    assert [leg.ratio < 0 for leg in chosen] == sorted(leg.ratio < 0 for leg in chosen)
    ordered = sorted(chosen, key=lambda leg: (leg.contract.expiry, leg.contract.strike, leg.contract.right is CALL))
    assert shape(ordered) == SHAPES[structure]
    assert len({leg.contract.expiry for leg in chosen}) == (2 if isinstance(structure, Calendar | Diagonal) else 1)


@pytest.mark.parametrize("structure", SHAPES, ids=str)
def test_structure_when_the_chain_is_full_fits(structure, make_chain, flat_rows):
    strikes = range(2750, 3055, 10)
    rows = [row for days in (30, 60) for row in flat_rows(strikes, expiry=SESSION + timedelta(days=days))]
    assert not isinstance(structure.choose({"SPX": make_chain(rows, price=2900.0)}, "SPX"), NoFit)
