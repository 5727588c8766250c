"""What contracts settle on, and when."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from optarb.domain.contracts import OptionContract, Settlement
from optarb.domain.money import price
from optarb.engine.calling import called
from optarb.errors import ComponentError
from optarb.protocols.market_data import SupportsSettlement

if TYPE_CHECKING:
    from optarb.engine.market import Market
    from optarb.protocols import MarketData

__all__ = ["settlement_price", "settles_on"]

_CENT = Decimal("0.01")
_SAME_AS_CLOSE = 2e-4
"""An open this close to the close before, as a fraction, is taken for a copy of it and not for an opening price."""


def settles_on(contract: OptionContract, session: date, next_session: date | None) -> bool:
    """Whether this session is the contract's settlement session (the last one not after its listed expiry), or a later one.

    Args:
        contract: The contract.
        session: The session.
        next_session: The session after it; None if it is not known.
    """
    return contract.expiry <= session or (next_session is not None and contract.expiry < next_session)


def settlement_price(
    contract: OptionContract, market: Market, data: MarketData, rule: Literal["open", "previous_close"]
) -> Decimal | None:
    """Returns the value of the underlying on which a contract settles, or None if it cannot be known.

    It is always the value of the contract's own settlement session, however late it is asked for. PM and physical: the official
    close rounded to 0.01. AM: a supplied settlement value, else by ``rule``.

    Args:
        contract: The contract; its settlement session is not after the end of the run.
        market: Bars of the run.
        data: Asked for settlement values if it has them.
        rule: ``open`` takes the open unless it lies within 2 basis points of the close before, which marks sources that
            copy the close; ``previous_close`` takes that close.
    """
    symbol = contract.underlying
    session = market.last_session_by(contract.expiry)
    if contract.settlement is not Settlement.AM:
        return _rounded(market.close(symbol, session))
    if isinstance(data, SupportsSettlement):
        where = f"settlement value of {symbol!r}, session {session}"
        supplied: object = called(where, data.settlement_value, symbol, session)
        if supplied is not None:
            if not isinstance(supplied, Decimal) or not supplied.is_finite() or supplied <= 0:
                raise ComponentError(f"{where} must be a positive Decimal or None, got {supplied!r}")
            return supplied.quantize(_CENT)
    before = market.close(symbol, market.previous.get(session, session))
    if rule == "previous_close":
        return _rounded(before)
    opening = market.open(symbol, session)
    if not abs(opening / before - 1) > _SAME_AS_CLOSE:
        return None
    return _rounded(opening)


def _rounded(value: float) -> Decimal | None:
    return None if value != value else price(value).quantize(_CENT)  # noqa: PLR0124 - NaN test
