"""Option quotes: one contract's quote, and a whole chain at one instant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb.domain.contract_keys import KeyColumns, KeySlice, key_slices, pack_key, strike_thousandths, unpack_key
from optarb.domain.contracts import OptionContract, Right
from optarb.domain.money import price

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Chain", "Quote"]

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Bid and ask of one contract at one instant."""

    contract: OptionContract
    """What is quoted."""
    bid: Decimal
    """Best bid, dollars per share; zero is a real bid of nothing."""
    ask: Decimal
    """Best ask, dollars per share, positive."""
    taken_at: datetime | None
    """When the quote was taken, aware UTC; None if the source does not know."""
    modelled: bool
    """True if the quote was computed from a model instead of quoted by a market."""
    bid_size: int | None = None
    """Contracts bid for, zero or more; None if the source does not know."""
    ask_size: int | None = None
    """Contracts offered, zero or more; None if the source does not know."""

    @property
    def mid(self) -> Decimal:
        """The mean of bid and ask."""
        return (self.bid + self.ask) / 2

    @property
    def spread(self) -> Decimal:
        """Ask less bid."""
        return self.ask - self.bid


class Chain:
    """All usable quotes of one underlying at one instant, as columns sorted by root, expiry, right and strike.

    Rows that are crossed, negative, expired or unquoted never get here. Arrays are read-only copies made on first use: nothing
    that a caller reads or keeps reaches quotes of another instant, and nobody can change what others see.
    """

    def __init__(
        self,
        *,
        symbol: str,
        session: date,
        taken_at: datetime | None,
        modelled: bool,
        underlying_price: float,
        roots: tuple[str, ...],
        keys: NDArray[np.int64],
        bids: NDArray[np.float64],
        asks: NDArray[np.float64],
        bid_sizes: NDArray[np.float64] | None = None,
        ask_sizes: NDArray[np.float64] | None = None,
    ) -> None:
        """Builds a chain from columns of equal length, sorted by key.

        Args:
            symbol: Underlying, such as ``"SPX"``.
            session: Session the quotes belong to.
            taken_at: When they were taken, aware UTC; None if unknown.
            modelled: Whether they come from a model.
            underlying_price: Price of the underlying beside the quotes; NaN if the source has none.
            roots: Root table that the keys refer to.
            keys: Packed contracts, ascending.
            bids: Bids in dollars per share, zero or more.
            asks: Asks in dollars per share, positive.
            bid_sizes: Contracts bid for, whole numbers; NaN where unknown; None if the source has no sizes.
            ask_sizes: Contracts offered, likewise.
        """
        self.symbol = symbol
        self.session = session
        self.taken_at = taken_at
        self.modelled = modelled
        self.underlying_price = underlying_price
        self._roots = roots
        self._keys = keys
        self._bids = bids
        self._asks = asks
        self._bid_sizes = bid_sizes
        self._ask_sizes = ask_sizes
        self._quotes: dict[OptionContract, Quote | None] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def __repr__(self) -> str:
        kind = "modelled" if self.modelled else "quoted"
        return f"Chain({self.symbol!r}, {self.session}, {len(self)} {kind} contracts)"

    @cached_property
    def bids(self) -> NDArray[np.float64]:
        """Bids, dollars per share, one a contract."""
        return _frozen(self._bids.copy())

    @cached_property
    def asks(self) -> NDArray[np.float64]:
        """Asks, dollars per share, one a contract."""
        return _frozen(self._asks.copy())

    @cached_property
    def bid_sizes(self) -> NDArray[np.float64] | None:
        """Contracts bid for, one entry a contract, NaN where unknown; None if the source has no sizes."""
        return None if self._bid_sizes is None else _frozen(self._bid_sizes.copy())

    @cached_property
    def ask_sizes(self) -> NDArray[np.float64] | None:
        """Contracts offered, one entry a contract, NaN where unknown; None if the source has no sizes."""
        return None if self._ask_sizes is None else _frozen(self._ask_sizes.copy())

    @cached_property
    def columns(self) -> KeyColumns:
        """Root indices (into :attr:`root_names`), expiries, rights and strikes, one entry a contract."""
        return KeyColumns(*map(_frozen, unpack_key(self._keys)))

    @cached_property
    def slices(self) -> tuple[KeySlice, ...]:
        """Where the contracts of each root, expiry and right stand, in the order of the chain."""
        return key_slices(self._keys)

    def thousandths(self, rows: slice) -> NDArray[np.int64]:
        """Returns the strikes of some rows in 1/1,000 dollar."""
        return strike_thousandths(self._keys[rows])

    @property
    def root_names(self) -> tuple[str, ...]:
        """The option roots that may occur, sorted."""
        return self._roots

    @property
    def expiries(self) -> NDArray[np.datetime64]:
        """Listed expiry dates, ``datetime64[D]``, one a contract."""
        return self.columns.expiries

    @property
    def strikes(self) -> NDArray[np.float64]:
        """Strikes in dollars, one a contract."""
        return self.columns.strikes

    @property
    def calls(self) -> NDArray[np.bool_]:
        """True where the contract is a call."""
        return self.columns.calls

    @cached_property
    def roots(self) -> NDArray[np.str_]:
        """Option roots, one a contract."""
        return _frozen(np.array(self._roots, dtype=np.str_)[self.columns.root_indices])

    def contract(self, row: int) -> OptionContract:
        """Returns the contract of one row."""
        one = unpack_key(self._keys[row : row + 1])
        return OptionContract(
            root=self._roots[int(one.root_indices[0])],
            expiry=one.expiries[0].item(),
            right=Right.CALL if one.calls[0] else Right.PUT,
            strike=Decimal(int(one.thousandths[0])).scaleb(-3),
        )

    def quote(self, contract: OptionContract) -> Quote | None:
        """Returns the contract's quote, or None if it has none here."""
        try:
            return self._quotes[contract]
        except KeyError:
            return self._quotes.setdefault(contract, self._looked_up(contract))

    def _looked_up(self, contract: OptionContract) -> Quote | None:
        if contract.root not in self._roots:
            return None
        key = pack_key(self._roots.index(contract.root), contract)
        row = int(self._keys.searchsorted(key))  # the method: np.searchsorted costs four times as much
        if row == len(self._keys) or self._keys[row] != key:
            return None
        return Quote(
            contract=contract,
            bid=price(float(self._bids[row])),
            ask=price(float(self._asks[row])),
            taken_at=self.taken_at,
            modelled=self.modelled,
            bid_size=_size(self._bid_sizes, row),
            ask_size=_size(self._ask_sizes, row),
        )


def _size(sizes: NDArray[np.float64] | None, row: int) -> int | None:
    """Contracts, or None where they are not known."""
    size = math.nan if sizes is None else float(sizes[row])
    return None if math.isnan(size) else int(size)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array
