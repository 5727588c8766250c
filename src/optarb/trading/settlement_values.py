"""Official values out of market data, for a simulated broker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from optarb.engine.market import Market
from optarb.engine.settlement import settlement_price
from optarb.errors import ConfigurationError

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.protocols import MarketData, TradingCalendar

__all__ = ["SettlementValues"]

_BEFORE = timedelta(days=14)


@dataclass(frozen=True, kw_only=True)
class SettlementValues:
    """On what contracts settle, by the rules of a backtest: the official close, or what is supplied for AM settlement."""

    market_data: MarketData
    """Where bars and settlement values are."""
    calendar: TradingCalendar
    """The sessions."""
    am_settlement: Literal["open", "previous_close"] = "open"
    """What AM-settled contracts settle on where no value is supplied; as in the day's spec, or the books' cash will differ."""

    def official_value(self, contract: OptionContract) -> Decimal:
        """Returns the value on which a contract whose last day is over settles.

        Args:
            contract: The contract.

        Raises:
            BadData: The source has no bars of the underlying, or cannot be read.
            ConfigurationError: There is no bar of its last session, or an AM-settled contract's opening price is not known.
        """
        sessions = self.calendar.sessions(contract.expiry - _BEFORE, contract.expiry)
        symbol = contract.underlying
        market = Market(
            sessions=sessions,
            previous=dict(zip(sessions[1:], sessions[:-1], strict=True)),
            bars={symbol: self.market_data.bars(symbol).between(sessions[0], sessions[-1])},
            features={},
            chains={},
            calendar=self.calendar,
            same_session=False,
        )
        value = settlement_price(contract, market, self.market_data, self.am_settlement)
        if value is None:
            raise ConfigurationError(
                f"{contract} has expired, and on what it settled is not known: supply bars of {symbol!r} through "
                f"{sessions[-1]}, and for AM settlement a settlement value, or choose am_settlement='previous_close'"
            )
        return value
