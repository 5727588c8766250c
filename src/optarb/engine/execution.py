"""Orders go to a broker and come back as fills: the same for a backtest and for a live day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from optarb.domain.legs import Leg
from optarb.domain.money import to_units
from optarb.domain.orders import DUPLICATE_ID, OrderIntent, Rejected, SubmitAnswer, Unknown
from optarb.engine.evaluation import legs_text
from optarb.errors import BrokerUnavailable

if TYPE_CHECKING:
    from optarb.engine.recorder import Recorder
    from optarb.engine.view import View
    from optarb.ledger.book import Book
    from optarb.protocols import BrokerAdapter

__all__ = ["Pump", "work_orders"]

Pump = Callable[[], bool]
"""Lets the market move on; False when it will not move any more in this session."""


def work_orders(
    orders: Sequence[OrderIntent], *, book: Book, broker: BrokerAdapter, view: View, pump: Pump, recorder: Recorder
) -> dict[str, Rejected]:
    """Sends orders that the book has placed, and books their fills until each is terminal or the market stands still.

    A refusal of an id that the broker has already means that the order landed: it is looked up. What still works in the end is
    cancelled; an answer that stays open leaves the order working in the book.

    Args:
        orders: In the order in which to send them; :meth:`optarb.ledger.book.Book.place` was called for each.
        book: The book.
        broker: Where to send them.
        view: Quotes beside the fills, for the record.
        pump: Called between looks at the broker.
        recorder: Takes intents and fills.

    Returns:
        The refusals by order id.
    """
    rejected: dict[str, Rejected] = {}
    open_ids: list[str] = []
    for order in orders:
        _record_intent(order, recorder)
        answer = _sent(order, broker)
        if isinstance(answer, Rejected) and answer.code != DUPLICATE_ID:
            rejected[order.order_id] = answer
            book.drop(order.order_id)
            continue
        open_ids.append(order.order_id)
        if isinstance(answer, Unknown):
            book.doubt(order.order_id)
            recorder.count("unknown_answers")
    moving = bool(open_ids)
    while open_ids and moving:
        moving = pump()
        open_ids = [order_id for order_id in open_ids if not _read(order_id, book, broker, view, recorder)]
    for order_id in open_ids:
        with suppress(BrokerUnavailable):
            broker.cancel(order_id)
        if not _read(order_id, book, broker, view, recorder):
            book.doubt(order_id)
    return rejected


def _sent(order: OrderIntent, broker: BrokerAdapter) -> SubmitAnswer:
    """Sends an order unless the broker's own check refuses it, or cannot be asked."""
    try:
        refusals = broker.preflight([order])
    except BrokerUnavailable as error:
        return Rejected(code="broker_unavailable", reason=f"preflight could not be asked: {error}")
    return refusals[0] if refusals else broker.submit(order)


def _read(order_id: str, book: Book, broker: BrokerAdapter, view: View, recorder: Recorder) -> bool:
    """Books what the broker knows of an order now; True once it is terminal."""
    try:
        report = broker.find(order_id)
    except BrokerUnavailable:
        recorder.count("broker_unavailable")
        return False
    if report is None:
        return False
    for record in book.apply(report):
        recorder.fill(record, view.quote(record.contract))
    return report.status.is_terminal


def _record_intent(order: OrderIntent, recorder: Recorder) -> None:
    legs = tuple(Leg(contract=leg.contract, ratio=leg.quantity) for leg in order.legs)
    recorder.add(
        "intents",
        order.position_id,
        str(order.purpose),
        order.attempt,
        order.units,
        legs_text(legs),
        None if order.limit is None else to_units(order.limit),
        order.reason,
    )
