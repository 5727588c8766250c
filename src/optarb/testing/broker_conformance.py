"""What every broker adapter must do, as tests."""

# ruff: noqa: S101 - tests are made of asserts

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from optarb.domain.contracts import Right
from optarb.domain.orders import Accepted, OrderIntent, OrderLeg, OrderReport, OrderStatus, Purpose, Rejected, Unknown
from optarb.engine.view import View
from optarb.protocols import BrokerAdapter, Capabilities, SupportsAdvance
from optarb.protocols.accounts import SupportsActivities, SupportsHoldings
from optarb.structures import Vertical
from optarb.testing.conformance import Conformance
from optarb.testing.fake_candidates import fake_candidate
from optarb.testing.fake_views import fake_view

__all__ = ["BrokerAdapterConformance"]

_MOVES = 5
"""How often the market moves at most until an order must have filled."""


class BrokerAdapterConformance(Conformance):
    """Subclass it in a test module and define the fixture ``broker``: a new one that holds nothing.

    A simulated broker is advanced on ``view``. A real one overrides ``orders`` with what it takes, and ``move_market``
    with whatever brings fills, such as telling a stand-in of its server to fill.
    """

    @pytest.fixture
    def broker(self) -> BrokerAdapter:
        """Gives the broker to test."""
        pytest.fail(f"{type(self).__name__} must define the fixture 'broker'")

    @pytest.fixture
    def view(self) -> View:
        """The market that a simulated broker is shown."""
        return fake_view().view

    @pytest.fixture
    def orders(self) -> Sequence[OrderIntent]:
        """A single option, two at once, and a spread; all at the market."""
        spread = fake_candidate(Vertical(right=Right.CALL, width=50.0, dte=30, moneyness=1.0))
        legs = [OrderLeg(contract=leg.contract, quantity=2 * leg.ratio) for leg in spread.legs]
        return (
            _order(1, OrderLeg(contract=legs[0].contract, quantity=1)),
            _order(2, legs[0], units=2),
            _order(3, *legs, units=2),
        )

    @pytest.fixture
    def move_market(self, broker: BrokerAdapter, view: View) -> Callable[[], None]:
        """Lets the broker's market move, so that orders fill; called a few times."""

        def move() -> None:
            if isinstance(broker, SupportsAdvance):
                broker.advance(view)

        return move

    def test_capabilities_when_read_then_complete(self, broker: BrokerAdapter) -> None:
        """What it can do is stated, not guessed."""
        assert isinstance(broker.capabilities, Capabilities)
        assert re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", broker.capabilities.end_of_day)

    def test_preflight_when_asked_then_nothing_is_sent(self, broker: BrokerAdapter, orders: Sequence[OrderIntent]) -> None:
        """Checking is not sending."""
        assert list(broker.preflight(())) == []
        assert all(isinstance(one, Rejected) for one in broker.preflight(orders))
        assert [broker.find(order.order_id) for order in orders] == [None] * len(orders)

    def test_submit_when_sent_then_accepted_and_nothing_filled_by_it(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent]
    ) -> None:
        """The answer says that the order landed. Whether it filled is read afterwards."""
        for order in orders:
            answer = broker.submit(order)
            assert isinstance(answer, Accepted | Unknown), f"the fixture 'orders' must hold what is taken, got {answer!r}"

    def test_find_when_never_sent_then_none(self, broker: BrokerAdapter) -> None:
        """Not seen is None, not an error."""
        assert broker.find("no-such-book/20240603.1/open/1") is None

    def test_find_when_filled_then_every_leg_whole(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """A filled order reports its own contracts, in its order, with signed quantities and prices per share."""
        for order in orders:
            report = _filled(broker, order, move_market)
            assert [(leg.contract, leg.quantity) for leg in report.legs] == [(leg.contract, leg.quantity) for leg in order.legs]
            assert all(leg.price.is_finite() and leg.price >= 0 for leg in report.legs)
            assert report.fees.is_finite()
            assert report.fees >= 0

    def test_find_when_repeated_then_the_same(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """Looking changes nothing."""
        report = _filled(broker, orders[-1], move_market)
        assert broker.find(orders[-1].order_id) == report
        assert broker.find(orders[-1].order_id) == report

    def test_find_when_market_moves_then_fills_and_fees_grow_only(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """Reports are cumulative, within what was ordered, and what is over stays over."""
        order = orders[-1]
        broker.submit(order)
        before: OrderReport | None = None
        for _ in range(_MOVES):
            report = broker.find(order.order_id)
            if report is not None:
                _check_progress(order, before, report)
                before = report
            move_market()

    def test_submit_when_id_was_sent_before_then_it_is_not_done_twice(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """A retry of a send that landed is refused as a duplicate, or finds the first order; it never makes a second."""
        order = orders[0]
        broker.submit(order)
        again = broker.submit(order)
        assert isinstance(again, Accepted | Rejected | Unknown)
        if broker.capabilities.unique_client_ids and isinstance(again, Rejected):
            assert again.code == "duplicate_id"
        for _ in range(_MOVES):
            move_market()
        assert dict(broker.positions()) == {leg.contract: leg.quantity for leg in order.legs}
        late = broker.submit(order)
        assert isinstance(late, Accepted | Rejected | Unknown)
        for _ in range(_MOVES):
            move_market()
        assert dict(broker.positions()) == {leg.contract: leg.quantity for leg in order.legs}

    def test_holdings_when_supported_then_those_of_positions_by_symbol(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """A broker that tells its options by symbol tells at least those that it tells as contracts."""
        _filled(broker, orders[-1], move_market)
        if isinstance(broker, SupportsHoldings):
            holdings = broker.holdings()
            assert {contract: holdings.get(contract.symbol) for contract in broker.positions()} == dict(broker.positions())

    def test_activities_when_supported_then_told_again_oldest_first(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """An activity keeps its id, no two share one, and none is older than what was asked for."""
        _filled(broker, orders[-1], move_market)
        if isinstance(broker, SupportsActivities):
            since = broker.now() - timedelta(days=7)
            told = list(broker.activities(since))
            assert list(broker.activities(since))[: len(told)] == told
            assert len({one.id for one in told}) == len(told)
            assert [one.at for one in told] == sorted(one.at for one in told if one.at >= since)

    def test_cancel_when_working_then_ended_without_a_fill(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """Once it is over, no market fills it. A broker that fills at once is free to have done so."""
        order = orders[0]
        broker.submit(order)
        broker.cancel(order.order_id)
        for _ in range(_MOVES):
            move_market()
        report = broker.find(order.order_id)
        assert report is not None
        assert report.status.is_terminal
        if report.status is OrderStatus.CANCELLED:
            assert broker.positions().get(order.legs[0].contract, 0) == report.legs[0].quantity

    def test_cancel_when_repeated_then_no_error(self, broker: BrokerAdapter, orders: Sequence[OrderIntent]) -> None:
        """A request may be made twice, and for what was never sent."""
        broker.submit(orders[0])
        broker.cancel(orders[0].order_id)
        broker.cancel(orders[0].order_id)
        broker.cancel("no-such-book/20240603.1/open/1")

    def test_cancel_when_filled_then_it_stays_filled(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """A late request changes nothing."""
        report = _filled(broker, orders[0], move_market)
        broker.cancel(orders[0].order_id)
        assert broker.find(orders[0].order_id) == report

    def test_positions_when_filled_then_the_sum_of_all_orders(
        self, broker: BrokerAdapter, orders: Sequence[OrderIntent], move_market: Callable[[], None]
    ) -> None:
        """Contracts are netted over the whole account, signed, and zero is left out."""
        assert dict(broker.positions()) == {}
        expected: dict[object, int] = {}
        for order in orders:
            _filled(broker, order, move_market)
            for leg in order.legs:
                expected[leg.contract] = expected.get(leg.contract, 0) + leg.quantity
        assert dict(broker.positions()) == {contract: quantity for contract, quantity in expected.items() if quantity}

    def test_now_when_asked_then_aware_utc(self, broker: BrokerAdapter, move_market: Callable[[], None]) -> None:
        """The broker's clock, for the check of skew."""
        move_market()
        assert broker.now().utcoffset() == timedelta(0)


def _order(number: int, *legs: OrderLeg, units: int = 1) -> OrderIntent:
    return OrderIntent(
        book_id="conformance",
        position_id=f"20240603.{number}",
        purpose=Purpose.OPEN,
        attempt=1,
        legs=legs,
        units=units,
    )


def _filled(broker: BrokerAdapter, order: OrderIntent, move_market: Callable[[], None]) -> OrderReport:
    broker.submit(order)
    for _ in range(_MOVES):
        move_market()
    report = broker.find(order.order_id)
    assert report is not None
    assert report.order_id == order.order_id
    assert report.status is OrderStatus.FILLED, f"after {_MOVES} moves of the market {order.order_id} is {report!r}"
    return report


def _check_progress(order: OrderIntent, before: OrderReport | None, now: OrderReport) -> None:
    assert [leg.contract for leg in now.legs] == [leg.contract for leg in order.legs]
    for ordered, filled in zip(order.legs, now.legs, strict=True):
        assert abs(filled.quantity) <= abs(ordered.quantity)
        assert filled.quantity * ordered.quantity >= 0, "a fill has the sign of its leg"
        assert filled.quantity or filled.price == Decimal(0)
    if before is not None:
        assert all(abs(a.quantity) <= abs(b.quantity) for a, b in zip(before.legs, now.legs, strict=True))
        assert before.fees <= now.fees
        assert not before.status.is_terminal or before == now
