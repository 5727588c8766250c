"""One root, expiry and right of a chain: what a structure searches for a strike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.contract_keys import KeyColumns
from optarb.domain.contracts import OptionContract, Right
from optarb.domain.legs import NoFit
from optarb.pricing import black76_delta, implied_volatility, parity_forward, session_close, year_fraction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from optarb.domain.quotes import Chain

__all__ = ["Strip", "chain_of", "find_strip", "open_days"]

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The quoted contracts of one root, expiry and right, strikes ascending."""

    chain: Chain
    """Where they stand."""
    columns: KeyColumns
    """The whole chain, unpacked once."""
    root: str
    """Option root."""
    expiry: date
    """Listed expiry."""
    right: Right
    """Call or put."""
    rows: slice
    """Where it stands in the chain."""
    twin_rows: slice
    """Where the other right of the same root and expiry stands; empty if it is not quoted."""

    @property
    def thousandths(self) -> NDArray[np.int64]:
        """Strikes in 1/1,000 dollar, ascending."""
        return self.columns.thousandths[self.rows]

    @property
    def at(self) -> datetime:
        """When the quotes were taken; the session's 16:00 in New York where the chain does not know."""
        taken_at = self.chain.taken_at
        return session_close(self.chain.session) if taken_at is None else taken_at.astimezone(UTC)

    def contract(self, index: int) -> OptionContract:
        """Returns the contract at a place in the strip."""
        strike = Decimal(int(self.columns.thousandths[self.rows][index])).scaleb(-3)
        return OptionContract(root=self.root, expiry=self.expiry, right=self.right, strike=strike)

    def bid(self, index: int) -> float:
        """Returns the bid at a place in the strip, dollars per share."""
        return float(self.chain.bids[self.rows][index])

    def nearest(self, target: float) -> int:
        """Returns the place of the strike nearest to a price in dollars; of two equally near the lower."""
        strikes = self.thousandths
        wanted = target * 1000.0
        above = int(strikes.searchsorted(wanted))
        if above == 0:
            return 0
        if above == len(strikes) or wanted - float(strikes[above - 1]) <= float(strikes[above]) - wanted:
            return above - 1
        return above

    @property
    def tau(self) -> float:
        """Years from the quotes to settlement."""
        return year_fraction(self.contract(0).settlement, self.expiry, self.at)

    def forward(self, rate: float) -> float:
        """Returns the forward by put-call parity of this root and expiry; NaN if no strike has both quotes.

        Args:
            rate: Annual rate, continuous, that discounts premiums.
        """
        return self._forward(math.exp(-rate * self.tau))

    def nearest_delta(self, target: float, rate: float) -> int | NoFit:
        """Returns the place whose absolute Black-76 delta, implied from its mid, is nearest; the lower of equals.

        Args:
            target: Absolute delta, above 0 and below 1.
            rate: Annual rate, continuous, that discounts premiums.
        """
        tau = self.tau
        discount = math.exp(-rate * tau)
        forward = self._forward(discount)
        if not forward > 0.0 or not tau > 0.0:
            return NoFit(reason=f"{self}: no delta with forward {forward!r} and {tau!r} years to settlement")
        strikes, call = self.thousandths / 1000.0, self.right is Right.CALL
        volatility = implied_volatility(self._mids(self.rows), forward, strikes, tau, discount, call=call).volatility
        deltas = black76_delta(forward, strikes, tau, volatility, discount, call=call)
        misses = np.abs(np.abs(deltas) - target)
        misses[np.isnan(misses)] = math.inf
        best = int(np.argmin(misses))
        if misses[best] == math.inf:
            return NoFit(reason=f"{self}: no delta, since no mid of {len(strikes)} is within the no-arbitrage bounds")
        return best

    def _forward(self, discount: float) -> float:
        strikes, twin_strikes = self.thousandths, self.columns.thousandths[self.twin_rows]
        mids, twin_mids = self._mids(self.rows), self._mids(self.twin_rows)
        if len(strikes) != len(twin_strikes) or not (strikes == twin_strikes).all():
            strikes, own, twin = np.intersect1d(strikes, twin_strikes, assume_unique=True, return_indices=True)
            mids, twin_mids = mids[own], twin_mids[twin]
        calls, puts = (mids, twin_mids) if self.right is Right.CALL else (twin_mids, mids)
        return parity_forward(strikes / 1000.0, calls, puts, discount)

    def _mids(self, rows: slice) -> NDArray[np.float64]:
        return (self.chain.bids[rows] + self.chain.asks[rows]) / 2

    def __str__(self) -> str:
        kind = "calls" if self.right is Right.CALL else "puts"
        return f"{self.root} {self.expiry} {kind}"


