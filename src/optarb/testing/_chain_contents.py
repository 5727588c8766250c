"""What a chain holds, in a form that can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optarb.domain.quotes import Chain

__all__ = ["chain_contents"]


def chain_contents(chain: Chain) -> tuple[object, ...]:
    """Returns the price beside a chain and the bytes of its columns, as a caller of the chain would read them."""
    arrays = (chain.bids, chain.asks, chain.strikes, chain.calls, chain.expiries, chain.roots)
    return (repr(chain.underlying_price), *(array.tobytes() for array in arrays))
