"""The entries of a session: signals are priced, the policy is asked, and what it says is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optarb.decisions import Candidate, Decision, Denial, Entry
from optarb.domain.money import from_units
from optarb.domain.orders import OrderIntent, OrderLeg, Purpose, Rejected
from optarb.engine.candidates import Refusal, price_signal
from optarb.engine.execution import work_orders
from optarb.errors import ComponentError
from optarb.ledger.book import PositionPlan
from optarb.protocols.policies import SupportsEntryCheck

if TYPE_CHECKING:
    from optarb.engine.evaluation import ChosenSignal
    from optarb.engine.session_state import SessionState

__all__ = ["decide_entries", "entries"]


def entries(
    state: SessionState, signals: Sequence[ChosenSignal], *, last_session: bool, at_most_usd: Decimal | None = None
) -> None:
    """Prices the signals, asks the policy and opens what it says; see :func:`decide_entries`."""
    chosen = decide_entries(state, signals, last_session=last_session, at_most_usd=at_most_usd)
    if chosen:
        _open(state, chosen)


def decide_entries(
    state: SessionState, signals: Sequence[ChosenSignal], *, last_session: bool, at_most_usd: Decimal | None = None
) -> list[Entry]:
    """Prices the signals and asks the policy. What is denied is recorded; nothing is placed.

    Args:
        state: The session; its broker is not asked.
        signals: In the order of experts, then of underlyings.
        last_session: Whether nothing is opened any more.
        at_most_usd: What the broker lets new positions bind, where that may be less than the book has; None for no such limit.

    Returns:
        What to open, in the policy's order.
    """
    candidates: list[Candidate] = []
    for signal in signals:
        priced: Candidate | Refusal = state.asked(
            "fill, fee or margin model",
            price_signal,
            signal,
            state.view,
            state.engine.simulator.fills,
            state.engine.simulator.fees,
            state.engine.simulator.margin,
            next_session=state.engine.next_session.get(state.view.session),
            last_session=last_session,
        )
        if isinstance(priced, Refusal):
            who = (signal.expert, signal.underlying)
            _verdict(state, who, "denied", rule=priced.rule, reason=priced.reason, numbers=priced.numbers)
        elif (denial := _refused_by_exits(state, priced)) is not None:
            _deny(state, denial)
        else:
            candidates.append(priced)
    if not candidates:
        return []
    account = state.book.account(state.view.at)
    if at_most_usd is not None and account.available_usd > at_most_usd:
        account = replace(account, reserved_usd=account.reserved_usd + account.available_usd - at_most_usd)
    policy: Any = state.engine.strategy.policy
    decision = state.asked("policy", getattr(policy, "decide", policy), tuple(candidates), account, state.view)
    _check_decision(f"policy, session {state.view.session}", decision, candidates)
    for denial in decision.denials:
        _deny(state, denial)
    return _affordable(state, decision.entries, account.available_usd)


def _refused_by_exits(state: SessionState, candidate: Candidate) -> Denial | None:
    exits: object = state.engine.strategy.exits
    if not isinstance(exits, SupportsEntryCheck):
        return None
    denial: object = state.asked("exits", exits.refuse, candidate)
    if denial is not None and not isinstance(denial, Denial):
        raise ComponentError(f"exits.refuse must return a Denial or None, got {denial!r}")
    return denial


def _affordable(state: SessionState, chosen: Sequence[Entry], available: Decimal) -> list[Entry]:
    """Leaves out what the book does not carry, whatever the policy says.

    An order must never make its cash negative, nor open a position whose loss is unbounded without the margin for it.
    """
    cash = from_units(state.book.cash - state.book.reserved())
    carried: list[Entry] = []
    for entry in chosen:
        candidate = entry.candidate
        paid = (max(candidate.premium_usd, Decimal(0)) + candidate.round_trip_fees_usd) * entry.units
        bound = candidate.capital_usd * entry.units
        if paid > cash:
            _deny(state, _short_of("cash", candidate, needed=paid, cash=cash))
        elif candidate.max_loss_usd is None and bound > available:
            _deny(state, _short_of("margin", candidate, needed=bound, available=available))
        else:
            carried.append(entry)
            cash -= paid
            available -= bound
    return carried


def _short_of(rule: str, candidate: Candidate, **numbers: Decimal) -> Denial:
    told = {name: str(value) for name, value in numbers.items()}
    reason = f"{rule}: " + ", ".join(f"{name} {value}" for name, value in told.items())
    return Denial(candidate=candidate, rule=rule, reason=reason, numbers=told)


def _open(state: SessionState, entries: Sequence[Entry]) -> None:
    orders: list[OrderIntent] = []
    for entry in entries:
        order = _opening_order(state, entry)
        state.book.place(
            order,
            PositionPlan(
                expert=entry.candidate.expert,
                underlying=entry.candidate.underlying,
                structure=entry.candidate.structure,
                unit_margin_usd=entry.candidate.margin_usd,
                unit_capital_usd=entry.candidate.capital_usd,
                unit_requirement_usd=entry.candidate.requirement_usd,
            ),
        )
        orders.append(order)
    rejected = work_orders(
        orders, book=state.book, broker=state.broker, view=state.view, pump=state.pump, recorder=state.recorder
    )
    for entry, order in zip(entries, orders, strict=True):
        _record_entry(state, entry, order, rejected.get(order.order_id))


def _opening_order(state: SessionState, entry: Entry) -> OrderIntent:
    candidate = entry.candidate
    return OrderIntent(
        book_id=state.book.book_id,
        position_id=state.book.next_position_id(),
        purpose=Purpose.OPEN,
        attempt=1,
        legs=tuple(OrderLeg(contract=leg.contract, quantity=leg.ratio * entry.units) for leg in candidate.legs),
        limit=candidate.premium_usd / candidate.legs[0].contract.multiplier,
        units=entry.units,
        reason=candidate.structure,
    )


def _record_entry(state: SessionState, entry: Entry, order: OrderIntent, refusal: Rejected | None) -> None:
    candidate = entry.candidate
    numbers = candidate.numbers
    who = (candidate.expert, candidate.underlying)
    if refusal is not None:
        _verdict(state, who, "rejected", rule=refusal.code, reason=refusal.reason, numbers=numbers, units=entry.units)
    elif order.position_id in state.book.positions:
        _verdict(state, who, "entered", numbers=numbers, units=entry.units, position_id=order.position_id)
    elif state.book.is_working(order.order_id):
        reason = "nobody knows yet whether the order landed"
        _verdict(state, who, "in_doubt", rule="unknown", reason=reason, numbers=numbers, units=entry.units)
    else:
        reason = "the order did not fill"
        _verdict(state, who, "unfilled", rule="unfilled", reason=reason, numbers=numbers, units=entry.units)


def _deny(state: SessionState, denial: Denial) -> None:
    who = (denial.candidate.expert, denial.candidate.underlying)
    _verdict(state, who, "denied", rule=denial.rule, reason=denial.reason, numbers=denial.numbers)


def _verdict(
    state: SessionState,
    who: tuple[str, str],
    verdict: str,
    *,
    rule: str = "",
    reason: str = "",
    numbers: Mapping[str, str],
    units: int = 0,
    position_id: str | None = None,
) -> None:
    """Writes what became of a signal, named by expert and underlying."""
    told = json.dumps({str(name): str(value) for name, value in numbers.items()})
    state.recorder.add("verdicts", *who, verdict, rule, reason, told, units, position_id)


def _check_decision(where: str, decision: object, candidates: Sequence[Candidate]) -> None:
    """Every candidate must stand in exactly one of entries and denials."""
    if not isinstance(decision, Decision):
        raise ComponentError(f"{where}: must return a Decision, got {decision!r}")
    left = list(candidates)
    for answer in (*decision.entries, *decision.denials):
        if not isinstance(answer, Entry | Denial):
            raise ComponentError(f"{where}: a Decision holds Entries and Denials, got {answer!r}")
        if answer.candidate not in left:
            who = (answer.candidate.expert, answer.candidate.underlying)
            raise ComponentError(f"{where}: answered for a candidate it was not asked about, or twice: {who}")
        left.remove(answer.candidate)
    if left:
        named = [(one.expert, one.underlying) for one in left]
        raise ComponentError(f"{where}: left out {named}; every candidate needs an entry or a denial")