def _expiry_days(columns: KeyColumns, session: date) -> NDArray[np.int64]:
    """Returns calendar days from the session to each contract's expiry."""
    return columns.expiries.view(np.int64) - (session.toordinal() - _EPOCH_ORDINAL)


def open_days(chain: Chain, right: Right, roots: Sequence[str]) -> NDArray[np.int64]:
    """Returns the distinct days to expiry, after today, at which a chain quotes a right."""
    columns, root_table = chain.columns, chain.root_names
    days = _expiry_days(columns, chain.session)
    return np.unique(days[_wanted(columns, root_table, days, right, roots)])


def find_strip(
    chain: Chain, *, right: Right, dte: int, roots: Sequence[str], among: NDArray[np.int64] | None = None
) -> Strip | NoFit:
    """Finds the expiry nearest to a number of calendar days.

    Args:
        chain: The chain.
        right: Call or put.
        dte: Calendar days from the session to the expiry; of two equally near the earlier is taken.
        roots: Roots that may be chosen; empty for all. Of two roots with one expiry the first of the chain is taken.
        among: Days to expiry that may be chosen; None for all.
    """
    columns, root_table = chain.columns, chain.root_names
    days = _expiry_days(columns, chain.session)
    mask = _wanted(columns, root_table, days, right, roots)
    if among is not None:
        mask &= np.isin(days, among)
    rows = np.flatnonzero(mask)
    if not len(rows):
        kind = "calls" if right is Right.CALL else "puts"
        where = f"roots {', '.join(roots)}" if roots else "any root"
        there = f"{chain.symbol} {chain.session}, {len(chain)} quotes"
        return NoFit(reason=f"{there}: no {kind} of {where} expire after the session")
    candidates = days[rows]
    misses = 2 * np.abs(candidates - dte) + (candidates > dte)
    first = rows[np.argmin(misses)]
    # Rows of one root and expiry stand together, calls before puts.
    same = (days == days[first]) & (columns.root_indices == columns.root_indices[first])
    start = int(np.argmax(same))
    stop = start + int(np.count_nonzero(same))
    middle = start + int(np.count_nonzero(columns.calls[start:stop]))
    calls, puts = slice(start, middle), slice(middle, stop)
    return Strip(
        chain=chain,
        columns=columns,
        root=root_table[int(columns.root_indices[first])],
        expiry=date.fromordinal(chain.session.toordinal() + int(days[first])),
        right=right,
        rows=calls if right is Right.CALL else puts,
        twin_rows=puts if right is Right.CALL else calls,
    )


def chain_of(chains: Mapping[str, Chain], underlying: str) -> Chain | NoFit:
    """Returns the chain of an underlying, or why there is none."""
    chain = chains.get(underlying)
    if chain is None or not len(chain):
        return NoFit(reason=f"no quotes of {underlying!r}; chains are there for {', '.join(sorted(chains)) or 'nothing'}")
    return chain


def _wanted(
    columns: KeyColumns, root_table: tuple[str, ...], days: NDArray[np.int64], right: Right, roots: Sequence[str]
) -> NDArray[np.bool_]:
    mask = (days > 0) & (columns.calls if right is Right.CALL else ~columns.calls)
    if roots:
        mask &= np.array([root in roots for root in root_table], dtype=np.bool_)[columns.root_indices]
    return mask
