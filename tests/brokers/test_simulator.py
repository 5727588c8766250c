from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.brokers.conftest import CALL, NEXT, ROWS, WING

from optarb.brokers import PerContractFee, SimulatedBroker, Simulator
from optarb.domain.contracts import OptionContract
from optarb.domain.orders import DUPLICATE_ID, Accepted, OrderStatus, Rejected
from optarb.errors import BrokerUnavailable
from optarb.testing import fake_chain

SPREAD = ((CALL, 2), (WING, -2))
"""Two units: pays 101.30 and gets 70.20 a share, 31.10 net."""


@pytest.fixture
def broker():
    return Simulator().broker()


def filled(report):
    return [(leg.contract.symbol, leg.quantity, leg.price) for leg in report.legs]


def nothing_of(order):
    return [(leg.contract.symbol, 0, Decimal(0)) for leg in order.legs]


def test_submit_when_sent_then_accepted_and_works_with_nothing_filled(broker, order):
    sent = order(*SPREAD, units=2)
    assert broker.submit(sent) == Accepted()

    report = broker.find(sent.order_id)
    assert (report.status, report.fees, report.modelled) == (OrderStatus.WORKING, 0, False)
    assert filled(report) == nothing_of(sent)
    assert broker.positions() == {}


def test_advance_when_every_leg_is_quoted_then_filled_whole_at_ask_and_bid_with_fees(broker, order, view):
    sent = order(*SPREAD, units=2)
    broker.submit(sent)
    broker.advance(view())

    report = broker.find(sent.order_id)
    assert report.status is OrderStatus.FILLED
    assert filled(report) == [(CALL, 2, Decimal("101.3")), (WING, -2, Decimal("70.2"))]
    assert report.fees == Decimal("2.60")  # four contracts at 0.65
    assert broker.positions() == {OptionContract.parse(CALL): 2, OptionContract.parse(WING): -2}


def test_advance_when_one_leg_is_unquoted_then_nothing_of_the_order_fills(broker, order, view):
    sent = order(*SPREAD, units=2)
    broker.submit(sent)
    broker.advance(view(ROWS[:1]))

    report = broker.find(sent.order_id)
    assert report.status is OrderStatus.WORKING
    assert filled(report) == nothing_of(sent)
    assert broker.positions() == {}


@pytest.mark.parametrize("rows", [None, ()])
def test_advance_when_there_is_no_chain_then_the_order_works_on(broker, order, view, rows):
    sent = order((CALL, 1))
    broker.submit(sent)
    broker.advance(view(rows))
    assert broker.find(sent.order_id).status is OrderStatus.WORKING


def test_advance_when_the_quotes_come_later_in_the_session_then_filled_then(broker, order, view):
    sent = order(*SPREAD)
    broker.submit(sent)
    broker.advance(view(ROWS[:1]))
    broker.advance(view())
    assert broker.find(sent.order_id).status is OrderStatus.FILLED


@dataclass(frozen=True, kw_only=True)
class BuysOnly:
    def fill_price(self, quote, quantity):
        return quote.mid if quantity > 0 else None


def test_advance_when_the_fill_model_refuses_a_leg_then_nothing_of_the_order_fills(order, view):
    broker = Simulator(fills=BuysOnly()).broker()
    both, lone = order(*SPREAD), order((CALL, 1), position_id="20240603.2")
    broker.submit(both)
    broker.submit(lone)
    broker.advance(view())

    assert broker.find(both.order_id).status is OrderStatus.WORKING
    assert filled(broker.find(lone.order_id)) == [(CALL, 1, Decimal("100.7"))]


SALE, RATIO = ((CALL, -2), (WING, 2)), ((CALL, 1), (WING, -2))


@pytest.mark.parametrize(
    ("legs", "limit", "status"),
    [
        # Two units, each a purchase of 31.10 a share.
        (SPREAD, "31.10", OrderStatus.FILLED),
        (SPREAD, "31.0999", OrderStatus.WORKING),
        (SPREAD, "62.20", OrderStatus.FILLED),
        # The sale of the spread gets 100.10 and pays 71.00: 29.10 received.
        (SALE, "-29.10", OrderStatus.FILLED),
        (SALE, "-29.1001", OrderStatus.WORKING),
        (SALE, "0", OrderStatus.FILLED),
        # One unit of one to two: 101.30 less 140.40 is 39.10 received.
        (RATIO, "-39.10", OrderStatus.FILLED),
        (RATIO, "-39.11", OrderStatus.WORKING),
    ],
)
def test_advance_when_there_is_a_limit_then_it_is_the_worst_net_price_of_one_unit(order, view, legs, limit, status):
    broker, sent = Simulator().broker(), order(*legs, units=1 if legs is RATIO else 2, limit=Decimal(limit))
    broker.submit(sent)
    broker.advance(view())

    report = broker.find(sent.order_id)
    assert report.status is status
    assert (filled(report) == nothing_of(sent)) is (status is OrderStatus.WORKING)


