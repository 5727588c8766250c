from __future__ import annotations

import dataclasses
import hashlib
import mmap
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backtesting.conftest import quotes

from optarb.backtesting.arrow import (
    bars_from_bytes,
    bars_to_bytes,
    chains_from_bytes,
    chains_to_bytes,
    digest_of,
    read,
    write,
)
from optarb.domain.contracts import OptionContract
from optarb.engine.chain_table import clean_quotes
from optarb.testing import FakeCalendar, fake_bars

BARS = ("sessions", "open", "high", "low", "close", "volume")
CHAINS = ("sessions", "offsets", "taken_first", "taken_last", "underlying_prices", "keys", "bids", "asks")

numbers = st.lists(st.floats(width=64), max_size=8).map(lambda values: np.array(values, np.float64))
integers = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=8).map(lambda values: np.array(values, np.int64))


@pytest.fixture
def table():
    return clean_quotes(quotes(), "SPX", FakeCalendar())[0]


def same_columns(one, other, names):
    for name in names:
        left, right = getattr(one, name), getattr(other, name)
        assert left.dtype == right.dtype
        assert left.tobytes() == right.tobytes()


@settings(deadline=None)
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), numbers | integers, min_size=1, max_size=4))
def test_columns_when_written_and_read_then_the_same_bits(columns):
    found, facts = read(write(columns, a=1, b=["x"]))

    assert facts == {"a": 1, "b": ["x"]}
    assert list(found) == list(columns)
    for name, column in columns.items():
        assert found[name].dtype == column.dtype
        assert found[name].tobytes() == column.tobytes()


def test_bars_when_written_and_read_then_the_same():
    bars = fake_bars()
    back = bars_from_bytes(bars_to_bytes(bars))

    assert (back.symbol, back.dates) == ("SPX", bars.dates)
    same_columns(back, bars, BARS)
    assert back.checked() is back


def test_chains_when_written_and_read_then_the_same(table):
    back = chains_from_bytes(chains_to_bytes(table))

    assert (back.symbol, back.modelled, back.roots) == (table.symbol, table.modelled, table.roots)
    same_columns(back, table, CHAINS)
    day = date(2024, 6, 12)
    contract = OptionContract.parse("SPXW240614C05000000")
    assert back.chain(day).quote(contract) == table.chain(day).quote(contract) is not None


def test_chains_when_sizes_are_known_then_written_and_read_too(table):
    sizes = np.arange(len(table.keys), dtype=np.float64)
    whole = dataclasses.replace(table, bid_sizes=sizes, ask_sizes=sizes + 1)
    back = chains_from_bytes(chains_to_bytes(whole))

    assert back.bid_sizes.tolist() == sizes.tolist()
    assert back.ask_sizes.tolist() == (sizes + 1).tolist()
    assert chains_from_bytes(chains_to_bytes(table)).bid_sizes is None


def test_bytes_when_written_again_then_equal(table):
    strided = {name: np.repeat(getattr(fake_bars(), name), 2)[::2] for name in BARS}
    assert bars_to_bytes(type(fake_bars())(symbol="SPX", **strided)) == bars_to_bytes(fake_bars())
    assert chains_to_bytes(chains_from_bytes(chains_to_bytes(table))) == chains_to_bytes(table)
    assert write({"a": np.arange(3)}, x=1, y=2) == write({"a": np.arange(3)}, y=2, x=1)


@pytest.mark.parametrize(
    "other",
    [fake_bars([1.0, 2.0, 3.5]), fake_bars([1.0, 2.0, 3.0], symbol="SPY"), fake_bars([1.0, 2.0, 3.0], last=date(2024, 6, 3))],
)
def test_bytes_when_anything_differs_then_another_digest(other):
    assert digest_of(bars_to_bytes(other)) != digest_of(bars_to_bytes(fake_bars([1.0, 2.0, 3.0])))


def test_digest_when_taken_then_sha_256_of_bytes_or_of_mapped_memory():
    assert digest_of(b"abc") == digest_of(memoryview(b"abc")) == hashlib.sha256(b"abc").hexdigest()


def test_arrays_when_memory_is_mapped_then_they_lie_in_it_and_cannot_be_written(table, tmp_path):
    (tmp_path / "table").write_bytes(chains_to_bytes(table))
    with (tmp_path / "table").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    memory = memoryview(mapped)
    whole = np.frombuffer(memory, np.uint8)
    back = chains_from_bytes(memory)

    for name in CHAINS:
        column = getattr(back, name)
        if name != "sessions":  # dates are counted in another unit and copied
            assert np.shares_memory(column, whole)
            assert not column.flags.writeable
            with pytest.raises(ValueError, match="read-only"):
                column[:1] = 0
    chain = back.chain(date(2024, 6, 12))
    with pytest.raises(ValueError, match="read-only"):
        chain.bids[:] = 0.0
    assert not np.shares_memory(chain.bids, whole)
