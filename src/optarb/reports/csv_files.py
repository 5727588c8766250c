"""The tables of a result as CSV files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["write_csv_files"]


def write_csv_files(folder: str | Path, frames: Mapping[str, DataFrame]) -> tuple[Path, ...]:
    """Writes each frame as ``<name>.csv``. Equal frames give equal bytes, on every platform.

    Args:
        folder: Made if it does not exist. Files of these names in it are replaced, others stay.
        frames: Frames by name; an index that has a name becomes the first column.

    Returns:
        The files, in the order of the frames.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in frames.items():
        path = folder / f"{name}.csv"
        text = _as_text(frame).to_csv(index=frame.index.name is not None, lineterminator="\n", date_format="%Y-%m-%d")
        path.write_bytes(text.encode())
        written.append(path)
    return tuple(written)


def _as_text(frame: DataFrame) -> DataFrame:
    """Turns instants into ISO text and nested values into JSON, so that both can be read back."""
    from pandas import isna

    changed: dict[str, Any] = {}
    for name, column in frame.items():
        if getattr(column.dtype, "tz", None) is not None:
            changed[str(name)] = [None if isna(value) else value.isoformat() for value in column]
        elif column.dtype == object:
            changed[str(name)] = [_json(value) for value in column]
    return frame.assign(**changed)


def _json(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
