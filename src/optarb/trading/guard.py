"""One cycle of the guardian: the only one that moves the positions of a book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from optarb.engine.exits import review_exits
from optarb.errors import OptarbError, Superseded
from optarb.trading.account_watch import AccountWatch
from optarb.trading.actions import Wait
from optarb.trading.calendar_exits import close_before_ex_date, close_before_expiry, ex_dividend_cutoff
from optarb.trading.execution import Execution
from optarb.trading.labels import refuse_indicative
from optarb.trading.lease import open_book
from optarb.trading.live_book import LiveBook
from optarb.trading.live_position import Goal, LivePosition
from optarb.trading.market_checks import check_clock, is_open, stood_still
from optarb.trading.marking import mark_positions, session_state, watch_loss, write_marks
from optarb.trading.order_state import OrderState
from optarb.trading.outcome import ending
from optarb.trading.planner import Scene

if TYPE_CHECKING:
    from optarb.domain.contracts import OptionContract
    from optarb.trading.context import DayContext

__all__ = ["Cycle", "guard"]

_SOON = timedelta(seconds=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """What one cycle came to."""

    next_at: datetime
    """When to run the next one, aware UTC."""
    over: bool = False
    """Whether the guardian's work of this session is done, or belongs to another owner now."""
    lost: bool = False
    """Whether another owner moves the book."""
    open_positions: int = 0
    """Positions that hold contracts."""
    live_orders: int = 0
    """Orders that may still come to something."""


