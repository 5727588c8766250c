"""The entries of a live day: decided once with the engine of a backtest, stored, and handed to the guardian."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.money import from_units
from optarb.domain.orders import OrderIntent, OrderLeg, Purpose
from optarb.errors import BrokerUnavailable, OptarbError, StoreUnavailable, Superseded, TransientError
from optarb.ledger.book import PositionPlan
from optarb.protocols.trading import SupportsAccount
from optarb.trading.account_watch import other_books
from optarb.trading.decision import ENTRIES, ask_experts, decide, once_step
from optarb.trading.execution import Execution
from optarb.trading.fingerprints import fingerprints
from optarb.trading.lease import open_book
from optarb.trading.live_position import LivePosition
from optarb.trading.order_state import LiveOrder, OrderState
from optarb.trading.prices import opening_limit
from optarb.trading.recording import Recording, store_recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from optarb.engine.view import View
    from optarb.trading.context import DayContext
    from optarb.trading.decision import Answer
    from optarb.trading.live_book import LiveBook

__all__ = ["enter"]

_RETRY = timedelta(minutes=1)


def enter(context: DayContext, now: datetime) -> datetime | None:
    """Decides the session's entries and hands them to the guardian. Call it again after a crash: nothing is decided twice.

    Args:
        context: The day, which must have been opened.
        now: The instant, aware UTC.

    Returns:
        When to call again, because quotes cannot be used yet or the broker cannot be asked; None once it is settled.

    Raises:
        Superseded: Another owner moves the book.
        StoreUnavailable: The same call may work later.
    """
    live = open_book(context, now, until=now + timedelta(seconds=context.spec.rules.cycle_seconds))
    day = live.state.day
    if day.ended or day.session != context.number:
        return None
    if day.decided:
        _clear(context, live, now)
        return None
    answer = context.store.decided(context.book_id, context.session, ENTRIES) or _answer(context, live, now)
    if answer is None:
        live.save()
        return now + _RETRY
    if isinstance(answer, bytes):
        _hand_over(context, live, now, json.loads(answer))
        return None
    day.decided, day.outcome = True, answer
    live.note(now, "no_entries", "", outcome=day.outcome, stops=day.stops)
    live.save()
    return None


def _answer(context: DayContext, live: LiveBook, now: datetime) -> bytes | str | None:
    """The decision as it was stored, the outcome of a day that decides nothing, or None to try again."""
    outcome = _not_now(context, live, now)
    if outcome is not None or "broker" in live.state.day.stops:
        return outcome
    try:
        return _decided(context, live, now)
    except TransientError as error:
        live.note(now, "decision_postponed", "", error=str(error))
        return None
    except (StoreUnavailable, Superseded):
        raise
    except OptarbError as error:
        live.tell(now, "alarm", "failed", "", title="The day could not be decided", text=str(error))
        return "failed"


def _not_now(context: DayContext, live: LiveBook, now: datetime) -> str | None:
    """The outcome of a day that decides nothing, or None."""
    if now >= context.entry_until:
        return "missed"
    if context.controls().halted or context.controls().flatten:
        return "halted"
    return "needs_human" if live.state.day.stops.keys() - {"broker"} else None


# -- the decision ------------------------------------------------------------------------------------------------------------


def _decided(context: DayContext, live: LiveBook, now: datetime) -> bytes | None:
    """Asks experts and policy on the quotes of now and stores what they say; None while quotes cannot be used."""
    try:
        view = context.view(now)
    except BrokerUnavailable as error:
        live.note(now, "quotes_unavailable", "", error=str(error))
        return None
    if not _fresh(context, view, now):
        live.note(now, "quotes_unusable", "", chains=sorted(view.chains))
        return None
    engine = context.engine()
    signals = ask_experts(context.strategy, view, partial(_once, context))
    power = _buying_power(context)
    recording = Recording(
        at=now,
        session=context.session,
        previous=context.previous,
        following=context.following,
        spec=context.spec,
        chains=view.chains,
        bars=engine.market.bars,
        state=live.state.dump(),
        at_most_usd=power,
        controls=context.controls(),
        capabilities=context.broker.capabilities,
        parameters=fingerprints(context.strategy, context.simulator),
    )
    answer = decide(engine, view, live.book, signals, at_most_usd=power)
    answer["recording"] = store_recording(context.store, context.book_id, recording)
    text = json.dumps(answer, sort_keys=True, separators=(",", ":")).encode()
    return context.store.once(context.book_id, context.session, ENTRIES, text)


def _fresh(context: DayContext, view: View, now: datetime) -> bool:
    """Whether every underlying has a chain that is young enough, and all were taken together."""
    rules = context.spec.rules
    taken = [chain.taken_at for chain in view.chains.values()]
    known = [instant for instant in taken if instant is not None]
    if len(known) < len(context.strategy.underlyings):
        return False
    young = now - min(known) <= timedelta(seconds=rules.quote_age_seconds)
    return young and max(known) - min(known) <= timedelta(seconds=rules.quote_skew_seconds)


def _once(context: DayContext, underlying: str, expert: str, key: str, call: Callable[[], bytes]) -> bytes:
    step = once_step(underlying, expert, key)
    known = context.store.decided(context.book_id, context.session, step)
    return context.store.once(context.book_id, context.session, step, call()) if known is None else known


def _buying_power(context: DayContext) -> Decimal | None:
    """What the broker lets new positions bind, less what the other books of the account have reserved."""
    broker = context.broker
    if not isinstance(broker, SupportsAccount):
        return None
    try:
        power = broker.account().buying_power_usd
    except BrokerUnavailable:
        return Decimal(0)
    return power - sum((from_units(state.book.reserved()) for state in other_books(context)), Decimal(0))


# -- the hand-over -----------------------------------------------------------------------------------------------------------


def _hand_over(context: DayContext, live: LiveBook, now: datetime, body: Answer) -> None:
    """Makes positions and orders of a stored decision, all in one save; then reserves, asks preflight, and leaves the rest."""
    live.signals([tuple(row) for row in body["signals"]])
    for row in body["verdicts"]:
        live.recorder.add("verdicts", *row[2:])
    execution = Execution(live=live, broker=context.broker, rules=context.spec.rules, now=now, quotes={})
    made = [position for entry in body["entries"] if (position := _position(context, execution, entry)) is not None]
    live.state.day.decided = True
    if not made:
        live.state.day.outcome = "no_trade"
    live.note(now, "decided", "", entries=len(body["entries"]), positions=[one.position_id for one in made])
    live.save()
    _clear(context, live, now)


def _clear(context: DayContext, live: LiveBook, now: datetime) -> None:
    """Lets go what buying power and preflight allow; before that the guardian sends nothing of it."""
    execution = Execution(live=live, broker=context.broker, rules=context.spec.rules, now=now, quotes={})
    waiting = [position for position in live.state.positions.values() if not position.cleared]
    for position in waiting:
        _preflight(context, execution, position)
        position.cleared = True
    if waiting:
        live.save()


@dataclass(frozen=True, slots=True)
class _Refusal:
    rule: str
    numbers: Mapping[str, str]


def _position(context: DayContext, execution: Execution, entry: Answer) -> LivePosition | None:
    legs = tuple(Leg(contract=OptionContract.parse(symbol), ratio=ratio) for symbol, ratio in entry["legs"])
    refusal = _refusal(context, execution.live, legs, entry)
    if refusal is not None:
        words = ", ".join(f"{name} {value}" for name, value in refusal.numbers.items())
        _denied(execution.live, entry, refusal.rule, f"{refusal.rule}: {words}", refusal.numbers)
        return None
    book, capabilities = execution.live.book, context.broker.capabilities
    one_underlying = len({leg.contract.underlying for leg in legs}) == 1
    together = len(legs) == 1 or (capabilities.multi_leg and (one_underlying or capabilities.cross_underlying))
    position = LivePosition(
        position_id=book.next_position_id(),
        plan=PositionPlan(
            expert=entry["expert"],
            underlying=entry["underlying"],
            structure=entry["structure"],
            unit_margin_usd=Decimal(entry["margin"]),
            unit_capital_usd=Decimal(entry["capital"]),
            unit_requirement_usd=None if entry.get("requirement") is None else Decimal(entry["requirement"]),
            legs=legs,
        ),
        units=entry["units"],
        by_leg=not together,
        deadline=min(execution.now + context.spec.rules.entry, context.entry_until),
        numbers=entry["numbers"],
    )
    execution.live.state.positions[position.position_id] = position
    for intent, plan in _orders(book.book_id, position, entry):
        book.place(intent, plan)
        position.add(LiveOrder(intent=intent, created_at=execution.now))
        execution.record_intent(intent)
    return position


def _orders(book_id: str, position: LivePosition, entry: Answer) -> list[tuple[OrderIntent, PositionPlan]]:
    """The opening orders in the order of sending: one, or one a leg with the longs first. The last reserves the capital."""
    prices = [Decimal(at) for at in entry["prices"]]
    if not position.by_leg:
        legs = tuple(OrderLeg(contract=leg.contract, quantity=leg.ratio * position.units) for leg in position.legs)
        limit = opening_limit(position.legs, prices, Decimal(entry["limit"]))
        return [(_intent(book_id, position, None, legs, limit), position.plan)]
    numbers = sorted(range(len(position.legs)), key=lambda number: position.legs[number].ratio < 0)
    orders: list[tuple[OrderIntent, PositionPlan]] = []
    for number in numbers:
        leg = position.legs[number]
        limit = opening_limit([leg], [prices[number]], prices[number] * leg.ratio)
        one = OrderLeg(contract=leg.contract, quantity=leg.ratio * position.units)
        plan = position.plan if number == numbers[-1] else _unreserved(position.plan)
        orders.append((_intent(book_id, position, number, (one,), limit), plan))
    return orders


def _unreserved(plan: PositionPlan) -> PositionPlan:
    return replace(plan, unit_capital_usd=Decimal(0))


def _intent(book_id: str, position: LivePosition, leg: int | None, legs: tuple[OrderLeg, ...], limit: Decimal) -> OrderIntent:
    return OrderIntent(
        book_id=book_id,
        position_id=position.position_id,
        purpose=Purpose.OPEN,
        attempt=1,
        legs=legs,
        limit=limit,
        units=position.units,
        reason=position.plan.structure,
        leg=leg,
    )


def _refusal(context: DayContext, live: LiveBook, legs: Sequence[Leg], entry: Answer) -> _Refusal | None:
    """The safety limit, or the contract held with the other sign, that refuses an entry."""
    spots = {symbol: Decimal(price) for symbol, price in entry["spots"].items()}
    opened = sum(position_id.startswith(f"{context.number}.") for position_id in live.state.positions)

    def spot_of(symbol: str) -> Decimal | None:
        spot = spots.get(symbol)
        return None if spot is None or not spot.is_finite() else spot

    refused = context.spec.limits.refusal(legs, entry["units"], opened, spot_of)
    if refused is not None:
        return _Refusal(*refused)
    for state in (live.state, *other_books(context)):
        there = state.holdings()
        working = [
            leg
            for position in state.positions.values()
            for order in position.orders
            if order.is_live
            for leg in order.intent.legs
        ]
        for leg in legs:
            others = [there.get(leg.contract, 0), *(one.quantity for one in working if one.contract == leg.contract)]
            if any(quantity * leg.ratio < 0 for quantity in others):
                return _Refusal("opposite_held", {"contract": leg.contract.symbol, "book": state.book.book_id})
    return None


def _preflight(context: DayContext, execution: Execution, position: LivePosition) -> None:
    """Reserves buying power and asks the broker about all legs together; what is refused is never sent."""
    live, broker = execution.live, context.broker
    refused = ""
    try:
        if isinstance(broker, SupportsAccount):
            books = (live.state, *other_books(context))
            reserved = sum((from_units(state.book.reserved()) for state in books), Decimal(0))
            power = broker.account().buying_power_usd
            if reserved > power:
                refused = f"buying_power: {reserved} are reserved by the account's books, the broker gives {power}"
        refusals = () if refused else broker.preflight([order.intent for order in position.orders])
        refused = refused or "; ".join(f"{one.code}: {one.reason}" for one in refusals)
    except BrokerUnavailable as error:
        refused = f"broker_unavailable: {error}"
    if not refused:
        return
    for order in position.orders:
        order.end(OrderState.DEAD, "rejected", refused, execution.now)
        live.book.drop(order.order_id)
    text = f"{position.position_id}: {refused}"
    live.tell(execution.now, "warning", "preflight", position.position_id, title="An entry was refused", text=text)


def _denied(live: LiveBook, entry: Answer, rule: str, reason: str, numbers: Mapping[str, str]) -> None:
    told = json.dumps({**entry["numbers"], **numbers})
    live.recorder.add("verdicts", entry["expert"], entry["underlying"], "denied", rule, reason, told, 0, None)
