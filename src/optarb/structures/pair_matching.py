"""How well the legs of a pair match: what is left between their strikes and between their quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optarb.domain.legs import Leg, NoFit
from optarb.domain.quotes import Chain
from optarb.structures._strip import chain_of, find_strip

__all__ = ["PairMatch", "pair_match"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairMatch:
    """What is left between the legs of a pair."""

    ratio: float
    """Forward of the short leg's underlying over that of the long one's: near 0.1 for SPY over SPX."""
    residual_strike: float
    """Short strike less the long strike times the ratio, dollars per share of the short leg; zero at a perfect match."""
    matching_quantity: float
    """Short contracts that stand for the same value as the long ones: 10 / rho for one SPX call, with rho ten times the
    ratio."""

    def __str__(self) -> str:
        return f"residual strike {self.residual_strike:+.2f}, matched by {self.matching_quantity:.3f} short contracts"


def pair_match(legs: Sequence[Leg], chains: Mapping[str, Chain], *, rate: float = 0.0) -> PairMatch | NoFit:
    """Measures the legs of a pair, the bought one first, on the chains they were chosen on.

    Args:
        legs: From :meth:`CallPair.choose`.
        chains: Chains by underlying.
        rate: Annual rate, continuous, that discounts premiums where the forwards are implied.

    Returns:
        The match; or why there is none, because a chain is absent or a forward cannot be implied.
    """
    bought, sold = legs
    forwards: list[float] = []
    for leg in (bought, sold):
        chain = chain_of(chains, leg.contract.underlying)
        if isinstance(chain, NoFit):
            return chain
        days = (leg.contract.expiry - chain.session).days
        strip = find_strip(chain, right=leg.contract.right, dte=days, roots=(leg.contract.root,))
        forward = float("nan") if isinstance(strip, NoFit) or strip.expiry != leg.contract.expiry else strip.forward(rate)
        if not forward > 0.0:
            return NoFit(reason=f"no forward of {leg.contract.underlying} for {leg.contract.expiry}: no put-call pair")
        forwards.append(forward)
    ratio = forwards[1] / forwards[0]
    return PairMatch(
        ratio=ratio,
        residual_strike=float(sold.contract.strike) - ratio * float(bought.contract.strike),
        matching_quantity=bought.ratio / ratio,
    )
