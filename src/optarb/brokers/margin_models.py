"""What a broker asks to be set aside for positions whose loss is unbounded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from optarb.domain.contracts import Right
from optarb.domain.legs import NoFit
from optarb.domain.money import price, round_cash
from optarb.ledger.margin import naked_margin
from optarb.pricing import VolatilityReason, black76, implied_volatility
from optarb.protocols.brokers import NoMargin
from optarb.structures._strip import find_strip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Chain
    from optarb.ledger.margin import Holding
    from optarb.protocols.views import SessionView

__all__ = ["PortfolioMargin", "StrategyBasedMargin"]


@dataclass(frozen=True, kw_only=True)
class StrategyBasedMargin:
    """The exchange's minimum for uncovered options, short leg by short leg: no hedge between underlyings is recognised.

    It is what a margin account without portfolio margining asks for. For a short call: premium + max(p S - out-of-the-money
    amount, 10 % of S); for a short put 10 % of the strike takes the place of 10 % of S; p is 0.15 for cash-settled indexes and
    0.20 otherwise. Of a short call and a short put of one expiry the larger counts, with the premium of the other.
    """

    @property
    def label(self) -> str:
        """``"strategy-based margin"``."""
        return "strategy-based margin"

    def requirement(
        self,
        holdings: Sequence[Holding],
        underlying_prices: Mapping[str, Decimal],
        view: SessionView,  # noqa: ARG002 - the formula reads no quotes
    ) -> Decimal | NoMargin:
        """Returns what the short legs need as if nothing covered them; see :class:`~optarb.protocols.brokers.MarginModel`."""
        return round_cash(naked_margin(holdings, underlying_prices))


@dataclass(frozen=True, kw_only=True)
class PortfolioMargin:
    """The worst loss of all legs together over equal moves of the index, every underlying of the class moving alike.

    Each leg is repriced by Black-76 at the volatility that its own mid implies today, on a forward moved with the index;
    no time passes and no volatility changes. The loss is counted from today's mids. It needs an account that is margined
    so, and it is a model: brokers ask for more than the rule's minimum, and move more than the index alone.

    The forward of a leg comes from put-call parity of its own root and expiry. American contracts are priced as European
    ones. Each position is margined alone; margins of several positions add up, which is never less than margining them
    together.

    Source of moves and minimum: the portfolio margin rules of the US exchanges for broad-based index options, ten
    equidistant points from -8 % to +6 %, and 0.375 times the multiplier a contract.

    Raises:
        ValueError: Moves out of order or beyond -100 %, fewer than two points, a minimum or rate that makes no sense, or
            no symbol.
    """

    symbols: tuple[str, ...] = ("SPX", "SPY", "XSP")
    """Underlyings that move alike with the index. A leg on any other is refused."""
    lowest_move: float = -0.08
    """Deepest fall of the index, a fraction above -1 and below ``highest_move``."""
    highest_move: float = 0.06
    """Highest rise of the index, a fraction."""
    points: int = 10
    """Moves that are tried, at equal distances, both ends among them; 2 or more."""
    minimum_usd: Decimal = Decimal("37.50")
    """Least margin a contract, long or short, in dollars; zero or more."""
    rate: float = 0.0
    """Annual rate, continuous, an annual fraction, which discounts premiums where a forward is implied and legs are
    priced."""

    def __post_init__(self) -> None:
        symbols: object = self.symbols
        if isinstance(symbols, str) or not symbols:
            msg = f"symbols must be a tuple of at least one underlying, got {symbols!r}"
            raise ValueError(msg)
        object.__setattr__(self, "symbols", tuple(self.symbols))
        if not -1.0 < self.lowest_move < self.highest_move < math.inf:
            msg = f"moves must rise from above -1, got {self.lowest_move!r} to {self.highest_move!r}"
            raise ValueError(msg)
        if type(self.points) is not int or self.points < 2:
            msg = f"points must be a whole number of at least 2, got {self.points!r}"
            raise ValueError(msg)
        minimum: object = self.minimum_usd
        if isinstance(minimum, int | float):
            minimum = Decimal(str(minimum))
            object.__setattr__(self, "minimum_usd", minimum)
        if not isinstance(minimum, Decimal) or not minimum.is_finite() or minimum < 0:
            msg = f"minimum_usd must be a number of zero or more, got {minimum!r}"
            raise ValueError(msg)
        if not math.isfinite(self.rate):
            msg = f"rate must be a finite annual fraction, got {self.rate!r}"
            raise ValueError(msg)

    @property
    def label(self) -> str:
        """``"modelled portfolio margin"``."""
        return "modelled portfolio margin"

    @property
    def moves(self) -> tuple[float, ...]:
        """The moves of the index, fractions, ascending."""
        return tuple(np.linspace(self.lowest_move, self.highest_move, self.points).tolist())

    def requirement(
        self,
        holdings: Sequence[Holding],
        underlying_prices: Mapping[str, Decimal],  # noqa: ARG002 - forwards are implied from the quotes
        view: SessionView,
    ) -> Decimal | NoMargin:
        """Returns the worst loss over the moves, at least the minimum; see :class:`~optarb.protocols.brokers.MarginModel`.

        A leg outside ``symbols``, without a quote, without a forward or without an implied volatility is refused as
        ``not_in_class``, ``unquoted``, ``no_forward`` or ``no_implied_volatility``.
        """
        losses: NDArray[np.float64] = np.zeros(self.points)
        for contract, quantity, _ in holdings:
            leg = self._priced(contract, view)
            if isinstance(leg, NoMargin):
                return leg
            losses -= quantity * contract.multiplier * (self._moved(contract, leg) - leg.mid)
        contracts = sum(abs(quantity) for _, quantity, _ in holdings)
        return max(price(float(np.max(losses))), round_cash(self.minimum_usd * contracts))

    def _moved(self, contract: OptionContract, leg: _PricedLeg) -> NDArray[np.float64]:
        """Prices per share after each move."""
        forwards = leg.forward * (1.0 + np.array(self.moves))
        return black76(
            forwards, float(contract.strike), leg.tau, leg.volatility, leg.discount, call=contract.right is Right.CALL
        )

    def _priced(self, contract: OptionContract, view: SessionView) -> _PricedLeg | NoMargin:
        if contract.underlying not in self.symbols:
            return _refusal("not_in_class", contract, symbols=", ".join(self.symbols))
        chain = view.chain(contract.underlying)
        quote = None if chain is None else chain.quote(contract)
        if chain is None or quote is None:
            return _refusal("unquoted", contract)
        forward, tau = self._forward(contract, chain)
        if not forward > 0.0:
            return _refusal("no_forward", contract, quotes=len(chain))
        mid, discount = float(quote.mid), math.exp(-self.rate * tau)
        call = contract.right is Right.CALL
        implied = implied_volatility(mid, forward, float(contract.strike), tau, discount, call=call)
        reason = VolatilityReason(int(implied.reason))
        if reason is not VolatilityReason.FOUND:
            why = reason.name.lower()
            return _refusal("no_implied_volatility", contract, bid=quote.bid, ask=quote.ask, forward=f"{forward:.4f}", why=why)
        return _PricedLeg(mid=mid, forward=forward, tau=tau, discount=discount, volatility=float(implied.volatility))

    def _forward(self, contract: OptionContract, chain: Chain) -> tuple[float, float]:
        """Forward and years to settlement; the forward is NaN where no strike of the expiry has both quotes."""
        days = (contract.expiry - chain.session).days
        strip = find_strip(chain, right=contract.right, dte=days, roots=(contract.root,))
        if isinstance(strip, NoFit) or strip.expiry != contract.expiry:
            return math.nan, 0.0
        return strip.forward(self.rate), strip.tau


class _PricedLeg(NamedTuple):
    """What one contract is priced with today."""

    mid: float
    """Dollars per share."""
    forward: float
    """Dollars."""
    tau: float
    """Years to settlement."""
    discount: float
    """Value today of one dollar at settlement."""
    volatility: float
    """Annual fraction."""


def _refusal(rule: str, contract: OptionContract, **numbers: object) -> NoMargin:
    return NoMargin(rule=rule, numbers={"contract": contract.symbol, **{name: str(value) for name, value in numbers.items()}})
