"""The beginning of a live day: the lease, what happened since the last session, and the cash."""

from __future__ import annotations

from datetime import datetime, timedelta

from optarb.errors import AlreadyRunning, Superseded
from optarb.trading.account_watch import AccountWatch
from optarb.trading.context import DayContext
from optarb.trading.execution import Execution
from optarb.trading.labels import refuse_indicative
from optarb.trading.lease import open_book
from optarb.trading.live_book import LiveBook

__all__ = ["open_day"]


def open_day(context: DayContext, now: datetime, *, take_over: bool = False) -> None:
    """Takes the book for the session and books what happened since the last one. A second call does nothing more.

    What expired is settled, what was assigned is booked and closed, what nothing explains stops entries, as does more than a
    dollar of unexplained cash. What was open is watched from here on; nothing is decided yet.

    Args:
        context: The day.
        now: The instant, aware UTC.
        take_over: Whether to take the lease from a holder that is known to be gone.

    Raises:
        AlreadyRunning: Another owner moves the book in this session.
        StoreUnavailable: The same call may work later.
    """
    try:
        live = open_book(context, now, until=now + timedelta(minutes=5), take_over=take_over)
        if live.state.day.session != context.number:
            live.begin(context.number)
            live.note(now, "day_opened", context.owner, session=context.session)
        else:
            live.note(now, "day_taken_over", context.owner)
        live.state.spec = context.spec.model_dump_json()
        live.save()
        if not live.state.day.opened:
            _since_last_session(context, live, now)
    except Superseded as error:
        raise AlreadyRunning(f"{error}; its day goes on there") from error


def _since_last_session(context: DayContext, live: LiveBook, now: datetime) -> None:
    execution = Execution.at(context, live, now, live.state.holdings())
    execution.refresh()
    execution.look_again()
    for position in live.state.positions.values():
        for order in position.orders:
            if order.ended == "absent":
                order.ended = "lost"
                live.book.drop(order.order_id)
    refuse_indicative(context, execution)
    watch = AccountWatch(context=context, execution=execution)
    if watch.look() is not None:
        watch.check_cash()
    live.state.day.opening_equity = live.book.cash + live.book.value()
    live.note(now, "day_begun", "", cash=live.book.cash, equity=live.state.day.opening_equity, realised=live.book.realised)
    live.state.day.opened = True
    live.save()
