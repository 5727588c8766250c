"""A copy that is overtaken between two looks at the store must not put an old book on a new parent."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest
from tests.acceptance import small_desk, two_years
from tests.acceptance.test_digest import ready_to_trade, silent

import optarb
from optarb.backtesting.close import close_book
from optarb.backtesting.trade import trade_blocks

OTHER_COPY = {"turns": 0}


@dataclass(frozen=True, kw_only=True)
class OvertakenStore:
    """Lets another copy commit a block right after each look at the newest checkpoint."""

    inner: optarb.SqlStore

    def checkpoint(self, book_id, phase):
        seen = self.inner.checkpoint(book_id, phase)
        if phase == "trade" and OTHER_COPY["turns"]:
            OTHER_COPY["turns"] -= 1
            trade_blocks(OTHER_COPY["context"], 0.0, silent)
        return seen

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)


@pytest.mark.parametrize("turns", [1, 2, 3, 4, 5, 6])
def test_trade_blocks_when_overtaken_while_reading_where_it_stands_then_one_ledger(two_year_files, tmp_path, reference, turns):
    """Book and parent must come from one look: an old book on a new parent would be accepted."""
    plain = optarb.SqlStore(url=f"sqlite:///{tmp_path}/books.db")
    with two_years.desk(two_year_files, tmp_path, store=OvertakenStore(inner=plain)) as desk:
        context = ready_to_trade(desk, execution=optarb.ExecutionSpec(block_sessions=20))
        OTHER_COPY["context"] = dataclasses.replace(context, desk=dataclasses.replace(desk, store=plain))
        OTHER_COPY["turns"] = turns
        try:
            assert trade_blocks(context, None, silent)
        finally:
            OTHER_COPY.update(turns=0, context=None)
        close_book(context)
        ledger = small_desk.ledger(plain, "mine")

    assert ledger == reference[1]
