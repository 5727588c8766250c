"""Answers of components in a form that is compared bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Answer", "Answers", "ModelSeen", "Rows", "differing", "raised", "rows_through", "shown"]

Answer = Mapping[str, object]
"""Text, numbers, :class:`Rows` or None by field; empty for no answer. An error is the field ``raised``."""
Answers = dict[date, Answer]
"""Answers by session."""

_ABSENT = "nothing"
_SHOWN = 60
"""Characters of a text that are shown."""


class Rows(NamedTuple):
    """A column through one row: the value there, and what tells every row before it apart."""

    last: str
    digest: str


class ModelSeen(NamedTuple):
    """A trained model: its cut-off and what tells its bytes apart."""

    cutoff: date
    digest: str


def rows_through(column: NDArray[np.float64], row: int) -> Rows:
    """Returns what a column says through a row; any NaN is equal to any other.

    Args:
        column: Values, oldest first.
        row: The last row.
    """
    part = column[: row + 1]
    bits = np.where(np.isnan(part), np.nan, part).tobytes()
    return Rows(repr(float(part[-1])), hashlib.sha256(bits).hexdigest())


def raised(error: Exception) -> Answer:
    """Returns the answer of a component that raised."""
    return {"raised": f"{type(error).__name__}: {error}"}


def differing(expected: Answer, got: Answer) -> list[str]:
    """Names the fields that differ, in their order.

    Args:
        expected: One answer.
        got: The other.
    """
    return [name for name in {**expected, **got} if not _same(expected.get(name, _ABSENT), got.get(name, _ABSENT))]


def _same(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return left.hex() == right.hex()  # tells 0.0 from -0.0, and NaN is NaN
    return type(left) is type(right) and left == right


def shown(expected: Answer, got: Answer, field: str) -> tuple[str, str]:
    """Writes the two values of a field that differ; of long texts the place where they do."""
    left, right = (_text(answer.get(field, _ABSENT)) for answer in (expected, got))
    if len(left) <= _SHOWN and len(right) <= _SHOWN:
        return left, right
    same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = max(same - _SHOWN // 3, 0)
    cut = [f"{'...' if start else ''}{text[start : start + _SHOWN]}" for text in (left, right)]
    return cut[0], cut[1]


def _text(value: object) -> str:
    if isinstance(value, Rows):
        return value.last
    if isinstance(value, ModelSeen):
        return f"cut-off {value.cutoff}, SHA-256 {value.digest[:12]}"
    return value if isinstance(value, str) else repr(value)
