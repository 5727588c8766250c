"""What a structure chooses: contracts with signed ratios, or a reason why nothing fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from optarb.domain.contracts import OptionContract
from optarb.domain.quotes import Chain

__all__ = ["Leg", "NoFit", "Structure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One contract of a structure.

    Raises:
        ValueError: ``ratio`` is zero.
    """

    contract: OptionContract
    """The contract."""
    ratio: int
    """Contracts for each unit of the structure: positive bought, negative sold."""

    def __post_init__(self) -> None:
        ratio: object = self.ratio
        if not isinstance(ratio, int) or isinstance(ratio, bool) or ratio == 0:
            msg = f"a leg's ratio must be a whole number other than 0, got {ratio!r} ({self.contract})"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFit:
    """Why a structure found no contracts on a chain."""

    reason: str
    """In words, with the numbers: what was sought, what was there."""


@runtime_checkable
class Structure(Protocol):
    """How a direction becomes contracts: a pure function of one or more chains."""

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:
        """Picks the legs for one unit.

        Called once per signal. Must be pure: equal chains give equal legs.

        Args:
            chains: The chains of this instant by underlying symbol; a symbol without quotes is absent.
            underlying: Symbol the signal is about; a structure over several underlyings names the others in its fields.

        Returns:
            One or more legs of distinct contracts, or why none fits.
        """
        ...
