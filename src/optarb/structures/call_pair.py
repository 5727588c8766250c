"""Calls of one underlying against calls of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optarb.domain.contracts import Right
from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import chain_of, find_strip, open_days
from optarb.structures.strike_choice import StrikeChoice

__all__ = ["CallPair"]


@dataclass(frozen=True, kw_only=True)
class CallPair(StrikeChoice):
    """Buys calls of one underlying and sells calls of another with the same expiry, such as 1 SPXW against 10 SPY.

    The expiry is the one nearest to ``dte`` at which both chains quote calls. The bought strike is chosen by
    ``strike``, ``moneyness`` or ``delta``; the sold strike is the one nearest to the bought strike times the ratio of
    the forwards (short over long), the lower of two, each forward by put-call parity of its own chain. The short calls
    are not covered by the long ones in a broker's eyes.

    Raises:
        ValueError: None or several of ``strike``, ``moneyness`` and ``delta`` given, the same underlying twice, or a
            value out of its range.
    """

    long_underlying: str = "SPX"
    """Underlying whose calls are bought."""
    short_underlying: str = "SPY"
    """Underlying whose calls are sold."""
    long_roots: tuple[str, ...] = ("SPXW",)
    """Roots that may be bought; empty for all. The default leaves out AM-settled SPX, which settles hours before
    SPY."""
    short_roots: tuple[str, ...] = ()
    """Roots that may be sold; empty for all."""
    long_quantity: int = 1
    """Calls bought in one unit, 1 or more."""
    short_quantity: int = 10
    """Calls sold in one unit, 1 or more."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.long_underlying == self.short_underlying:
            msg = f"long_underlying and short_underlying must differ, both are {self.long_underlying!r}; use Vertical"
            raise ValueError(msg)
        for name in ("long_quantity", "short_quantity"):
            quantity = getattr(self, name)
            if type(quantity) is not int or quantity < 1:
                msg = f"{name} must be a whole number, 1 or more, got {quantity!r}"
                raise ValueError(msg)

    def choose(self, chains: Mapping[str, Chain], underlying: str) -> tuple[Leg, ...] | NoFit:  # noqa: ARG002 - names both
        """Picks both legs, the bought one first, whichever of the two underlyings the signal is about.

        See :class:`~optarb.domain.legs.Structure`.
        """
        bought_chain = chain_of(chains, self.long_underlying)
        sold_chain = chain_of(chains, self.short_underlying)
        if isinstance(bought_chain, NoFit):
            return bought_chain
        if isinstance(sold_chain, NoFit):
            return sold_chain
        return self._choose(bought_chain, sold_chain)

    def _choose(self, bought_chain: Chain, sold_chain: Chain) -> tuple[Leg, ...] | NoFit:
        days = open_days(sold_chain, Right.CALL, self.short_roots)
        bought = find_strip(bought_chain, right=Right.CALL, dte=self.dte, roots=self.long_roots, among=days)
        if isinstance(bought, NoFit):
            return NoFit(reason=f"{bought.reason} together with calls of {self.short_underlying}")
        chosen = (bought.expiry - sold_chain.session).days
        sold = find_strip(sold_chain, right=Right.CALL, dte=chosen, roots=self.short_roots)
        if isinstance(sold, NoFit):
            return sold
        long_place = self.place_in(bought)
        if isinstance(long_place, NoFit):
            return long_place
        long_forward, short_forward = bought.forward(self.rate), sold.forward(self.rate)
        if not (long_forward > 0.0 and short_forward > 0.0):
            return NoFit(reason=f"forwards of {bought} and {sold} are {long_forward!r} and {short_forward!r}: no put-call pair")
        strike = int(bought.thousandths[long_place]) / 1000.0
        short_place = sold.nearest(strike * short_forward / long_forward)
        if sold.bid(short_place) <= 0.0:
            return NoFit(reason=f"{sold.contract(short_place)} would be sold and has no bid")
        return (
            Leg(contract=bought.contract(long_place), ratio=self.long_quantity),
            Leg(contract=sold.contract(short_place), ratio=-self.short_quantity),
        )

    def __str__(self) -> str:
        bought = f"{self.long_quantity} {self.long_underlying}"
        return f"call pair, {bought} against {self.short_quantity} {self.short_underlying} ({self.in_words()})"
