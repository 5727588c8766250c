"""Parquet and CSV files behind one small interface: column names, whole columns, and batches of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from optarb.errors import BadData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from optarb.market_data._files import DataFile

__all__ = ["CsvTable", "ParquetTable", "TableFile"]

_BATCH_ROWS = 262_144


class TableFile(Protocol):
    """A file of rows. Reading raises BadData naming the file."""

    @property
    def file(self) -> DataFile:
        """Where it lies."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """Names of its columns."""
        ...

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Returns whole columns."""
        ...

    def batches(self, columns: Sequence[str], first: int, stop: int) -> Iterator[pa.Table]:
        """Yields columns of rows ``first`` to ``stop`` (exclusive) in pieces, in order."""
        ...


class ParquetTable:
    """A Parquet file, of which only what is asked for is decoded."""

    def __init__(self, file: DataFile, text_columns: Sequence[str]) -> None:
        """Opens a file and reads its footer.

        Args:
            file: The file.
            text_columns: Columns to keep dictionary-encoded, where the file has them.

        Raises:
            BadData: It is absent, truncated or no Parquet file.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.file = file
        try:
            stream = file.filesystem.open_input_file(file.path)
            footer = pq.read_metadata(stream)
            schema = footer.schema.to_arrow_schema()
            encoded = [name for name in text_columns if name in schema.names and _is_text(schema.field(name).type)]
            self._parquet = pq.ParquetFile(stream, metadata=footer, read_dictionary=encoded, pre_buffer=True)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(file, error) from error

    @property
    def names(self) -> Sequence[str]:
        """Names of its columns."""
        names: list[str] = self._parquet.schema_arrow.names
        return names

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Returns whole columns."""
        import pyarrow as pa

        try:
            return self._parquet.read(columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.file, error) from error

    def batches(self, columns: Sequence[str], first: int, stop: int) -> Iterator[pa.Table]:
        """Yields columns of rows ``first`` to ``stop`` in pieces; row groups outside are not decoded."""
        import pyarrow as pa

        metadata = self._parquet.metadata
        groups, row, skipped = [], 0, 0
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if row + rows <= first:
                skipped += rows
            elif row < stop:
                groups.append(group)
            row += rows
        row = skipped
        try:
            for batch in self._parquet.iter_batches(_BATCH_ROWS, row_groups=groups, columns=list(columns)):
                low, high = max(first - row, 0), min(stop - row, len(batch))
                row += len(batch)
                if low < high:
                    yield pa.Table.from_batches([batch.slice(low, high - low)])
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.file, error) from error


class CsvTable:
    """A CSV file with a header, parsed whole."""

    def __init__(self, file: DataFile, text_columns: Sequence[str]) -> None:
        """Parses a file.

        Args:
            file: The file.
            text_columns: Columns to read as text, where the file has them.

        Raises:
            BadData: It is absent, empty or no CSV file.
        """
        import pyarrow as pa
        from pyarrow import csv

        self.file = file
        encoded = pa.dictionary(pa.int32(), pa.string())
        options = csv.ConvertOptions(column_types=dict.fromkeys(text_columns, encoded))
        try:
            with file.filesystem.open_input_stream(file.path) as stream:
                self._table: Any = csv.read_csv(stream, convert_options=options)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(file, error) from error

    @property
    def names(self) -> Sequence[str]:
        """Names of its columns."""
        names: list[str] = self._table.column_names
        return names

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Returns whole columns."""
        return self._table.select(list(columns))

    def batches(self, columns: Sequence[str], first: int, stop: int) -> Iterator[pa.Table]:
        """Yields columns of rows ``first`` to ``stop`` in pieces."""
        chosen = self._table.select(list(columns))
        for start in range(first, stop, _BATCH_ROWS):
            yield chosen.slice(start, min(_BATCH_ROWS, stop - start))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _unreadable(file: DataFile, error: Exception) -> BadData:
    return BadData(f"cannot read {file}: {error}")
