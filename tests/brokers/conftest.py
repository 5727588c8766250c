"""Views with hand-made chains, for the simulated broker."""

from __future__ import annotations

from datetime import date

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.orders import OrderIntent, OrderLeg, Purpose
from optarb.testing import fake_chain, fake_view

SESSION, NEXT = date(2024, 6, 3), date(2024, 6, 4)
EXPIRY = date(2024, 6, 28)
CALL, WING = "SPXW240628C05000000", "SPXW240628C05050000"
ROWS = (("C", 5000.0, 100.1, 101.3), ("C", 5050.0, 70.2, 71.0))


@pytest.fixture
def view():
    """Builds a session view on rows of (right, strike, bid, ask)."""

    def make(rows=ROWS, *, session=SESSION, modelled=False, more_chains=None):
        chain = None
        if rows is not None:
            chain = fake_chain([(EXPIRY, *row) for row in rows], session=session, modelled=modelled)
        return fake_view(chain=chain, session=session, more_chains=more_chains).view

    return make


@pytest.fixture
def order():
    """Builds an order of (symbol, quantity) legs."""

    def make(*legs, units=1, limit=None, attempt=1, position_id="20240603.1"):
        return OrderIntent(
            book_id="book",
            position_id=position_id,
            purpose=Purpose.OPEN,
            attempt=attempt,
            units=units,
            limit=limit,
            legs=tuple(OrderLeg(contract=OptionContract.parse(symbol), quantity=quantity) for symbol, quantity in legs),
        )

    return make
