"""A row of the catalogue: one formula with its parameters, its seed and where it comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.errors import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Family", "Parameter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a family."""

    name: str
    """Name, such as ``"length"``."""
    least: int = 1
    """Smallest whole number allowed; a real number must be greater than zero instead."""
    whole: bool = True
    """Whether only whole numbers are allowed."""

    def checked(self, value: object) -> float:
        """Returns the value as the catalogue keeps it: an int, or a float for a real number.

        Args:
            value: What was given.

        Raises:
            ConfigurationError: It is no number, not finite, or out of range.
        """
        if self.whole:
            if isinstance(value, int) and not isinstance(value, bool) and value >= self.least:
                return value
            raise ConfigurationError(f"{self.name} must be a whole number of at least {self.least}, got {value!r}")
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0:
            return float(value)
        raise ConfigurationError(f"{self.name} must be a finite number greater than 0, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One formula of the catalogue."""

    name: str
    """Name, such as ``"macd"``."""
    stems: tuple[str, ...]
    """What its columns are called before the parameters, such as ``("macd", "macd_signal", "macd_hist")``."""
    parameters: tuple[Parameter, ...]
    """Its parameters, in the order in which they stand in a column's name."""
    defaults: tuple[tuple[float, ...], ...]
    """Parameters of the indicators in the default catalogue; the first row stands in for parameters left out."""
    warm_up: Callable[..., int]
    """Called with the parameters: rows at the beginning that are NaN in every column."""
    compute: Callable[..., Sequence[NDArray[np.float64]]]
    """Called with more than ``warm_up`` bars and the parameters; gives one new array a stem, of any values before."""
    source: str
    """Formula, seed, what a zero range gives, and who says so."""
    version: int = 1
    """Raised whenever the same bars and parameters would give other numbers."""
    refuse: Callable[..., str | None] = lambda *_: None
    """Called with the parameters: why they do not fit together, or None."""

    def checked(self, values: Sequence[object]) -> tuple[float, ...]:
        """Returns parameters as the catalogue keeps them.

        Args:
            values: One value a parameter.

        Raises:
            ConfigurationError: Too few, too many, out of range, or not fitting together.
        """
        names = ", ".join(parameter.name for parameter in self.parameters)
        if len(values) != len(self.parameters):
            raise ConfigurationError(
                f"indicator {self.name!r} takes {len(self.parameters)} parameters ({names}), got {values!r}"
            )
        try:
            checked = tuple(parameter.checked(value) for parameter, value in zip(self.parameters, values, strict=True))
        except ConfigurationError as error:
            raise ConfigurationError(f"indicator {self.name!r}: {error}") from None
        why = self.refuse(*checked)
        if why is not None:
            raise ConfigurationError(f"indicator {self.name!r}: {why}, got {names} = {checked!r}")
        return checked

    def columns(self, parameters: Sequence[float]) -> tuple[str, ...]:
        """Returns the columns' names for checked parameters, such as ``("sma_37",)``."""
        suffix = "".join(f"_{_written(value)}" for value in parameters)
        return tuple(f"{stem}{suffix}" for stem in self.stems)


def _written(value: float) -> str:
    """Writes a number as it stands in a column's name: ``20``, ``2`` for 2.0, ``1.5``; never with an exponent."""
    return str(int(value)) if value == int(value) else f"{Decimal(repr(value)):f}"
