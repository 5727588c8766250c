"""What the broker tells of its account: it confirms what was inferred, and explains cash. Positions stay the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract
from optarb.domain.money import to_units
from optarb.errors import BrokerUnavailable
from optarb.protocols.accounts import SupportsActivities

if TYPE_CHECKING:
    from optarb.protocols.accounts import Activity
    from optarb.trading.account_cash import AccountCash
    from optarb.trading.trading_state import TradingState

__all__ = ["collect_activities", "compare_assignments", "named_assignments"]

_OVERLAP = timedelta(days=7)
_KEPT = timedelta(days=7)
_CASH_KINDS = frozenset({"dividend", "fee", "interest", "transfer"})


def collect_activities(cash: AccountCash) -> None:
    """Asks the broker, every ``cycle_seconds`` at most, what happened, and takes in what is new.

    A broker that cannot be asked is asked again in a later cycle, from a week before the last answer on.

    Args:
        cash: The account's cash, with the day and the book.
    """
    execution, broker = cash.execution, cash.context.broker
    memory, now = execution.live.state.memory, execution.now
    if not isinstance(broker, SupportsActivities):
        return
    asked = datetime.fromisoformat(memory.activities_asked) if memory.activities_asked else None
    if asked is not None and now - asked < timedelta(seconds=execution.rules.cycle_seconds):
        return
    begins = datetime.fromisoformat(memory.activities_from) if memory.activities_from else now
    since = max(begins, (asked or now) - _OVERLAP)
    try:
        told = broker.activities(since)
    except BrokerUnavailable as error:
        execution.live.note(now, "broker_unavailable", "activities", error=str(error))
        return
    memory.activities_from, memory.activities_asked = begins.isoformat(), now.isoformat()
    for activity in told:
        if activity.id not in memory.activities and activity.at >= begins:
            memory.activities[activity.id] = activity.at.isoformat()
            _take(cash, activity)
    kept = now - 2 * _OVERLAP
    memory.activities = {key: at for key, at in memory.activities.items() if datetime.fromisoformat(at) >= kept}
    _forget_expired(cash)


def _take(cash: AccountCash, activity: Activity) -> None:
    live, now = cash.execution.live, cash.execution.now
    memory, symbol = live.state.memory, activity.symbol
    detail = {"symbol": symbol, "quantity": activity.quantity, "cash": str(activity.cash_usd), "at": activity.at.isoformat()}
    live.note(now, "activity", activity.id, kind=activity.kind, **detail)
    if activity.kind in _CASH_KINDS:
        cash.name(to_units(activity.cash_usd))
    elif activity.kind == "assignment":
        memory.named[symbol] = memory.named.get(symbol, 0) + abs(activity.quantity)
    elif activity.kind == "expiry" and memory.assigned.get(symbol, 0) > memory.confirmed.get(symbol, 0):
        text = f"{symbol} was booked as assigned, and the broker says that it expired ({activity.id}); look at the account"
        live.tell(now, "alarm", "contradiction", symbol, title="The broker contradicts an assignment", text=text)


def _forget_expired(cash: AccountCash) -> None:
    memory, last = cash.execution.live.state.memory, cash.context.session - _KEPT
    for counted in (memory.assigned, memory.named, memory.confirmed):
        for symbol in list(counted):
            try:
                over = OptionContract.parse(symbol).expiry < last
            except ValueError:
                over = True  # an adjusted contract, of which no book counts anything
            if over:
                del counted[symbol]


def named_assignments(contract: OptionContract, states: Sequence[TradingState]) -> int:
    """Counts the contracts that the broker has named as assigned and no book has booked; negative where it lags behind.

    Args:
        contract: The contract.
        states: All books of the account.
    """
    symbol = contract.symbol
    named = max(state.memory.named.get(symbol, 0) for state in states)
    return named - sum(state.memory.assigned.get(symbol, 0) for state in states)


def compare_assignments(cash: AccountCash, difference: Mapping[OptionContract, int], states: Sequence[TradingState]) -> None:
    """Confirms what the book inferred, and alarms for an assignment that the account does not show.

    Args:
        cash: The account's cash, with the day and the book.
        difference: What the account has more than its books, before anything of it is explained.
        states: All books of the account.
    """
    live, now = cash.execution.live, cash.execution.now
    memory = live.state.memory
    for symbol, number in memory.assigned.items():
        if memory.confirmed.get(symbol, 0) < number and named_assignments(OptionContract.parse(symbol), states) >= 0:
            memory.confirmed[symbol] = number
            text = f"the broker names {number} {symbol} of this book as assigned, as they were booked"
            subject = f"{symbol}x{number}"
            live.tell(now, "info", "assignment_confirmed", subject, title="An assignment is confirmed", text=text)
    for symbol in memory.named:
        try:
            contract = OptionContract.parse(symbol)
        except ValueError:
            continue
        excess = named_assignments(contract, states)
        if excess > 0 and difference.get(contract, 0) <= 0:
            text = f"the broker names {excess} {symbol} more as assigned than the account has lost; look at the account"
            live.tell(now, "alarm", "contradiction", symbol, title="The broker contradicts the account", text=text)
