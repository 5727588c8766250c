"""Reports that come late: after an order was over, after its position had ended. All figures by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.orders import LegFill, OrderIntent, OrderLeg, OrderReport, OrderStatus, Purpose
from optarb.ledger.book import Book, PositionPlan

CALL = OptionContract.parse("SPXW240705C05000000")
PLAN = PositionPlan(
    expert="one", underlying="SPX", structure="a call", unit_margin_usd=Decimal(0), unit_capital_usd=Decimal(1_001)
)
AT = datetime(2024, 6, 3, 20, tzinfo=UTC)
CANCELLED, FILLED, WORKING = OrderStatus.CANCELLED, OrderStatus.FILLED, OrderStatus.WORKING


def send(book, purpose, quantity, *, attempt=1):
    order = OrderIntent(
        book_id="book",
        position_id="20240603.1",
        purpose=purpose,
        attempt=attempt,
        legs=(OrderLeg(contract=CALL, quantity=quantity),),
        units=abs(quantity),
    )
    book.place(order, PLAN if purpose is Purpose.OPEN else None)
    return order


def tell(book, order, quantity, price, status, *, fees="0"):
    """Reports contracts filled so far at an average price, with the fees so far; returns what the book noted."""
    fill = LegFill(contract=CALL, quantity=quantity, price=Decimal(price))
    records = book.apply(OrderReport(order_id=order.order_id, status=status, legs=(fill,), fees=Decimal(fees)))
    return [(record.quantity, record.price, record.fees) for record in records]


@pytest.fixture
def book():
    book = Book("book", Decimal(100_000))
    book.begin_session(20240603)
    return book


@pytest.fixture
def entry(book):
    """An order for two calls."""
    return send(book, Purpose.OPEN, 2)


def figures(book):
    account = book.account(AT)
    counts = (account.opened_today, account.closed_today)
    return account.cash_usd, account.realised_usd, sum(leg.quantity for one in account.positions for leg in one.legs), counts


def test_place_when_nothing_is_filled_then_capital_is_reserved_but_no_position_is_there(book, entry):
    assert (book.positions, book.account(AT).reserved_usd) == ({}, 2_002)
    assert tell(book, entry, 0, "0", WORKING) == []
    assert figures(book) == (100_000, 0, 0, (0, 0))
    assert tell(book, entry, 1, "10", WORKING) == [(1, 100_000, 0)]
    assert figures(book) == (99_000, 0, 1, (1, 0))


def test_apply_when_fees_come_after_the_last_fill_then_charged_once(book, entry):
    assert tell(book, entry, 2, "10", WORKING) == [(2, 100_000, 0)]
    assert tell(book, entry, 2, "10", FILLED, fees="1.30") == [(0, 0, 13_000)]
    assert tell(book, entry, 2, "10", FILLED, fees="1.30") == []

    assert figures(book) == (Decimal("97998.70"), 0, 2, (1, 0))
    assert book.account(AT).positions[0].fees_usd == Decimal("1.30")


def test_apply_when_fees_come_after_the_position_was_closed_then_realised_bears_them(book, entry):
    tell(book, entry, 2, "10", FILLED, fees="1.30")
    exit_ = send(book, Purpose.CLOSE, -2)
    tell(book, exit_, -2, "12", FILLED)
    assert figures(book) == (Decimal("100398.70"), Decimal("398.70"), 0, (1, 1))

    assert tell(book, exit_, -2, "12", FILLED, fees="1.30") == [(0, 0, 13_000)]

    assert figures(book) == (Decimal("100397.40"), Decimal("397.40"), 0, (1, 1))


def test_apply_when_an_entry_fills_after_its_cancellation_then_the_fill_is_booked(book, entry):
    tell(book, entry, 1, "10", CANCELLED, fees="0.65")
    assert tell(book, entry, 2, "10.50", CANCELLED, fees="1.30") == [(1, 110_000, 6_500)]  # 10, then 11

    assert figures(book) == (Decimal("97898.70"), 0, 2, (1, 0))
    held = book.account(AT).positions[0]
    assert (held.units, held.premium_usd, held.max_loss_usd, held.fees_usd) == (2, 2_100, 2_100, Decimal("1.30"))


def test_apply_when_an_entry_fills_after_its_position_was_closed_then_open_again_and_realised_corrected(book, entry):
    tell(book, entry, 1, "10", CANCELLED, fees="0.65")
    tell(book, send(book, Purpose.CLOSE, -1), -1, "12", FILLED, fees="0.65")
    assert figures(book) == (Decimal("100198.70"), Decimal("198.70"), 0, (1, 1))

    tell(book, entry, 2, "10", CANCELLED, fees="1.30")

    assert figures(book) == (Decimal("99198.05"), 0, 1, (1, 0))
    held = book.account(AT).positions[0]
    assert (held.premium_usd, held.proceeds_usd, held.fees_usd) == (2_000, 1_200, Decimal("1.95"))

    tell(book, send(book, Purpose.CLOSE, -1, attempt=2), -1, "11", FILLED, fees="0.65")

    assert figures(book) == (Decimal("100297.40"), Decimal("297.40"), 0, (1, 1))  # 2,300 for 2,000, four fees


def test_apply_when_an_average_price_is_no_whole_unit_then_the_record_has_the_exact_cash(book, entry):
    fill = LegFill(contract=CALL, quantity=2, price=Decimal("10.00005"))

    (record,) = book.apply(OrderReport(order_id=entry.order_id, status=FILLED, legs=(fill,), fees=Decimal("1.30")))

    assert record.price == 100_000
    assert record.cash == -20_000_100  # 2 x 100 x 10.00005 dollars; the rounded price would make it 2,000.00
    assert book.cash == 1_000_000_000 - 20_000_100 - 13_000


def test_apply_when_an_exit_fills_after_its_cancellation_then_the_position_is_closed(book, entry):
    tell(book, entry, 2, "10", FILLED)
    exit_ = send(book, Purpose.CLOSE, -2)
    tell(book, exit_, -1, "12", CANCELLED)
    assert figures(book) == (99_200, 0, 1, (1, 0))

    tell(book, exit_, -2, "12", CANCELLED)

    assert figures(book) == (100_400, 400, 0, (1, 1))


def test_apply_when_the_position_settled_while_its_order_worked_then_the_rest_opens_it_again(book, entry):
    tell(book, entry, 1, "10", WORKING)
    assert book.settle("20240603.1", CALL, Decimal(5)) == 5_000_000
    assert figures(book) == (99_500, -500, 0, (1, 1))

    tell(book, entry, 2, "10", FILLED)

    assert figures(book) == (98_500, 0, 1, (1, 0))
    book.settle("20240603.1", CALL, Decimal(5))
    assert figures(book) == (99_000, -1_000, 0, (1, 1))


def test_apply_when_the_session_is_over_then_a_fill_of_a_finished_order_is_no_longer_known(book, entry):
    tell(book, entry, 1, "10", CANCELLED)
    book.begin_session(20240604)

    assert tell(book, entry, 2, "10", CANCELLED) == []
    assert figures(book) == (99_000, 0, 1, (0, 0))
