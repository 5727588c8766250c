"""The catalogue: every family, and an indicator made of a family and its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from optarb.errors import UnknownName
from optarb.indicators import _averages, _candles, _momentum, _regime, _trend, _volatility, _volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.bars import Bars
    from optarb.indicators.family import Family

__all__ = ["CatalogueIndicator", "default_catalogue", "families"]

_GROUPS = (_averages, _trend, _momentum, _volatility, _volume, _candles, _regime)

_FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for group in _GROUPS for family in group.FAMILIES})


def families() -> Mapping[str, Family]:
    """Returns every family of the catalogue by name, read-only."""
    return _FAMILIES


@dataclass(frozen=True, kw_only=True)
class CatalogueIndicator:
    """A family of the catalogue with its parameters: a causal computation on bars.

    Every column is NaN in the first ``warm_up`` rows and finite from there on, for bars that pass
    :meth:`~optarb.domain.bars.Bars.checked`. Nothing is cached.

    Raises:
        UnknownName: No family has that name.
        ConfigurationError: The parameters are too few, too many, out of range or do not fit together.
    """

    family: str
    """Name of the family, such as ``"rsi"``."""
    parameters: tuple[float, ...]
    """Its parameters in the family's order, such as ``(14,)``; whole numbers as int, real ones kept as float."""

    def __post_init__(self) -> None:
        # Kept in one form, so that equal indicators have equal fields wherever they are written down.
        object.__setattr__(self, "parameters", _family(self.family).checked(self.parameters))

    @classmethod
    def of(cls, family: str, **parameters: float) -> CatalogueIndicator:
        """Builds an indicator with its parameters named.

        Args:
            family: Name of the family.
            **parameters: Its parameters; those left out are the first row of its defaults.

        Raises:
            UnknownName: No family, or no parameter of it, has that name.
            ConfigurationError: A value is out of range, or the values do not fit together.
        """
        row = _family(family)
        chosen = dict(zip((parameter.name for parameter in row.parameters), row.defaults[0], strict=True))
        for name in parameters:
            if name not in chosen:
                raise UnknownName.of(f"parameter of indicator {family!r}", name, chosen)
        return cls(family=family, parameters=tuple((chosen | parameters).values()))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, such as ``("rsi_14",)``."""
        return _family(self.family).columns(self.parameters)

    @property
    def warm_up(self) -> int:
        """Rows at the beginning that are NaN in every column."""
        return _family(self.family).warm_up(*self.parameters)

    @property
    def source(self) -> str:
        """Formula, seed, what a zero range gives, and who says so."""
        return _family(self.family).source

    @property
    def version(self) -> int:
        """Raised whenever the same bars and parameters would give other numbers."""
        return _family(self.family).version

    def compute(self, bars: Bars) -> Mapping[str, NDArray[np.float64]]:
        """Computes every column over all bars.

        Args:
            bars: ``n`` bars of one symbol, oldest first, that pass :meth:`~optarb.domain.bars.Bars.checked`; 0 or more.

        Returns:
            For each column a new float64 array of shape ``(n,)``: NaN in the first ``warm_up`` rows, all NaN if there
            are no more. Row ``i`` depends on bars ``0..i`` alone, to the last bit.
        """
        warm_up, n = self.warm_up, len(bars)
        if n <= warm_up:
            return {column: np.full(n, np.nan) for column in self.columns}
        arrays = _family(self.family).compute(bars, *self.parameters)
        for array in arrays:
            array[:warm_up] = np.nan
        return dict(zip(self.columns, arrays, strict=True))


def default_catalogue() -> tuple[CatalogueIndicator, ...]:
    """Returns the indicators that are there without being asked for, family by family."""
    return tuple(
        CatalogueIndicator(family=family.name, parameters=parameters)
        for family in _FAMILIES.values()
        for parameters in family.defaults
    )


def _family(name: str) -> Family:
    found = _FAMILIES.get(name)
    if found is None:
        raise UnknownName.of("indicator", name, _FAMILIES)
    return found