def test_advance_when_the_next_session_is_shown_then_what_worked_expires_unfilled(broker, order, view):
    sent = order(*SPREAD)
    broker.submit(sent)
    broker.advance(view(ROWS[:1]))
    broker.advance(view(session=NEXT))

    report = broker.find(sent.order_id)
    assert (report.status, report.reason) == (OrderStatus.EXPIRED, "the session ended")
    assert filled(report) == nothing_of(sent)
    broker.advance(view(session=NEXT))
    assert broker.find(sent.order_id) == report


def test_advance_when_filled_before_then_the_report_stays(broker, order, view):
    sent = order(*SPREAD)
    broker.submit(sent)
    broker.advance(view())
    before = broker.find(sent.order_id)
    broker.advance(view([("C", 5000.0, 1.0, 2.0), ("C", 5050.0, 1.0, 2.0)]))
    broker.advance(view(session=NEXT))

    assert broker.find(sent.order_id) == before
    assert broker.positions() == {OptionContract.parse(CALL): 2, OptionContract.parse(WING): -2}


def test_advance_when_a_bid_is_zero_then_the_sale_brings_nothing(broker, order, view):
    sent = order((CALL, -1))
    broker.submit(sent)
    broker.advance(view([("C", 5000.0, 0.0, 0.05)]))
    assert filled(broker.find(sent.order_id)) == [(CALL, -1, Decimal(0))]


@pytest.mark.parametrize("modelled", [True, False])
def test_advance_when_a_quote_is_modelled_then_the_report_says_so(broker, order, view, modelled):
    sent = order(*SPREAD)
    broker.submit(sent)
    broker.advance(view(modelled=modelled))
    assert broker.find(sent.order_id).modelled is modelled


def test_advance_when_one_of_two_chains_is_modelled_then_the_report_says_so(broker, order, view):
    spy = fake_chain(symbol="SPY", spot=500.0)
    expiry = spy.contract(0)
    sent = order((CALL, 1), (expiry.symbol, -10))
    broker.submit(sent)
    broker.advance(view(more_chains={"SPY": spy}))

    report = broker.find(sent.order_id)
    assert report.status is OrderStatus.FILLED
    assert report.modelled


@pytest.mark.parametrize("when", ["working", "filled", "cancelled"])
def test_submit_when_the_id_was_sent_before_then_rejected_and_the_first_stands(broker, order, view, when):
    sent = order((CALL, 1))
    broker.submit(sent)
    if when == "filled":
        broker.advance(view())
    if when == "cancelled":
        broker.cancel(sent.order_id)
    before = broker.find(sent.order_id)

    answer = broker.submit(order((CALL, 5)))

    assert isinstance(answer, Rejected)
    assert (answer.code, answer.retry_after) == (DUPLICATE_ID, None)
    assert sent.order_id in answer.reason
    assert broker.find(sent.order_id) == before
    assert broker.submit(order((CALL, 1), attempt=2)) == Accepted()


def test_cancel_when_working_then_it_never_fills(broker, order, view):
    sent = order((CALL, 1))
    broker.submit(sent)
    broker.cancel(sent.order_id)
    broker.cancel(sent.order_id)
    broker.advance(view())
    assert broker.find(sent.order_id).status is OrderStatus.CANCELLED
    assert broker.positions() == {}


def test_cancel_when_filled_or_unknown_then_nothing_happens(broker, order, view):
    sent = order((CALL, 1))
    broker.submit(sent)
    broker.advance(view())
    broker.cancel(sent.order_id)
    broker.cancel("never sent")
    assert broker.find(sent.order_id).status is OrderStatus.FILLED
    assert broker.find("never sent") is None


def test_positions_when_bought_and_sold_then_netted_and_without_zeros(broker, order, view):
    for attempt, legs in enumerate([((CALL, 3),), ((CALL, -1), (WING, 2)), ((WING, -2),)], start=1):
        broker.submit(order(*legs, attempt=attempt))
    broker.advance(view())
    assert broker.positions() == {OptionContract.parse(CALL): 2}


def test_now_when_no_market_was_shown_then_unavailable_else_the_views_instant(broker, view):
    with pytest.raises(BrokerUnavailable, match="advance"):
        broker.now()
    shown = view()
    broker.advance(shown)
    assert broker.now() == shown.at


def test_broker_when_opened_twice_then_the_books_are_apart(order, view):
    simulator = Simulator(fees=PerContractFee(commission_usd=Decimal(1)))
    one, two = simulator.broker(), simulator.broker()
    one.submit(order((CALL, 1)))
    one.advance(view())

    assert two.find(order((CALL, 1)).order_id) is None
    assert two.positions() == {}
    assert isinstance(two, SimulatedBroker)
    assert one.preflight([order((CALL, 1))]) == ()
