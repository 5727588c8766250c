"""From a column's name to the indicator that has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from optarb.errors import ConfigurationError, UnknownName
from optarb.indicators.catalogue import CatalogueIndicator, default_catalogue, families

if TYPE_CHECKING:
    from optarb.indicators.family import Family

__all__ = ["named"]

_COLUMN = re.compile(r"(?P<stem>[a-z][a-z0-9]*(?:_[a-z][a-z0-9]*)*)(?P<numbers>(?:_[0-9]+(?:\.[0-9]+)?)*)")


def named(column: str) -> CatalogueIndicator:
    """Finds the indicator that has a column, with any parameters.

    Args:
        column: Name, such as ``"sma_37"``, ``"macd_signal_12_26_9"`` or ``"bb_upper_20_2.5"``.

    Returns:
        The indicator; ``column`` is one of its columns, letter for letter.

    Raises:
        UnknownName: No family has such a column, or its parameters cannot be had; the message suggests one that can.
    """
    match = _COLUMN.fullmatch(column)
    if column != column.lower():
        raise UnknownName(f"unknown indicator column {column!r}; columns are lower case, such as 'rsi_14'")
    if match is None:
        raise _unknown(column, "")
    family = next((family for family in families().values() if match["stem"] in family.stems), None)
    written = match["numbers"].split("_")[1:]
    if family is None or len(written) != len(family.parameters):
        raise _unknown(column, match["numbers"])
    try:
        found = CatalogueIndicator(family=family.name, parameters=_parsed(family, written))
    except ConfigurationError as error:
        raise UnknownName(f"unknown indicator column {column!r}; {error}") from None
    if column not in found.columns:
        # "sma_037" and "bb_upper_20_2.0" would compute a column of another name than the one that was asked for.
        raise UnknownName.of("indicator column", column, found.columns)
    return found


def _parsed(family: Family, written: list[str]) -> tuple[float, ...]:
    return tuple(
        int(number) if parameter.whole and number.isdigit() else float(number)
        for parameter, number in zip(family.parameters, written, strict=True)
    )


def _unknown(column: str, numbers: str) -> UnknownName:
    """The error for a column of no family; suggests a default column, or a known one with the parameters given."""
    known = {name for indicator in default_catalogue() for name in indicator.columns}
    takes = numbers.count("_")
    known |= {f"{stem}{numbers}" for family in families().values() if takes == len(family.parameters) for stem in family.stems}
    return UnknownName.of("indicator column", column, known)
