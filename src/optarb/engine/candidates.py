"""Signals become candidates: their legs priced on the view, or refused with a rule and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isnan
from typing import TYPE_CHECKING

from optarb.decisions import Candidate
from optarb.domain.money import price
from optarb.engine.settlement import settles_on
from optarb.errors import ComponentError
from optarb.ledger.margin import Holding, naked_margin, payoff_bounds
from optarb.protocols.brokers import NoMargin, order_fees

if TYPE_CHECKING:
    from optarb.domain.legs import Leg
    from optarb.domain.quotes import Quote
    from optarb.engine.evaluation import ChosenSignal
    from optarb.engine.view import View
    from optarb.protocols import FeeModel, FillModel, MarginModel

__all__ = ["Refusal", "price_signal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the engine itself does not let a signal become a candidate."""

    rule: str
    """``no_fit``, ``last_session``, ``expires_today``, ``unquoted``, ``zero_bid_short``, ``size``, ``no_underlying_price`` or
    one of the margin model's, such as ``no_implied_volatility``."""
    reason: str
    """In words."""
    numbers: Mapping[str, str]
    """The figures that decided."""


def price_signal(
    signal: ChosenSignal,
    view: View,
    fills: FillModel,
    fees: FeeModel,
    margins: MarginModel,
    *,
    next_session: date | None = None,
    last_session: bool,
) -> Candidate | Refusal:
    """Prices one unit of a signal's legs on the view.

    Args:
        signal: The signal with its legs.
        view: The session's view.
        fills: Prices of the fills.
        fees: Fees of the orders.
        margins: What a unit whose loss is unbounded binds.
        next_session: The session after this one; None if it is not known.
        last_session: Whether this is the last session of the run, in which nothing is opened.
    """
    if signal.no_fit is not None:
        return Refusal(rule="no_fit", reason=signal.no_fit, numbers={})
    if last_session:
        return Refusal(rule="last_session", reason="nothing is opened in the last session", numbers={})
    priced = _priced(signal.legs, view, fills, next_session)
    if isinstance(priced, Refusal):
        return priced
    holdings: list[Holding] = [(leg.contract, leg.ratio, at) for leg, _, at in priced]
    premium = sum((at * ratio * contract.multiplier for contract, ratio, at in holdings), Decimal(0))
    bounds = payoff_bounds(holdings)
    margin, required = Decimal(0), None
    if bounds.max_loss_usd is None:
        unbounded = _unbounded(holdings, view, margins)
        if isinstance(unbounded, Refusal):
            return unbounded
        margin, required = unbounded
    elif premium <= 0:
        margin = bounds.max_loss_usd
    paid = [at for _, _, at in priced]
    closing = [type(leg)(contract=leg.contract, ratio=-leg.ratio) for leg in signal.legs]
    return Candidate(
        session=view.session,
        expert=signal.expert,
        underlying=signal.underlying,
        direction=signal.direction,
        confidence=signal.confidence,
        reasons=signal.reasons,
        structure=signal.structure,
        legs=signal.legs,
        quotes=tuple(quote for _, quote, _ in priced),
        premium_usd=premium,
        max_loss_usd=bounds.max_loss_usd,
        max_profit_usd=bounds.max_profit_usd,
        margin_usd=margin,
        round_trip_fees_usd=sum((order_fees(fees, legs, paid, 1, view.session) for legs in (signal.legs, closing)), Decimal(0)),
        requirement_usd=required,
    )


def _priced(
    legs: tuple[Leg, ...], view: View, fills: FillModel, next_session: date | None
) -> list[tuple[Leg, Quote, Decimal]] | Refusal:
    priced: list[tuple[Leg, Quote, Decimal]] = []
    for leg in legs:
        contract = leg.contract
        if settles_on(contract, view.session, next_session):
            return _refusal("expires_today", contract=contract, session=view.session)
        quote = view.quote(contract)
        if quote is None:
            return _refusal("unquoted", contract=contract)
        if len(legs) == 1 and leg.ratio < 0 and not quote.bid:
            return _refusal("zero_bid_short", contract=contract, bid=quote.bid, ask=quote.ask)
        at = fills.fill_price(quote, leg.ratio)
        if at is None:
            return _refusal("size", contract=contract, quantity=leg.ratio)
        priced.append((leg, quote, at))
    return priced


def _unbounded(holdings: list[Holding], view: View, margins: MarginModel) -> tuple[Decimal, Decimal] | Refusal:
    """Margin without hedge recognition, by which losses are measured, and what the margin model asks."""
    prices = _underlying_prices(holdings, view)
    if isinstance(prices, Refusal):
        return prices
    required: object = margins.requirement(tuple(holdings), prices, view)
    if isinstance(required, NoMargin):
        return Refusal(rule=required.rule, reason=required.reason, numbers=required.numbers)
    if not isinstance(required, Decimal) or not required.is_finite() or required < 0:
        msg = f"{type(margins).__name__}.requirement must return a Decimal of zero or more or NoMargin, got {required!r}"
        raise ComponentError(msg)
    return naked_margin(holdings, prices), required


def _underlying_prices(holdings: list[Holding], view: View) -> dict[str, Decimal] | Refusal:
    """Prices beside the chains; where the source has none, the close the view knows."""
    prices: dict[str, Decimal] = {}
    for symbol in {contract.underlying for contract, _, _ in holdings}:
        beside = view.chains[symbol].underlying_price
        if not isnan(beside):
            prices[symbol] = price(beside)
        elif view.visible(symbol):
            prices[symbol] = price(float(view.bars(symbol, 1).close[-1]))
        else:
            return _refusal("no_underlying_price", symbol=symbol)
    return prices


def _refusal(rule: str, **numbers: object) -> Refusal:
    told = {name: str(value) for name, value in numbers.items()}
    words = ", ".join(f"{name} {value}" for name, value in told.items())
    return Refusal(rule=rule, reason=f"{rule}: {words}", numbers=told)
