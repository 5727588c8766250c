from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.brokers.conftest import CALL, NEXT, ROWS, WING

from optarb.brokers.simulated_account import SIMULATED_CAPABILITIES, SimulatedAccount
from optarb.domain.contracts import OptionContract
from optarb.domain.orders import OrderStatus, Rejected
from optarb.errors import BrokerUnavailable
from optarb.protocols.trading import SupportsAccount, SupportsMarketClock
from optarb.testing import BrokerAdapterConformance

SPREAD = ((CALL, 2), (WING, -2))
"""Two units: pays 101.30 and gets 70.20 a share, 31.10 net."""
HELD = {OptionContract.parse(CALL): 2, OptionContract.parse(WING): -2}


class TestSimulatedAccount(BrokerAdapterConformance):
    @pytest.fixture
    def broker(self):
        return SimulatedAccount()


@pytest.fixture
def account():
    return SimulatedAccount(cash_usd=Decimal(10_000))


def test_advance_when_filled_then_cash_and_positions_by_hand(account, view, order):
    account.submit(order(*SPREAD, units=2, limit=Decimal("31.10")))
    account.advance(view())
    assert account.positions() == HELD
    # 31.10 net a share, 200 shares, and 0.65 for each of four contracts.
    assert account.account().cash_usd == Decimal(10_000) - Decimal("31.10") * 200 - Decimal("2.60")
    assert isinstance(account, SupportsAccount)
    assert isinstance(account, SupportsMarketClock)


def test_account_when_asked_then_equity_at_the_middle_of_the_quotes(account, view, order):
    account.submit(order(*SPREAD, units=2))
    account.advance(view())
    figures = account.account()
    # mids 100.70 and 70.60
    assert figures.equity_usd - figures.cash_usd == (Decimal("100.70") - Decimal("70.60")) * 200
    assert figures.buying_power_usd == figures.cash_usd


def test_advance_when_the_limit_is_a_cent_too_low_then_it_works_and_expires_next_session(account, view, order):
    sent = order(*SPREAD, units=2, limit=Decimal("31.09"))
    account.advance(view())
    account.submit(sent)
    account.advance(view())
    assert account.find(sent.order_id).status is OrderStatus.WORKING
    account.advance(view(session=NEXT))
    assert account.find(sent.order_id).status is OrderStatus.EXPIRED
    assert account.positions() == {}


def test_find_when_sent_then_it_echoes_what_was_ordered(account, order):
    sent = order(*SPREAD, units=2, limit=Decimal(5))
    account.submit(sent)
    assert account.find(sent.order_id).terms == sent.terms


@pytest.mark.parametrize(("changes", "code"), [({"multi_leg": False}, "multi_leg"), ({}, "cross_underlying")])
def test_submit_when_capabilities_do_not_allow_it_then_rejected_by_preflight_and_submit(order, changes, code):
    import dataclasses

    account = SimulatedAccount(capabilities=dataclasses.replace(SIMULATED_CAPABILITIES, **changes))
    sent = order((CALL, 1), ("SPY240628C00500000" if code == "cross_underlying" else WING, -1))
    (refusal,) = account.preflight([sent])
    assert refusal.code == code
    assert isinstance(account.submit(sent), Rejected)
    assert account.find(sent.order_id) is None


def test_load_when_dumped_in_the_middle_then_it_goes_on_as_if_nothing_had_been(account, view, order):
    filled, working = order(*SPREAD, units=2), order((CALL, 1), limit=Decimal(50), position_id="20240603.2")
    account.submit(filled)
    account.advance(view())
    account.submit(working)
    account.adjust(shares={"SPY": -100}, cash_usd=Decimal("7.5"))

    again = SimulatedAccount.load(account.dump())
    assert again.dump() == account.dump()
    assert again.now() == account.now() == view().at
    assert (again.positions(), again.shares(), again.orders) == (account.positions(), {"SPY": -100}, account.orders)
    assert isinstance(again.submit(filled), Rejected)
    for one in (account, again):
        one.advance(view([("C", 5000.0, 40.0, 41.0), ROWS[1]]))
    assert again.find(working.order_id) == account.find(working.order_id)
    assert again.find(working.order_id).status is OrderStatus.FILLED
    assert again.account() == account.account()


def test_expire_when_the_day_is_over_then_working_orders_end(account, order):
    sent = order((CALL, 1))
    account.submit(sent)
    account.expire()
    assert account.find(sent.order_id).status is OrderStatus.EXPIRED


def test_now_when_no_view_was_shown_then_unavailable(account):
    with pytest.raises(BrokerUnavailable, match="has seen no market"):
        account.now()


def test_now_when_shown_then_the_views_instant(account, view):
    account.advance(view())
    assert account.now() == view().at
    assert account.now().utcoffset() == timedelta(0)
