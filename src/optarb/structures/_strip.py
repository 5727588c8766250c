"""One root, expiry and right of a chain: what a structure searches for a strike."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from optarb.domain.contracts import OptionContract, Right
from optarb.domain.legs import Leg, NoFit
from optarb.pricing import black76_delta, implied_volatility, parity_forward, session_close, year_fraction

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from optarb.domain.contract_keys import KeySlice
    from optarb.domain.quotes import Chain

__all__ = ["Strip", "chain_of", "find_strip", "legs_of", "open_days", "strip_of"]


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

    def twin(self) -> Strip | NoFit:
        """Returns the other right of the same root and expiry, or why it is not there."""
        right = Right.PUT if self.right is Right.CALL else Right.CALL
        twin = replace(self, right=right, rows=self.twin_rows, twin_rows=self.rows)
        return twin if self.twin_rows.stop else NoFit(reason=f"{twin}: none is quoted")

    def strike(self, index: int) -> Decimal:
        """Returns the strike at a place in the strip, in dollars."""
        return Decimal(int(self.thousandths[index])).scaleb(-3)

    def contract(self, index: int) -> OptionContract:
        """Returns the contract at a place in the strip."""
        return OptionContract(root=self.root, expiry=self.expiry, right=self.right, strike=self.strike(index))

    def bid(self, index: int) -> float:
        """Returns the bid at a place in the strip, dollars per share."""
        return float(self.chain.bids[self.rows][index])

    def place_of(self, strike: Decimal) -> int | NoFit:
        """Returns the place of a strike in dollars, or why it is not there."""
        place = self.nearest(float(strike))
        if self.strike(place) != strike:
            nearest = float(self.strike(place))
            return NoFit(reason=f"{self}: strike {float(strike):g} is not quoted; the nearest is {nearest:g}")
        return place

    def beyond(self, strike: Decimal, *, above: bool) -> NDArray[np.intp]:
        """Returns the places of the strikes above or below a strike in dollars, ascending; it may be none."""
        limit = float(strike * 1000)
        return (self.thousandths > limit if above else self.thousandths < limit).nonzero()[0]

    def nearest(self, target: float, among: NDArray[np.intp] | None = None) -> int:
        """Returns the place of the strike nearest to a price in dollars; of two equally near the lower.

        Args:
            target: The price.
            among: Places that may be chosen, ascending, at least one; None for all.
        """
        strikes = self.thousandths if among is None else self.thousandths[among]
        wanted = target * 1000.0
        above = int(strikes.searchsorted(wanted))
        if above and (above == len(strikes) or wanted - float(strikes[above - 1]) <= float(strikes[above]) - wanted):
            above -= 1
        return above if among is None else int(among[above])

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

    def underlying_price(self, rate: float) -> float | NoFit:
        """Returns the underlying's price beside the chain, else the forward of this expiry, or why there is neither.

        Args:
            rate: Annual rate, continuous, that discounts premiums.
        """
        price = self.chain.underlying_price
        if not math.isfinite(price):
            price = self.forward(rate)
        if not price > 0.0:
            return NoFit(reason=f"{self}: neither a price of {self.chain.symbol} nor a strike with both call and put")
        return price

    def nearest_outer_delta(
        self, target: float, rate: float, *, above: bool, among: NDArray[np.intp] | None = None
    ) -> int | NoFit:
        """Returns the place where the option that is out of the money on that side has nearest the absolute delta.

        Above, that is the call; below, the put. In a strip of the other right its delta is the discount factor less the
        target.

        Args:
            target: Absolute delta of the option out of the money, above 0 and below 1.
            rate: Annual rate, continuous, that discounts premiums.
            above: Whether the strike is sought above the price.
            among: Places that may be chosen, ascending, at least one; None for all.
        """
        own = above is (self.right is Right.CALL)
        return self.nearest_delta(target if own else math.exp(-rate * self.tau) - target, rate, among)

    def nearest_delta(self, target: float, rate: float, among: NDArray[np.intp] | None = None) -> int | NoFit:
        """Returns the place whose absolute Black-76 delta, implied from its mid, is nearest; the lower of equals.

        Args:
            target: Absolute delta, above 0 and below 1.
            rate: Annual rate, continuous, that discounts premiums.
            among: Places that may be chosen, ascending, at least one; None for all.
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
        places = np.arange(len(strikes)) if among is None else among
        best = int(places[np.argmin(misses[places])])
        if misses[best] == math.inf:
            return NoFit(reason=f"{self}: no delta, since no mid of {len(places)} is within the no-arbitrage bounds")
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


def strip_of(chains: Mapping[str, Chain], underlying: str, *, right: Right, dte: int, roots: Sequence[str]) -> Strip | NoFit:
    """Finds the chain of an underlying and in it the expiry; see :func:`find_strip`."""
    chain = chain_of(chains, underlying)
    return chain if isinstance(chain, NoFit) else find_strip(chain, right=right, dte=dte, roots=roots)


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


def legs_of(*picks: tuple[Strip, int | NoFit, int]) -> tuple[Leg, ...] | NoFit:
    """Makes the legs of one unit, the bought ones first, or says why they do not fit.

    A leg that would be sold without a bid is no fit.

    Args:
        picks: Strip, place in it or why there is none, and signed ratio; each contract once.
    """
    legs: list[Leg] = []
    for strip, place, ratio in picks:
        if isinstance(place, NoFit):
            return place
        contract = strip.contract(place)
        if ratio < 0 and strip.bid(place) <= 0.0:
            return NoFit(reason=f"{contract} would be sold and has no bid")
        legs.append(Leg(contract=contract, ratio=ratio))
    return tuple(sorted(legs, key=lambda leg: leg.ratio < 0))