def guard(context: DayContext, now: datetime) -> Cycle:
    """Runs one cycle: look orders up, compare with the broker, judge exits, work every position, say when to come again.

    The book's day must have been opened. Whatever fails on the way to a decision, what is known to be held is worked.

    Args:
        context: The day.
        now: The instant, aware UTC.

    Raises:
        StoreUnavailable: Nothing can be stored, so nothing is sent; the same call may work later.
    """
    rules = context.spec.rules
    try:
        live = open_book(context, now, until=now + timedelta(seconds=rules.cycle_seconds))
        if live.state.day.ended or live.state.day.session != context.number:
            context.store.release(live.book_id, live.owner)  # whoever ended it may have died before that
            return Cycle(next_at=now, over=True)
        return _Guardian.awake(context, live, now).cycle()
    except Superseded:
        return Cycle(next_at=now, over=True, lost=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Guardian:
    """One cycle at work."""

    context: DayContext
    live: LiveBook
    execution: Execution
    now: datetime
    in_session: bool
    """Whether the calendar says that the market is open."""
    is_open: bool
    """Whether the broker says so too."""

    @classmethod
    def awake(cls, context: DayContext, live: LiveBook, now: datetime) -> _Guardian:
        contracts = _contracts(live)
        execution = Execution.at(context, live, now, contracts)
        ends = max((context.trades_until(contract) for contract in contracts), default=context.closes_at)
        in_session = context.opens_at <= now < max(ends, context.closes_at)
        return cls(
            context=context,
            live=live,
            execution=execution,
            now=now,
            in_session=in_session,
            is_open=in_session and is_open(context.broker),
        )

    # -- the cycle -----------------------------------------------------------------------------------------------------------

    def cycle(self) -> Cycle:
        """Runs it."""
        live, now = self.live, self.now
        live.note_controls(now, self.context.controls())
        self._stand_still()
        away = not self.execution.refresh()
        watch = AccountWatch(context=self.context, execution=self.execution)
        at_broker = None if away else watch.look()
        self._broker_away(away=at_broker is None)
        refuse_indicative(self.context, self.execution)
        if self.in_session and at_broker is not None:
            check_clock(self.execution)
        live.save()
        if now >= self._ends_at():
            return self._finish(watch)
        mark_positions(self.context, self.execution, is_open=self.is_open)
        watch_loss(self.context, self.execution)
        self._review()
        close_before_expiry(self.context, self.execution)
        close_before_ex_date(self.context, self.execution)
        live.save()
        waits = [(position, self._work(position, at_broker)) for position in list(live.state.positions.values())]
        self._told_closed()
        live.save()
        return self._next(waits)

    def _work(self, position: LivePosition, at_broker: Mapping[OptionContract, int] | None) -> Wait:
        open_for_it = self.is_open and all(self.now < self.context.trades_until(leg.contract) for leg in position.legs)

        def scene() -> Scene:
            return self._scene(at_broker, market_open=open_for_it)

        return self.execution.work(position, scene)

    def _scene(self, at_broker: Mapping[OptionContract, int] | None, *, market_open: bool) -> Scene:
        return Scene(
            book_id=self.live.book_id,
            now=self.now,
            quotes=self.execution.quotes,
            controls=self.context.controls(),
            rules=self.context.spec.rules,
            market_open=market_open,
            unique_ids=self.context.broker.capabilities.unique_client_ids,
            entries_stopped="; ".join(self.live.state.day.stops.values()),
            hold_until=self._hold_until(),
            at_broker=at_broker,
        )

    def _hold_until(self) -> datetime | None:
        """Until when openings wait because as many orders as a minute may have were sent within one."""
        most = self.context.spec.limits.max_orders_per_minute
        sent = [datetime.fromisoformat(at) for at in self.live.state.day.sent_at]
        free_at = sent[-most] + timedelta(minutes=1) if len(sent) >= most else self.now
        return free_at if free_at > self.now else None

    # -- the market ----------------------------------------------------------------------------------------------------------

    def _stand_still(self) -> None:
        """While the broker's market is closed in session, the ladder and the bound on unhedged time stand still."""
        halted = self.in_session and not self.is_open
        for position in self.live.state.positions.values():
            since = position.stood_still_since
            if halted and since is None:
                position.stood_still_since = self.now
            elif not halted and since is not None:
                stood_still(position, self.now - since)
                position.stood_still_since = None
        self.live.episode(
            self.now,
            "market_closed",
            lasts=halted and self.live.state.is_moving,
            title="The broker's market is closed in session",
            text="nothing is sent until it opens again; orders at the broker rest",
        )

    def _broker_away(self, *, away: bool) -> None:
        self.live.episode(
            self.now,
            "broker_unavailable",
            lasts=away,
            title="The broker cannot be asked",
            text="orders and positions are not known until it answers; nothing new is begun",
        )
        if away:
            self.live.state.day.stops["broker"] = "the broker cannot be asked"
        else:
            self.live.state.day.stops.pop("broker", None)

    # -- exits ---------------------------------------------------------------------------------------------------------------

    def _review(self) -> None:
        """Asks the position manager, every ``cycle_seconds`` until the close, while anything is held that shall stay."""
        live, day = self.live, self.live.state.day
        last = datetime.fromisoformat(day.reviewed_at) if day.reviewed_at else None
        wanted = any(
            position.goal is Goal.OPEN and position_id in live.book.positions
            for position_id, position in live.state.positions.items()
        )
        due = last is None or self.now - last >= timedelta(seconds=self.context.spec.rules.cycle_seconds)
        if not (wanted and due and self.is_open and self.now < self.context.closes_at):
            return
        day.reviewed_at = self.now.isoformat()
        live.note_marks(self.now, self.execution.quotes)
        try:
            reasons = review_exits(session_state(self.context, self.execution))
        except OptarbError as error:
            self.live.episode(self.now, "review", lasts=True, title="The position manager failed", text=str(error))
            return
        self.live.episode(self.now, "review", lasts=False)
        for position_id, reason in reasons.items():
            position = live.state.positions[position_id]
            if position.goal is Goal.OPEN:
                position.turn_flat(reason, may_market=self.context.spec.rules.allow_market)
                live.note(self.now, "exit_decided", position_id, reason=reason)

    # -- when to come again, and the end -------------------------------------------------------------------------------------

    def _ends_at(self) -> datetime:
        return self.context.ends_at(_contracts(self.live), doubted=self.live.state.day.doubted)

    def _told_closed(self) -> None:
        """Asks for a person when what shall be flat cannot be traded any more today."""
        for position_id, position in self.live.state.positions.items():
            held = self.live.state.held(position_id)
            if position.goal is Goal.OPEN or not held or position.needs_human:
                continue
            if all(self.now >= self.context.trades_until(contract) for contract in held):
                position.needs_human = f"not flat when trading ended; it was to be closed by {position.close_reason}"
                text = f"{position_id} still holds {', '.join(f'{n:+d} {contract}' for contract, n in held.items())}"
                self.live.tell(self.now, "alarm", "not_flat", position_id, title="Not flat at the close", text=text)

    def _next(self, waits: list[tuple[LivePosition, Wait]]) -> Cycle:
        rules, context = self.context.spec.rules, self.context
        fast, slow = timedelta(seconds=rules.fast_seconds), timedelta(seconds=rules.cycle_seconds)
        ends = self._ends_at()
        cutoffs = (context.expiry_cutoff, ex_dividend_cutoff(context))
        marks = (context.opens_at, context.entry_at, *cutoffs, context.closes_at, ends)
        at = [self.now + slow, *(mark for mark in marks if mark > self.now)]
        reviewed = self.live.state.day.reviewed_at
        if reviewed and datetime.fromisoformat(reviewed) + slow > self.now:
            at.append(datetime.fromisoformat(reviewed) + slow)  # a cycle in between puts no review off
        for position, wait in waits:
            at.extend([] if wait.until is None else [wait.until])
            moving = self._moving_since(position)
            if moving is not None and self.is_open:
                # What does not come to rest is looked at ever more slowly.
                at.append(self.now + min(max((self.now - moving) / 10, fast), slow))
            elif wait.reason in {"no_quote", "not_at_broker", "market_closed"} and self.in_session:
                at.append(self.now + _SOON)
        following = max(min(at), self.now + min(fast, slow))
        state = self.live.state
        return Cycle(
            next_at=following,
            open_positions=len(state.book.positions),
            live_orders=sum(order.is_live for position in state.positions.values() for order in position.orders),
        )

    def _moving_since(self, position: LivePosition) -> datetime | None:
        """When what still moves in a position began: its newest working order, else its exposure; None if nothing moves."""
        sent = [order.sent_at for order in position.orders if order.state is OrderState.WORKING and order.sent_at is not None]
        return max(sent) if sent else position.exposed_since

    def _finish(self, watch: AccountWatch) -> Cycle:
        """The last reconciliation: what was never found is given up for today, marks and equity are written."""
        live, now = self.live, self.now
        for position in live.state.positions.values():
            for order in position.orders:
                if order.state is OrderState.INTENT:
                    order.end(OrderState.DEAD, "dropped", "the session ended", now)
                    live.book.drop(order.order_id)
                elif order.state is OrderState.UNKNOWN:
                    order.end(OrderState.DEAD, "absent", "not found until the broker's day was over", now)
                    text = f"{order.order_id} was never found; it is looked up once more in the next session"
                    live.tell(now, "alarm", "order_absent", order.order_id, title="An order was never found", text=text)
        self._told_closed()
        for position in live.state.positions.values():
            self._work(position, None)
        mark_positions(self.context, self.execution, is_open=self.is_open)
        write_marks(self.context, self.execution)
        watch.remember()
        live.state.day.ended = True
        live.note(now, "day_ended", "", stops=live.state.day.stops, **ending(live.state))
        live.save()
        self.context.store.release(live.book_id, live.owner)
        return Cycle(next_at=now, over=True, open_positions=len(live.book.positions))


def _contracts(live: LiveBook) -> list[OptionContract]:
    """What is held, or may still be traded by a live order or a position that is not over."""
    found = dict.fromkeys(live.state.holdings())
    for position in live.state.positions.values():
        if not position.done:
            found |= dict.fromkeys(leg.contract for leg in position.legs)
    return list(found)
