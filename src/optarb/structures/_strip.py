"""One root, expiry and right of a chain: what a structure searches for a strike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.contracts import OptionContract, Right
from optarb.domain.legs import NoFit
from optarb.pricing import black76_delta, implied_volatility, parity_forward, session_close, year_fraction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from optarb.domain.contract_keys import KeySlice
    from optarb.domain.quotes import Chain

__all__ = ["Strip", "chain_of", "find_strip", "open_days"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The quoted contracts of one root, expiry and right, strikes ascending."""

    chain: Chain
    """Where they stand."""
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
        return self.chain.thousandths(self.rows)

    @property
    def at(self) -> datetime:
        """When the quotes were taken; the session's 16:00 in New York where the chain does not know."""
        taken_at = self.chain.taken_at
        return session_close(self.chain.session) if taken_at is None else taken_at.astimezone(UTC)

    def contract(self, index: int) -> OptionContract:
        """Returns the contract at a place in the strip."""
        strike = Decimal(int(self.thousandths[index])).scaleb(-3)
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
        strikes, twin_strikes = self.thousandths, self.chain.thousandths(self.twin_rows)
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


def open_days(chain: Chain, right: Right, roots: Sequence[str]) -> frozenset[int]:
    """Returns the days to expiry, after today, at which a chain quotes a right."""
    today = chain.session.toordinal()
    return frozenset(one.expiry - today for one in _quoted(chain, right, roots))


def find_strip(
    chain: Chain, *, right: Right, dte: int, roots: Sequence[str], among: frozenset[int] | None = None
) -> Strip | NoFit:
    """Finds the expiry nearest to a number of calendar days.

    Args:
        chain: The chain.
        right: Call or put.
        dte: Calendar days from the session to the expiry; of two equally near the earlier is taken.
        roots: Roots that may be chosen; empty for all. Of two roots with one expiry the first of the chain is taken.
        among: Days to expiry that may be chosen; None for all.
    """
    today = chain.session.toordinal()
    quoted = [one for one in _quoted(chain, right, roots) if among is None or one.expiry - today in among]
    if not quoted:
        kind = "calls" if right is Right.CALL else "puts"
        where = f"roots {', '.join(roots)}" if roots else "any root"
        there = f"{chain.symbol} {chain.session}, {len(chain)} quotes"
        return NoFit(reason=f"{there}: no {kind} of {where} expire after the session")
    wanted = today + dte
    found = min(quoted, key=lambda one: (abs(one.expiry - wanted), one.expiry))
    return Strip(
        chain=chain,
        root=chain.root_names[found.root_index],
        expiry=date.fromordinal(found.expiry),
        right=right,
        rows=found.rows,
        twin_rows=_twin_rows(chain, found),
    )


def _quoted(chain: Chain, right: Right, roots: Sequence[str]) -> list[KeySlice]:
    """Where the contracts of a right stand that expire after the session, in the order of the chain."""
    today, call = chain.session.toordinal(), right is Right.CALL
    allowed = {number for number, root in enumerate(chain.root_names) if not roots or root in roots}
    return [one for one in chain.slices if one.call == call and one.expiry > today and one.root_index in allowed]


def _twin_rows(chain: Chain, found: KeySlice) -> slice:
    for one in chain.slices:
        if one.root_index == found.root_index and one.expiry == found.expiry and one.call != found.call:
            return one.rows
    return slice(0, 0)


def chain_of(chains: Mapping[str, Chain], underlying: str) -> Chain | NoFit:
    """Returns the chain of an underlying, or why there is none."""
    chain = chains.get(underlying)
    if chain is None or not len(chain):
        return NoFit(reason=f"no quotes of {underlying!r}; chains are there for {', '.join(sorted(chains)) or 'nothing'}")
    return chain
