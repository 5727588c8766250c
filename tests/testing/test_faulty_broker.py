"""Each fault of the double does what it says: a test that trusts it must be able to."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import FAR, NEAR, Feed, at

from optarb.brokers.simulated_account import SimulatedAccount
from optarb.domain.orders import DUPLICATE_ID, Accepted, OrderIntent, OrderLeg, OrderStatus, Purpose, Rejected, Unknown
from optarb.engine.view import View
from optarb.errors import BrokerUnavailable
from optarb.testing import BrokerAdapterConformance
from optarb.testing.faulty_broker import FaultyBroker, OrderFault

FEED = Feed(steps=[(at("00:00"), {NEAR: ("7.95", "8.05"), FAR: ("4.95", "5.05")})])


class TestFaultyBroker(BrokerAdapterConformance):
    @pytest.fixture
    def broker(self):
        return FaultyBroker(SimulatedAccount())


def order(number=1, quantity=2):
    return OrderIntent(
        book_id="b",
        position_id=f"20240603.{number}",
        purpose=Purpose.OPEN,
        attempt=1,
        legs=(OrderLeg(contract=NEAR, quantity=quantity),),
        units=quantity,
        limit=Decimal("8.05"),
    )


def show(broker, clock="10:00"):
    instant = at(clock)
    broker.advance(
        View(
            at=instant,
            session=instant.date(),
            bars_through=instant.date(),
            bars={},
            features={},
            chains={"SPY": FEED.chain("SPY", instant)},
            underlyings=("SPY",),
        )
    )


def broken(kind, **options):
    broker = FaultyBroker(SimulatedAccount(), [OrderFault(kind=kind, **options)])
    show(broker)
    return broker


@pytest.mark.parametrize(("kind", "landed"), [("lost_before", 0), ("lost_after", 1)])
def test_lost_when_sent_then_unknown_and_landed_or_not(kind, landed):
    broker = broken(kind)
    assert isinstance(broker.submit(order()), Unknown)
    assert len(broker.accepted) == landed
    assert (broker.find(order().order_id) is not None) == bool(landed)
    again = broker.submit(order())
    assert isinstance(again, Rejected if landed else Accepted)
    assert broker.duplicates == landed


def test_hang_when_seeds_differ_then_both_are_seen_and_one_seed_always_does_the_same():
    def landed(seed):
        broker = FaultyBroker(SimulatedAccount(), [OrderFault(kind="hang")], seed=seed)
        assert isinstance(broker.submit(order()), Unknown)
        return len(broker.accepted)

    assert {landed(seed) for seed in range(20)} == {0, 1}
    assert [landed(seed) for seed in range(20)] == [landed(seed) for seed in range(20)]


def test_rate_limit_when_sent_then_refused_with_a_time_and_taken_next():
    broker = broken("rate_limit", seconds=7)
    answer = broker.submit(order())
    assert (answer.code, answer.retry_after) == ("rate_limit", 7)
    assert broker.submit(order()) == Accepted()


def test_reject_when_sent_then_refused_for_good():
    assert broken("reject").submit(order()).retry_after is None


def test_partial_when_shown_the_market_then_a_part_fills_and_the_rest_is_cancelled():
    broker = broken("partial", fraction=0.5)
    broker.submit(order(quantity=5))
    show(broker, "10:01")
    report = broker.find(order(quantity=5).order_id)
    assert (report.status, report.legs[0].quantity, report.legs[0].price) == (OrderStatus.WORKING, 2, Decimal("8.05"))
    assert broker.positions() == {NEAR: 2}
    assert broker.account().cash_usd == Decimal(1_000_000) - 2 * 805
    broker.cancel(order(quantity=5).order_id)
    assert broker.find(order(quantity=5).order_id).status is OrderStatus.CANCELLED


def test_cancel_race_when_cancelled_then_filled_whole():
    broker = broken("cancel_race")
    broker.submit(order())
    show(broker, "10:01")
    assert broker.positions() == {}
    broker.cancel(order().order_id)
    assert broker.find(order().order_id).status is OrderStatus.FILLED
    assert broker.positions() == {NEAR: 2}


def test_stuck_when_cancelled_then_it_works_on():
    broker = broken("stuck")
    broker.submit(order())
    broker.cancel(order().order_id)
    show(broker, "10:01")
    assert broker.find(order().order_id).status is OrderStatus.WORKING


def test_invisible_when_looked_up_then_shown_after_the_number_of_looks():
    broker = broken("invisible", looks=2)
    assert broker.submit(order()) == Accepted()
    assert [broker.find(order().order_id) is None for _ in range(3)] == [True, True, False]


def test_zombie_when_its_time_comes_then_it_lands_unless_the_id_is_there():
    broker = broken("zombie", seconds=60)
    broker.submit(order())
    show(broker, "10:00:59")
    assert broker.find(order().order_id) is None
    show(broker, "10:01")
    assert broker.find(order().order_id) is not None
    assert broker.submit(order()).code == DUPLICATE_ID

    early = broken("zombie", seconds=60)
    early.submit(order())
    assert early.submit(order()) == Accepted()
    show(early, "10:02")
    assert len(early.accepted) == 1


def test_other_when_found_then_terms_that_are_not_ours():
    broker = broken("other")
    broker.submit(order())
    assert broker.find(order().order_id).terms != order().terms


def test_skip_and_times_when_several_orders_then_only_those_are_hit():
    broker = broken("reject", skip=1, times=2)
    answers = [type(broker.submit(order(number))).__name__ for number in range(1, 5)]
    assert answers == ["Accepted", "Rejected", "Rejected", "Accepted"]


def test_windows_when_closed_or_away_then_nothing_fills_or_answers():
    window = (at("10:30"), at("11:00"))
    broker = FaultyBroker(SimulatedAccount(), closed=[window], away=[(at("12:00"), at("12:30"))])
    broker.submit(order())
    show(broker, "10:30")
    assert not broker.is_open()
    assert broker.positions() == {}
    show(broker, "11:00")
    assert broker.is_open()
    assert broker.positions() == {NEAR: 2}
    show(broker, "12:00")
    for call in (broker.positions, broker.account, broker.shares, broker.now, lambda: broker.find("x")):
        with pytest.raises(BrokerUnavailable):
            call()
    assert isinstance(broker.submit(order(2)), Unknown)
    assert len(broker.accepted) == 1


def test_happenings_and_skew_when_their_time_comes_then_once():
    broker = FaultyBroker(
        SimulatedAccount(),
        happenings=[(at("10:00"), lambda account: account.adjust({FAR: 3}))],
        skew=timedelta(seconds=4),
    )
    show(broker, "10:00")
    show(broker, "10:05")
    assert broker.positions() == {FAR: 3}
    assert broker.now() == at("10:05:04")
