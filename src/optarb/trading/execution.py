"""Orders at work: look them up, plan, store, act, store. To recover from anything is to call it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from optarb.domain.legs import Leg
from optarb.domain.money import to_units
from optarb.domain.orders import DUPLICATE_ID, Accepted, OrderIntent, OrderReport, Rejected, SubmitAnswer, Unknown
from optarb.engine.evaluation import legs_text
from optarb.errors import BrokerUnavailable
from optarb.trading.actions import Action, Cancel, Drop, Finish, Place, Resend, Send, Shrink, Turn, Wait
from optarb.trading.labels import feed_name, is_real_money
from optarb.trading.live_position import Goal, LivePosition, is_even
from optarb.trading.order_state import LiveOrder, OrderState
from optarb.trading.planner import Scene, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from optarb.domain.contracts import OptionContract
    from optarb.domain.quotes import Quote
    from optarb.protocols import BrokerAdapter
    from optarb.trading.context import DayContext
    from optarb.trading.live_book import LiveBook
    from optarb.trading.rules import LiveRules

__all__ = ["Execution"]

_MOST_STEPS = 100
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Execution:
    """One book at one broker at one instant."""

    live: LiveBook
    """The book."""
    broker: BrokerAdapter
    """Where orders go."""
    rules: LiveRules
    """How they are worked."""
    now: datetime
    """The instant, aware UTC."""
    quotes: Mapping[OptionContract, Quote]
    """The newest quote of each contract that has one: for prices and beside fills."""
    feed: str | None = None
    """Name of where the quotes come from, for the rows of fills; None where nothing is looked up, so that nothing fills."""
    real_money: bool | None = None
    """Whether the broker trades real money, for the rows of fills; None as for ``feed``."""

    @classmethod
    def at(cls, context: DayContext, live: LiveBook, now: datetime, contracts: Iterable[OptionContract]) -> Execution:
        """Returns a day's book at its broker at an instant, with the newest quotes of some contracts."""
        return cls(
            live=live,
            broker=context.broker,
            rules=context.spec.rules,
            now=now,
            quotes=context.quotes(list(contracts), now),
            feed=feed_name(context.feed),
            real_money=is_real_money(context.broker),
        )

    # -- looking orders up ---------------------------------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Looks up every live order that is due and books what became of it.

        Returns:
            False if the broker could not be asked.
        """
        for position in self.live.state.positions.values():
            for order in position.orders:
                if not self._look_up(position, order):
                    return False
            self.settle_stage(position)
        return True

    def look_again(self) -> bool:
        """Looks up all orders of the session, those that were over too: for a difference that nothing else explains.

        Returns:
            False if the broker could not be asked.
        """
        for position in self.live.state.positions.values():
            for order in position.orders:
                if order.sends and not order.is_live and not self._find(position, order):
                    return False
            self.settle_stage(position)
        return True

    def _look_up(self, position: LivePosition, order: LiveOrder) -> bool:
        if order.state is OrderState.SENDING:
            self._doubt(order, "whoever sent it did not live to tell the answer")
        due = order.next_look_at is None or self.now >= order.next_look_at
        if order.state is OrderState.WORKING or (order.state is OrderState.UNKNOWN and due):
            return self._find(position, order)
        return True

    def _find(self, position: LivePosition, order: LiveOrder) -> bool:
        try:
            report = self.broker.find(order.order_id)
        except BrokerUnavailable as error:
            self.live.note(self.now, "broker_unavailable", order.order_id, error=str(error))
            return False
        if report is None:
            self._not_found(order)
        elif report.terms is not None and report.terms != order.intent.terms:
            self._not_ours(position, order)
        else:
            self._book(order, report)
        return True

    def _not_found(self, order: LiveOrder) -> None:
        if not order.is_live:
            return
        if order.state is OrderState.WORKING:
            self._doubt(order, "the broker took it and does not show it")
        order.missed(self.now, self.rules.unknown)
        since = order.unknown_since or self.now
        if self.now - since >= self.rules.unknown:
            self._alarm(
                "order_unknown",
                order.order_id,
                "An order cannot be found",
                f"{order.order_id} was sent and is not found since {since.isoformat()} ({order.reason}); it may still land",
            )

    def _not_ours(self, position: LivePosition, order: LiveOrder) -> None:
        self.freeze(position, f"the broker holds another order under the id {order.order_id}")

    def _book(self, order: LiveOrder, report: OrderReport) -> None:
        was, live = (order.state, dict(order.filled)), self.live
        before = live.book.positions.get(order.intent.position_id)
        for record in live.book.apply(report):
            live.recorder.fill(record, self.quotes.get(record.contract), feed=self.feed, live=self.real_money)
        order.told(report, self.now)
        if (order.state, order.filled) != was:
            live.note(self.now, "order_report", order.order_id, state=order.state, filled=order.filled, reason=report.reason)
        if before is not None and before.position_id not in live.book.positions:
            position = live.state.positions[before.position_id]
            gain = before.proceeds - before.premium
            reason = position.close_reason or "unwind"
            live.recorder.add("exits", before.position_id, reason, before.proceeds, gain, before.held_sessions)

    # -- what follows from what is held --------------------------------------------------------------------------------------

    def settle_stage(self, position: LivePosition) -> None:
        """Notes what follows from what a position holds now: whole, unhedged, or back after its end."""
        held = self.live.state.held(position.position_id)
        if is_even(position.legs, held):
            position.exposed_since = None
        elif position.exposed_since is None:
            position.exposed_since = self.now
        if any(held.values()) and position.is_full(held) and position.goal is Goal.OPEN:
            position.built = True
            self._verdict(position, "entered")
        if position.done and any(held.values()):
            position.turn_flat("unwind", may_market=True)
            text = f"{position.position_id} was over and holds {_shown(held)} by a late fill; it is unwound"
            self._alarm("late_fill", position.position_id, "A position came back", text)

    def freeze(self, position: LivePosition, why: str) -> None:
        """Sends nothing more for a position until a person has looked."""
        if not position.frozen:
            position.frozen, position.needs_human = True, why
            self._alarm("needs_human", position.position_id, "A position needs a person", f"{position.position_id}: {why}")

    # -- working a position --------------------------------------------------------------------------------------------------

    def work(self, position: LivePosition, scene: Callable[[], Scene]) -> Wait:
        """Does what the planner says until there is nothing to do now.

        Args:
            position: A position of the book.
            scene: Called before each step, so that every send sees what people want now.

        Raises:
            Superseded: Another owner moves the book.
        """
        for _ in range(_MOST_STEPS):
            action = plan(position, self.live.state.held(position.position_id), scene())
            if isinstance(action, Wait):
                return action
            self._do(position, action)
            self.live.save()
        self.freeze(position, f"it did not come to rest in {_MOST_STEPS} steps")
        self.live.save()
        return Wait(until=None, reason="frozen")

    def _do(self, position: LivePosition, action: Action) -> None:
        if isinstance(action, Place):
            self._place(position, action.intent)
        elif isinstance(action, Send):
            self._send(position.order(action.order_id))
        elif isinstance(action, Resend):
            order = position.order(action.order_id)
            order.state, order.unknown_since, order.next_look_at = OrderState.INTENT, None, None
            self.live.note(self.now, "order_resend", action.order_id)
        elif isinstance(action, Cancel):
            self._cancel(position, position.order(action.order_id))
        elif isinstance(action, Drop):
            position.order(action.order_id).end(OrderState.DEAD, "dropped", action.reason, self.now)
            self.live.book.drop(action.order_id)
            self.live.note(self.now, "order_dropped", action.order_id, reason=action.reason)
        else:
            self._change(position, action)

    def _change(self, position: LivePosition, action: Action) -> None:
        if isinstance(action, Turn):
            position.turn_flat(action.reason, may_market=True)
            self.live.note(self.now, "position_turned", position.position_id, reason=action.reason, detail=action.detail)
            if action.reason == "unwind":
                text = f"{position.position_id} is unwound: {action.detail}"
                self._alarm("unwind", position.position_id, "A half-built position is unwound", text)
        elif isinstance(action, Shrink):
            position.units = action.units
            self.settle_stage(position)
        elif isinstance(action, Finish):
            position.done, position.needs_human = True, ""
            self._verdict(position, "rejected" if action.reason == "rejected" else "unfilled")
            self.live.note(self.now, "position_over", position.position_id, reason=action.reason)

    def _place(self, position: LivePosition, intent: OrderIntent) -> None:
        self.live.book.place(intent, position.plan)
        position.add(LiveOrder(intent=intent, created_at=self.now))
        self.record_intent(intent)

    def record_intent(self, intent: OrderIntent) -> None:
        """Writes the row of an order that was decided, and its frozen content under its id."""
        self.live.note(self.now, "order_intent", intent.order_id, **intent.dump())
        legs = tuple(Leg(contract=leg.contract, ratio=leg.quantity) for leg in intent.legs)
        limit = None if intent.limit is None else to_units(intent.limit)
        self.live.recorder.add(
            "intents",
            intent.position_id,
            str(intent.purpose),
            intent.attempt,
            intent.units,
            legs_text(legs),
            limit,
            intent.reason,
        )

    # -- the broker ----------------------------------------------------------------------------------------------------------

    def _send(self, order: LiveOrder) -> None:
        """Sends an order that is stored as being sent: whoever comes after a crash in between looks it up."""
        day = self.live.state.day
        order.state, order.sent_at = OrderState.SENDING, self.now
        order.sends += 1
        recent = (self.now - _MINUTE).isoformat()
        day.sent_at = [at for at in day.sent_at if at > recent] + [self.now.isoformat()]
        self.live.note(self.now, "order_sent", order.order_id, sends=order.sends)
        self.live.save()
        answer = self.broker.submit(order.intent)
        self._answered(order, answer)

    def _answered(self, order: LiveOrder, answer: SubmitAnswer) -> None:
        told = "" if isinstance(answer, Accepted) else answer.reason
        self.live.note(self.now, "order_answer", order.order_id, answer=type(answer).__name__, reason=told)
        if isinstance(answer, Unknown):
            self._doubt(order, answer.reason)
        elif not isinstance(answer, Rejected):
            order.state = OrderState.WORKING
        elif answer.code == DUPLICATE_ID:
            self._doubt(order, "the broker has an order of this id")
        elif answer.retry_after is not None:
            order.state = OrderState.INTENT
            order.retry_at = self.now + timedelta(seconds=answer.retry_after)
        else:
            order.end(OrderState.DEAD, "rejected", f"{answer.code}: {answer.reason}", self.now)
            self.live.book.drop(order.order_id)
            if not order.opens:
                text = f"{order.order_id} was refused: {answer.code}, {answer.reason}"
                self._alarm("close_rejected", order.order_id, "A closing order was refused", text)

    def _cancel(self, position: LivePosition, order: LiveOrder) -> None:
        order.cancel_at = self.now
        self.live.note(self.now, "order_cancel", order.order_id)
        self.live.save()
        try:
            self.broker.cancel(order.order_id)
        except BrokerUnavailable as error:
            self.live.note(self.now, "broker_unavailable", order.order_id, error=str(error))
            return
        if order.state is OrderState.WORKING:
            self._find(position, order)
            self.settle_stage(position)

    def _doubt(self, order: LiveOrder, reason: str) -> None:
        order.doubt(self.now, reason)
        self.live.book.doubt(order.order_id)
        self.live.state.day.doubted = True

    # -- telling -------------------------------------------------------------------------------------------------------------

    def _alarm(self, kind: str, subject: str, title: str, text: str) -> None:
        self.live.tell(self.now, "alarm", kind, subject, title=title, text=text)

    def _verdict(self, position: LivePosition, verdict: str) -> None:
        """Writes once what became of an entry."""
        if position.verdict_given:
            return
        position.verdict_given = True
        ends = [order for order in position.orders if order.opens and order.ended in {"rejected", "cancelled", "expired"}]
        told = verdict != "entered"
        reason = "; ".join(order.reason for order in ends) or "the order did not fill" if told else ""
        self.live.recorder.add(
            "verdicts",
            position.plan.expert,
            position.plan.underlying,
            verdict,
            verdict if told else "",
            reason,
            json.dumps(position.numbers),
            position.units,
            None if told else position.position_id,
        )


def _shown(held: Mapping[OptionContract, int]) -> str:
    return " ".join(f"{quantity:+d} {contract}" for contract, quantity in held.items())
