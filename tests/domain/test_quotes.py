from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from optarb.domain.contract_keys import pack_keys
from optarb.domain.contracts import OptionContract
from optarb.domain.quotes import Chain, Quote

SESSION, NEAR, FAR = date(2018, 1, 17), date(2018, 1, 31), date(2018, 2, 16)
AT = datetime(2018, 1, 17, 21, tzinfo=UTC)
ROWS = [
    ("SPX", FAR, "C", 2800.0, 21.3, 21.9),
    ("SPX", FAR, "P", 2800.0, 30.1, 30.9),
    ("SPXW", NEAR, "C", 2790.0, 0.15, 0.25),
    ("SPXW", NEAR, "C", 2800.5, 0.0, 0.05),
    ("SPXW", NEAR, "P", 2790.0, 7.0, 7.3),
]


def chain_of(rows=ROWS, **fields):
    roots = tuple(sorted({row[0] for row in rows}))
    return Chain(
        symbol="SPX",
        session=SESSION,
        taken_at=AT,
        modelled=fields.pop("modelled", False),
        underlying_price=2802.56,
        roots=roots,
        keys=pack_keys(
            np.array([roots.index(row[0]) for row in rows], np.int64),
            np.array([row[1] for row in rows], "datetime64[D]"),
            np.array([row[2] == "C" for row in rows], np.bool_),
            np.array([row[3] for row in rows], np.float64),
        ),
        bids=np.array([row[4] for row in rows], np.float64),
        asks=np.array([row[5] for row in rows], np.float64),
    )


def test_columns_when_read_then_those_of_the_rows():
    chain = chain_of()

    assert len(chain) == 5
    assert chain.root_names == ("SPX", "SPXW")
    assert chain.roots.tolist() == [row[0] for row in ROWS]
    assert chain.expiries.tolist() == [row[1] for row in ROWS]
    assert chain.calls.tolist() == [row[2] == "C" for row in ROWS]
    assert chain.strikes.tolist() == [row[3] for row in ROWS]
    assert chain.bids.tolist() == [row[4] for row in ROWS]
    assert chain.asks.tolist() == [row[5] for row in ROWS]


def test_contract_and_quote_when_asked_row_by_row_then_as_written():
    chain = chain_of()
    symbols = [
        "SPX180216C02800000",
        "SPX180216P02800000",
        "SPXW180131C02790000",
        "SPXW180131C02800500",
        "SPXW180131P02790000",
    ]

    assert [chain.contract(row).symbol for row in range(5)] == symbols
    for symbol, row in zip(symbols, ROWS, strict=True):
        quote = chain.quote(OptionContract.parse(symbol))
        assert quote == Quote(
            contract=OptionContract.parse(symbol),
            bid=Decimal(str(row[4])),
            ask=Decimal(str(row[5])),
            taken_at=AT,
            modelled=False,
        )


@pytest.mark.parametrize(
    "symbol",
    [
        "SPX180131C02790000",  # another root
        "XSP180131C02790000",  # a root that the chain has not
        "SPXW180201C02790000",  # another expiry
        "SPXW180131C02790001",  # another strike
        "SPXW180131P02800500",  # the other right
        "SPX180115C00000001",  # before the first row
        "SPXW990131P02790000",  # after the last row
    ],
)
def test_quote_when_the_chain_has_none_then_none(symbol):
    assert chain_of().quote(OptionContract.parse(symbol)) is None


def test_quote_when_chain_is_empty_then_none():
    chain = chain_of([])
    assert len(chain) == 0
    assert chain.quote(OptionContract.parse("SPX180216C02800000")) is None


def test_quote_when_mid_and_spread_are_read_then_exact():
    quote = chain_of().quote(OptionContract.parse("SPXW180131C02790000"))
    assert (quote.mid, quote.spread) == (Decimal("0.2"), Decimal("0.1"))


def test_arrays_when_written_to_then_refused_and_quotes_stay():
    chain = chain_of()
    for array in (chain.bids, chain.asks, chain.expiries, chain.calls, chain.roots):
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = array[1:2]

    assert chain.quote(chain.contract(2)).bid == Decimal("0.15")
    assert chain.bids.base is None
    assert chain.asks.base is None


@pytest.mark.parametrize(("modelled", "word"), [(True, "modelled"), (False, "quoted")])
def test_repr_when_printed_then_symbol_session_count_and_kind(modelled, word):
    assert repr(chain_of(modelled=modelled)) == f"Chain('SPX', 2018-01-17, 5 {word} contracts)"
