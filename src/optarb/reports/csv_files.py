"""The tables of a result as CSV files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optarb.errors import ConfigurationError

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

    Raises:
        ConfigurationError: The folder cannot be made or written to.
    """
    folder = Path(folder)
    files = {folder / f"{name}.csv": _csv(frame) for name, frame in frames.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write CSV files to {str(folder)!r}: {error.strerror}; choose a folder that can be written to"
        ) from error
    return tuple(files)


def _csv(frame: DataFrame) -> bytes:
    text: str = _as_text(frame).to_csv(index=frame.index.name is not None, lineterminator="\n", date_format="%Y-%m-%d")
    return text.encode()


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
