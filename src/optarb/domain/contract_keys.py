"""Option contracts packed into int64, so that a chain sorts and searches as one column.

From the high bits down: root index (8), expiry in days since 1970 (16), put flag (1), strike in thousandths (27).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optarb.domain.contracts import OptionContract, Right

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "KeyColumns",
    "KeySlice",
    "key_slices",
    "pack_key",
    "pack_keys",
    "renumber_roots",
    "strike_thousandths",
    "unpack_key",
]

_STRIKE_BITS = 27
_RIGHT_SHIFT = _STRIKE_BITS
_EXPIRY_SHIFT = _RIGHT_SHIFT + 1
_ROOT_SHIFT = _EXPIRY_SHIFT + 16
_STRIKE_MASK = (1 << _STRIKE_BITS) - 1
_EPOCH = np.datetime64("1970-01-01", "D")
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class KeyColumns(NamedTuple):
    """Columns of unpacked keys, one entry a contract."""

    root_indices: NDArray[np.int64]
    """Index into the root table."""
    expiries: NDArray[np.datetime64]
    """Expiry dates, ``datetime64[D]``."""
    calls: NDArray[np.bool_]
    """True for calls."""
    thousandths: NDArray[np.int64]
    """Strikes in 1/1,000 dollar."""

    @property
    def strikes(self) -> NDArray[np.float64]:
        """Strikes in dollars."""
        return self.thousandths / 1000.0


class KeySlice(NamedTuple):
    """Where the contracts of one root, expiry and right lie among sorted keys."""

    root_index: int
    """Index into the root table."""
    expiry: int
    """Expiry date as a proleptic ordinal, see :meth:`datetime.date.toordinal`."""
    call: bool
    """True for calls."""
    rows: slice
    """Their rows, strikes ascending."""


def pack_key(root_index: int, contract: OptionContract) -> int:
    """Packs one contract.

    Args:
        root_index: Where the contract's root stands in the root table.
        contract: The contract.
    """
    return root_index << _ROOT_SHIFT | _rootless_key(contract)


@lru_cache(maxsize=8192)
def _rootless_key(contract: OptionContract) -> int:
    days = contract.expiry.toordinal() - _EPOCH_ORDINAL
    put = contract.right is Right.PUT
    return days << _EXPIRY_SHIFT | put << _RIGHT_SHIFT | int(contract.strike * 1000)


def pack_keys(
    root_indices: NDArray[np.int64],
    expiries: NDArray[np.datetime64],
    calls: NDArray[np.bool_],
    strikes: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Packs columns of contracts.

    Args:
        root_indices: Index into the root table, 0..255.
        expiries: Expiry dates.
        calls: True for calls.
        strikes: Strikes in dollars, rounded here to 1/1,000.
    """
    days = (expiries.astype("datetime64[D]") - _EPOCH).astype(np.int64)
    thousandths = np.rint(strikes * 1000.0).astype(np.int64)
    packed = root_indices.astype(np.int64) << _ROOT_SHIFT
    packed |= days << _EXPIRY_SHIFT
    packed |= (~calls).astype(np.int64) << _RIGHT_SHIFT
    packed |= thousandths
    return packed


def unpack_key(keys: NDArray[np.int64]) -> KeyColumns:
    """Unpacks keys made by :func:`pack_keys` with the same root table."""
    days = (keys >> _EXPIRY_SHIFT) & 0xFFFF
    return KeyColumns(
        root_indices=keys >> _ROOT_SHIFT,
        expiries=_EPOCH + days.astype("timedelta64[D]"),
        calls=(keys >> _RIGHT_SHIFT & 1) == 0,
        thousandths=strike_thousandths(keys),
    )


def strike_thousandths(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the strikes of keys in 1/1,000 dollar."""
    return keys & _STRIKE_MASK


def key_slices(keys: NDArray[np.int64]) -> tuple[KeySlice, ...]:
    """Finds the runs of one root, expiry and right in sorted keys, in their order: by root, expiry, calls before puts.

    Args:
        keys: Keys made by :func:`pack_keys` with one root table, ascending.
    """
    if not len(keys):
        return ()
    heads = keys >> _STRIKE_BITS
    starts = [0, *((heads[1:] != heads[:-1]).nonzero()[0] + 1).tolist()]
    return tuple(
        KeySlice(head >> _ROOT_SHIFT - _STRIKE_BITS, (head >> 1 & 0xFFFF) + _EPOCH_ORDINAL, not head & 1, slice(start, stop))
        for head, start, stop in zip(heads[starts].tolist(), starts, (*starts[1:], len(keys)), strict=True)
    )


def renumber_roots(keys: NDArray[np.int64], new_indices: Sequence[int]) -> NDArray[np.int64]:
    """Rewrites keys for another root table; order within a session is kept if the root's order is.

    Args:
        keys: Keys of the old table.
        new_indices: For each old root index the new one.
    """
    indices: NDArray[np.int64] = np.array([*new_indices, 0], dtype=np.int64)[keys >> _ROOT_SHIFT]
    return indices << _ROOT_SHIFT | keys & ((1 << _ROOT_SHIFT) - 1)
