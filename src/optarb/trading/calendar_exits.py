"""Exits that nobody asks for: the calendar does. What would be exercised or assigned tonight is closed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract, Right, Settlement
from optarb.domain.dividends import Dividend, with_estimates
from optarb.engine.calling import called
from optarb.errors import ComponentError, OptarbError
from optarb.pricing import american_volatility, call_exercise_gain, session_open, year_fraction
from optarb.protocols import SupportsDividends
from optarb.trading.live_position import Goal
from optarb.trading.market_checks import decide_together

if TYPE_CHECKING:
    from optarb.pricing import Payments
    from optarb.trading.context import DayContext
    from optarb.trading.execution import Execution

__all__ = ["close_before_ex_date", "close_before_expiry", "ex_dividend_cutoff"]

_A_YEAR_BACK = timedelta(days=400)
_YEAR = timedelta(days=365)
_LEAST_GAIN = 0.005
"""Dollars a share from which on a holder is taken to exercise: less is a tie, within the model's error."""
_LEAST_VOLATILITY = 0.001


def close_before_expiry(context: DayContext, execution: Execution) -> None:
    """Closes, from the cut-off to the close, positions with contracts that deliver shares today and may be exercised."""
    live, now = execution.live, execution.now
    if not context.expiry_cutoff <= now < context.closes_at:
        return
    for position_id, position in live.state.positions.items():
        for contract in live.state.held(position_id):
            if position.goal is Goal.OPEN and _may_be_exercised(context, execution, contract):
                position.turn_flat("expiry", may_market=context.spec.rules.allow_market)
                live.note(now, "exit_decided", position_id, reason="expiry", contract=contract.symbol)


def _may_be_exercised(context: DayContext, execution: Execution, contract: OptionContract) -> bool:
    """Whether it is in the money, or near it; one whose underlying has no price counts as such."""
    if contract.settlement is not Settlement.PHYSICAL or contract.expiry > context.session:
        return False
    spot = context.spot(contract.underlying, execution.now)
    if spot is None:
        return True
    band = contract.strike * Decimal(str(context.spec.expiry_margin))
    reach = spot - contract.strike if contract.right is Right.CALL else contract.strike - spot
    return reach >= -band


# -- the eve of an ex-date ---------------------------------------------------------------------------------------------------


def ex_dividend_cutoff(context: DayContext) -> datetime:
    """From when on the eve of an ex-date short calls that would be exercised are closed."""
    return context.closes_at - timedelta(minutes=context.spec.ex_dividend_minutes)


def close_before_ex_date(context: DayContext, execution: Execution) -> None:
    """Closes, on an eve, positions short a call that its holder gains by exercising, from the cut-off on, with an alarm.

    Whether that is so is judged by the American value just after the ex-date, with the dividends to come. Where the market data
    know no dividends nothing happens. What cannot be judged raises an alarm and is tried again each cycle.
    """
    now, live = execution.now, execution.live
    if not ex_dividend_cutoff(context) <= now < context.closes_at or not isinstance(context.data, SupportsDividends):
        return
    doubts: list[str] = []
    for position_id, position in live.state.positions.items():
        shorts = [contract for contract, quantity in live.state.held(position_id).items() if quantity < 0]
        for contract in shorts if position.goal is Goal.OPEN and not position.frozen else ():
            try:
                why = _exercised_tonight(context, execution, contract)
            except OptarbError as error:
                doubts.append(f"{contract}: {error}")
                continue
            if why:
                position.turn_flat("ex_dividend", may_market=context.spec.rules.allow_market)
                live.note(now, "exit_decided", position_id, reason="ex_dividend", contract=contract.symbol, why=why)
                text = f"{position_id} is closed: {why}"
                live.tell(now, "alarm", "ex_dividend", position_id, title="A short call would be exercised tonight", text=text)
    title, text = "Early exercise cannot be judged", "; ".join(doubts)
    live.episode(now, "ex_dividend", lasts=bool(doubts), title=title, text=text)


def _exercised_tonight(context: DayContext, execution: Execution, contract: OptionContract) -> str:
    """Why a call would be exercised tonight, with the figures; empty if it would not.

    Raises:
        OptarbError: It cannot be judged.
    """
    if contract.settlement is not Settlement.PHYSICAL or contract.right is not Right.CALL or contract.expiry <= context.session:
        return ""
    due = _dividends_ahead(context, contract)
    if not due or due[0].ex_date > context.following:
        return ""
    spot = context.spot(contract.underlying, execution.now)
    if spot is None:
        raise ComponentError(f"{contract.underlying} has no price")
    if spot <= contract.strike:
        return ""
    years = year_fraction(contract.settlement, contract.expiry, context.closes_at)
    payments = [((session_open(one.ex_date) - context.closes_at) / _YEAR, float(one.amount)) for one in due]
    gain = call_exercise_gain(
        float(spot),
        float(contract.strike),
        years,
        _volatility(context, execution, contract, payments, spot),
        context.spec.rate,
        dividend=payments[0][1],
        later=payments[1:],
    )
    if not gain > _LEAST_GAIN:
        return ""
    first = due[0]
    kind = "announced" if first.announced else "estimated"
    return (
        f"exercising {contract} before the {kind} dividend of {first.amount} on {first.ex_date} gains {float(gain):.2f} a share"
    )


def _dividends_ahead(context: DayContext, contract: OptionContract) -> Sequence[Dividend]:
    """The dividends after this session until the contract's expiry, oldest first, estimates among them."""
    source, symbol = context.data, contract.underlying
    if not isinstance(source, SupportsDividends):
        return ()
    where = f"dividends of {symbol!r}, session {context.session}"
    known: object = called(where, source.dividends, symbol, context.session - _A_YEAR_BACK, contract.expiry)
    if not isinstance(known, Sequence) or not all(isinstance(one, Dividend) for one in known):
        raise ComponentError(f"{where}: must return a sequence of Dividends, got {known!r}")
    return [one for one in with_estimates(known, contract.expiry) if context.session < one.ex_date <= contract.expiry]


def _volatility(
    context: DayContext, execution: Execution, contract: OptionContract, payments: Payments, spot: Decimal
) -> float:
    """The volatility implied by the put of the same strike, which has no intrinsic value here; else by the call itself.

    A call whose own price has no time value has none that could be lost.

    Raises:
        ComponentError: Neither has a quote that may decide.
    """
    put = replace(contract, right=Right.PUT)
    quotes = context.quotes([put, contract], execution.now)
    usable = [one for one in (put, contract) if decide_together([quotes.get(one)], execution.now, context.spec.rules)]
    if not usable:
        raise ComponentError("neither it nor the put of its strike has a quote that may decide")
    years = year_fraction(contract.settlement, contract.expiry, context.closes_at)
    for one in usable:
        found = american_volatility(
            float(quotes[one].mid),
            float(spot),
            float(contract.strike),
            years,
            context.spec.rate,
            call=one.right is Right.CALL,
            dividends=payments,
        )
        if found == found:  # noqa: PLR0124 - NaN test
            return float(found)
    return _LEAST_VOLATILITY
