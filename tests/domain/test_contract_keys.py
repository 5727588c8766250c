from __future__ import annotations

from datetime import date
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optarb.domain.contract_keys import pack_key, pack_keys, renumber_roots, unpack_key
from optarb.domain.contracts import OptionContract, Right

ROOTS = ("ABC", "SPX", "SPXW", "XSP")

rows = st.tuples(
    st.integers(0, 255),
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(Right),
    st.integers(1, 99_999_999),
)


def packed(chosen):
    return pack_keys(
        np.array([row[0] for row in chosen], np.int64),
        np.array([row[1] for row in chosen], "datetime64[D]"),
        np.array([row[2] is Right.CALL for row in chosen], np.bool_),
        np.array([row[3] / 1000 for row in chosen], np.float64),
    )


@settings(deadline=None)
@given(st.lists(rows, min_size=1, max_size=20))
def test_keys_when_unpacked_then_the_columns_that_were_packed(chosen):
    columns = unpack_key(packed(chosen))

    assert columns.root_indices.tolist() == [row[0] for row in chosen]
    assert columns.expiries.tolist() == [row[1] for row in chosen]
    assert columns.calls.tolist() == [row[2] is Right.CALL for row in chosen]
    assert columns.thousandths.tolist() == [row[3] for row in chosen]
    assert columns.strikes.tolist() == [row[3] / 1000 for row in chosen]


@settings(deadline=None)
@given(st.lists(rows, min_size=2, max_size=20))
def test_keys_when_sorted_then_by_root_expiry_right_and_strike(chosen):
    order = np.argsort(packed(chosen), kind="stable")

    assert [chosen[i] for i in order] == sorted(chosen, key=lambda row: (row[0], row[1], row[2] is Right.PUT, row[3]))
    assert (packed(chosen) > 0).all()


@settings(deadline=None)
@given(rows)
def test_pack_key_when_one_contract_then_the_key_of_the_columns(row):
    contract = OptionContract(root="SPX", expiry=row[1], right=row[2], strike=Decimal(row[3]).scaleb(-3))
    assert pack_key(row[0], contract) == packed([row])[0]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(ROOTS) - 1), st.integers(0, 2**44 - 1)), min_size=1, max_size=20))
def test_renumber_roots_when_the_table_grows_then_only_the_root_changes(chosen):
    keys = np.array([root << 44 | rest for root, rest in chosen], np.int64)
    larger = ("AAA", *ROOTS)

    moved = renumber_roots(keys, [larger.index(root) for root in ROOTS])

    assert moved.tolist() == [(root + 1) << 44 | rest for root, rest in chosen]
    assert np.array_equal(np.argsort(moved, kind="stable"), np.argsort(keys, kind="stable"))


def test_renumber_roots_when_there_are_no_rows_then_none():
    assert renumber_roots(np.empty(0, np.int64), []).tolist() == []
