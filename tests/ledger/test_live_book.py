"""A book with orders at work: leg by leg, written and read back, ended in part. All figures by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.orders import LegFill, OrderIntent, OrderLeg, OrderReport, OrderStatus, Purpose
from optarb.ledger.book import Book, PositionPlan

SPX, SPY = OptionContract.parse("SPXW240705C05000000"), OptionContract.parse("SPY240705C00500000")
AT = datetime(2024, 6, 3, 20, tzinfo=UTC)
PLAN = PositionPlan(
    expert="pair",
    underlying="SPX",
    structure="pair",
    unit_margin_usd=Decimal(60_000),
    legs=(Leg(contract=SPX, ratio=1), Leg(contract=SPY, ratio=-10)),
)


def order(leg, purpose=Purpose.OPEN):
    contract, quantity = ((SPX, 1), (SPY, -10))[leg]
    return OrderIntent(
        book_id="b",
        position_id="20240603.1",
        purpose=purpose,
        attempt=1,
        legs=(OrderLeg(contract=contract, quantity=quantity if purpose is Purpose.OPEN else -quantity),),
        leg=leg,
    )


def report(one, quantity, price, *, status=OrderStatus.WORKING, fees="0"):
    fill = LegFill(contract=one.legs[0].contract, quantity=quantity, price=Decimal(price))
    return OrderReport(order_id=one.order_id, status=status, legs=(fill,), fees=Decimal(fees))


@pytest.fixture
def book():
    book = Book("b", Decimal(250_000))
    book.begin_session(20240603)
    book.place(order(0), PLAN)
    book.place(order(1), PLAN)
    return book


def again(book):
    return Book.load("b", json.loads(json.dumps(book.dump(with_orders=True))))


def held(book):
    return {lot.contract: lot.quantity for one in book.positions.values() for lot in one.held}


def test_apply_when_legs_fill_one_by_one_then_one_position_of_both(book):
    book.apply(report(order(0), 1, "50", status=OrderStatus.FILLED, fees="0.65"))
    assert held(book) == {SPX.symbol: 1}
    book.apply(report(order(1), -10, "4.90", status=OrderStatus.FILLED, fees="6.50"))

    (position,) = book.account(AT).positions
    assert [(leg.contract, leg.quantity, leg.entry_price) for leg in position.legs] == [
        (SPX, 1, Decimal("50.0000")),
        (SPY, -10, Decimal("4.9000")),
    ]
    assert position.units == 1
    assert position.premium_usd == 50 * 100 - Decimal("4.9") * 1000
    assert position.margin_usd == 60_000
    assert book.account(AT).opened_today == 1
    assert book.account(AT).cash_usd == 250_000 - 5000 + 4900 - Decimal("7.15")


def test_dump_when_orders_work_then_reports_go_on_after_reading_back(book):
    book.apply(report(order(0), 1, "50", status=OrderStatus.FILLED))
    book.apply(report(order(1), -4, "4.90"))
    book = again(again(book))

    assert book.apply(report(order(1), -4, "4.90")) == []
    (added,) = book.apply(report(order(1), -10, "4.90", status=OrderStatus.FILLED))
    assert (added.quantity, added.price) == (-6, 49_000)
    assert held(book) == {SPX.symbol: 1, SPY.symbol: -10}
    assert not book.is_working(order(1).order_id)


def test_dump_when_the_position_had_ended_then_a_late_fill_opens_the_same_one_again(book):
    book.apply(report(order(0), 1, "50", status=OrderStatus.FILLED))
    book.drop(order(1).order_id)
    closing = order(0, Purpose.CLOSE)
    book.place(closing)
    book.apply(report(closing, -1, "49", status=OrderStatus.FILLED))
    assert book.positions == {}
    assert book.realised == -100 * 10_000

    book = again(book)
    book.apply(report(order(1), -10, "4.90"))
    assert held(book) == {SPY.symbol: -10}
    assert book.realised == 0
    assert (book.opened_today, book.closed_today) == (1, 0)


def test_dump_when_orders_are_left_out_then_refused_while_they_work(book):
    with pytest.raises(ValueError, match="orders are working"):
        book.dump()


def test_settle_when_a_part_ends_then_the_rest_is_held(book):
    book.apply(report(order(0), 1, "50", status=OrderStatus.FILLED))
    book.apply(report(order(1), -10, "4.90", status=OrderStatus.FILLED))
    cash = book.settle("20240603.1", SPY, Decimal(7), quantity=-3)
    assert cash == -3 * 7 * 100 * 10_000
    assert held(book) == {SPX.symbol: 1, SPY.symbol: -7}
    assert book.settle("20240603.1", SPY, Decimal(7)) == -7 * 7 * 100 * 10_000
