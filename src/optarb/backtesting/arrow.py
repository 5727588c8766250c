"""Columns as Arrow bytes that can be mapped: one record batch with a single row of lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.domain.bars import Bars
from optarb.engine.chain_table import ChainTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bars_from_bytes", "bars_to_bytes", "chains_from_bytes", "chains_to_bytes", "digest_of", "read", "write"]

_BAR_COLUMNS = ("sessions", "open", "high", "low", "close", "volume")
_CHAIN_COLUMNS = ("sessions", "offsets", "taken_first", "taken_last", "underlying_prices", "keys", "bids", "asks")
_SIZE_COLUMNS = ("bid_sizes", "ask_sizes")
"""Written where the source has them."""


def digest_of(value: bytes | memoryview) -> str:
    """Returns the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(value).hexdigest()


def write(columns: Mapping[str, NDArray[Any]], **facts: Any) -> bytes:
    """Writes named arrays of any lengths, with JSON facts beside them. Equal columns give equal bytes.

    Args:
        columns: One-dimensional arrays; dates are written as days since 1970.
        **facts: JSON values.
    """
    import pyarrow as pa

    arrays = []
    for column in columns.values():
        plain = column.astype("datetime64[D]").astype(np.int64) if column.dtype.kind == "M" else column
        values = pa.array(np.ascontiguousarray(plain))
        arrays.append(pa.ListArray.from_arrays(pa.array([0, len(plain)], pa.int32()), values))
    metadata = {b"facts": json.dumps(facts, sort_keys=True).encode()}
    schema = pa.schema([pa.field(name, array.type) for name, array in zip(columns, arrays, strict=True)], metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch(arrays, schema=schema))
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read(value: bytes | memoryview) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Reads arrays and facts back; the arrays lie in the given memory and cannot be written to."""
    import pyarrow as pa

    batch = pa.ipc.open_file(pa.py_buffer(value)).get_batch(0)
    columns = {name: batch.column(name).values.to_numpy(zero_copy_only=True) for name in batch.schema.names}
    return columns, json.loads((batch.schema.metadata or {})[b"facts"])


def bars_to_bytes(bars: Bars) -> bytes:
    """Writes bars."""
    return write({name: getattr(bars, name) for name in _BAR_COLUMNS}, symbol=bars.symbol)


def bars_from_bytes(value: bytes | memoryview) -> Bars:
    """Reads bars back."""
    columns, facts = read(value)
    columns["sessions"] = columns["sessions"].astype("datetime64[D]")
    return Bars(symbol=facts["symbol"], **columns)


def chains_to_bytes(table: ChainTable) -> bytes:
    """Writes a chain table."""
    columns = {name: getattr(table, name) for name in _CHAIN_COLUMNS}
    columns |= {name: sizes for name in _SIZE_COLUMNS if (sizes := getattr(table, name)) is not None}
    return write(columns, symbol=table.symbol, modelled=table.modelled, roots=table.roots)


def chains_from_bytes(value: bytes | memoryview) -> ChainTable:
    """Reads a chain table back."""
    columns, facts = read(value)
    columns["sessions"] = columns["sessions"].astype("datetime64[D]")
    return ChainTable(symbol=facts["symbol"], modelled=facts["modelled"], roots=tuple(facts["roots"]), **columns)
