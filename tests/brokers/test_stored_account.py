"""An account in a store: the same as one in memory, however many share it and whoever dies."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import pickle
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.brokers.conftest import CALL, NEXT, ROWS, SESSION, WING

from optarb.brokers.simulated_account import SimulatedAccount
from optarb.brokers.stored_account import StoredAccount
from optarb.domain.contracts import OptionContract
from optarb.domain.orders import DUPLICATE_ID, Accepted, OrderIntent, OrderLeg, OrderStatus, Purpose, Rejected, Unknown
from optarb.errors import BadData, BrokerUnavailable, ConfigurationError, StoreUnavailable
from optarb.protocols.brokers import SupportsAdvance
from optarb.protocols.trading import SupportsAccount, SupportsMarketClock
from optarb.stores import SqlStore
from optarb.testing import BrokerAdapterConformance, fake_chain, fake_view
from optarb.testing.memory_trading_store import MemoryTradingStore

SPREAD = ((CALL, 2), (WING, -2))
CASH = Decimal(10_000)


def in_memory(**fields):
    store = SqlStore(url="sqlite://", name=uuid.uuid4().hex)
    return StoredAccount(**({"store": store, "cash_usd": CASH} | fields))


def on_file(folder):
    return StoredAccount(store=SqlStore(url=f"sqlite:///{folder / 'replay.db'}"), cash_usd=CASH)


def single(number, quantity=1):
    leg = OrderLeg(contract=OptionContract.parse(CALL), quantity=quantity)
    return OrderIntent(book_id="book", position_id=f"20240603.{number}", purpose=Purpose.OPEN, attempt=1, legs=(leg,))


def version_of(account):
    return account.store.trading.simulated_account(account.name)[0]


class TestStoredAccount(BrokerAdapterConformance):
    @pytest.fixture
    def broker(self):
        return in_memory(cash_usd=Decimal(1_000_000))


def test_component_when_pickled_then_the_same_account(tmp_path, view):
    account = on_file(tmp_path)
    account.submit(single(1))
    account.advance(view())
    again = pickle.loads(pickle.dumps(account))
    assert again == account
    assert again.positions() == {OptionContract.parse(CALL): 1}
    assert all(isinstance(account, one) for one in (SupportsAdvance, SupportsAccount, SupportsMarketClock))


# -- the same as in memory ------------------------------------------------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 4)),
        st.tuples(st.just("cancel"), st.integers(1, 4)),
        st.tuples(st.just("adjust"), st.integers(-2, 2)),
        st.tuples(st.just("advance"), st.sampled_from([SESSION, NEXT])),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_account_when_anything_is_done_then_as_an_account_in_memory(steps):
    kept, plain, newest = in_memory(), SimulatedAccount(cash_usd=CASH), SESSION
    for step, value in steps:
        if step == "submit":
            assert kept.submit(single(value)) == plain.submit(single(value))
        elif step == "cancel":
            kept.cancel(single(value).order_id)
            plain.cancel(single(value).order_id)
        elif step == "adjust":
            for one in (kept, plain):
                one.adjust({OptionContract.parse(WING): value}, shares={"SPY": value}, cash_usd=Decimal(value))
        else:
            newest = max(newest, value)
            chain = fake_chain([(date(2024, 6, 28), *row) for row in ROWS], session=newest)
            for one in (kept, plain):
                one.advance(fake_view(chain=chain, session=newest).view)
    orders = [single(number).order_id for number in range(1, 5)]
    assert [kept.find(one) for one in orders] == [plain.find(one) for one in orders]
    assert (kept.positions(), kept.shares(), kept.account()) == (plain.positions(), plain.shares(), plain.account())


def test_account_when_held_then_equity_at_the_middle_shown_last_whoever_asks(tmp_path, view, order):
    account = on_file(tmp_path)
    account.submit(order(*SPREAD, units=2))
    account.advance(view())
    figures = pickle.loads(pickle.dumps(account)).account()
    # mids 100.70 and 70.60, 31.10 a share paid, 0.65 for each of four contracts
    assert figures.cash_usd == CASH - Decimal("31.10") * 200 - Decimal("2.60")
    assert figures.equity_usd - figures.cash_usd == (Decimal("100.70") - Decimal("70.60")) * 200


def test_advance_when_the_view_is_of_a_strategy_without_the_underlying_then_the_order_rests(order):
    account, sent = in_memory(), order((CALL, 1))
    account.submit(sent)
    account.adjust(shares={"SPX": 100})
    account.advance(fake_view(underlying="SPY", chain=None, session=SESSION).view)
    assert account.find(sent.order_id).status is OrderStatus.WORKING


# -- what is written ------------------------------------------------------------------------------------------------------


def test_advance_when_a_new_instant_then_one_small_write_and_none_for_one_seen_before(view):
    account = in_memory()
    assert not account.exists()
    account.advance(view())
    assert (version_of(account), account.exists(), account.now()) == (1, True, view().at)
    account.advance(view())
    account.find("x"), account.positions(), account.account(), account.shares(), account.cancel("x"), account.preflight(())
    assert version_of(account) == 1
    account.advance(view(session=NEXT))
    assert version_of(account) == 2


def test_advance_when_older_than_what_was_shown_then_nothing_is_filled_on_it(view, order):
    account, sent = in_memory(), order((CALL, 1))
    account.advance(view(session=NEXT))
    account.submit(sent)
    account.advance(view())
    assert account.find(sent.order_id).status is OrderStatus.WORKING
    assert account.now() == view(session=NEXT).at


def test_now_when_no_view_was_shown_then_unavailable():
    with pytest.raises(BrokerUnavailable, match="has seen no market"):
        in_memory().now()


# -- several at once, and those that die ----------------------------------------------------------------------------------


def test_submit_when_threads_send_at_once_then_every_order_lands_once(tmp_path, view):
    account = on_file(tmp_path)
    account.advance(view())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(account.submit, [single(number % 10) for number in range(40)]))
        list(pool.map(lambda _: account.adjust(cash_usd=Decimal(1)), range(40)))
    assert sum(isinstance(one, Accepted) for one in answers) == 10
    assert all(isinstance(one, Accepted) or one.code == DUPLICATE_ID for one in answers)
    assert account.account().cash_usd == CASH + 40


def _work(account, ready=None):
    if ready is not None:
        ready.wait(60)
    for one in range(20):
        account.submit(single(one))
        account.adjust(cash_usd=Decimal(1))


@dataclasses.dataclass(frozen=True)
class _Dying:
    """A store whose process dies right after an account is written."""

    inner: SqlStore

    @property
    def trading(self):
        return self

    def simulated_account(self, name):
        return self.inner.trading.simulated_account(name)

    def save_simulated_account(self, name, version, document):
        if self.inner.trading.save_simulated_account(name, version, document):
            os._exit(9)
        return False


def test_submit_when_processes_send_at_once_and_one_dies_then_every_order_lands_once(tmp_path, view):
    account = on_file(tmp_path)
    account.advance(view())
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    mortal = dataclasses.replace(account, store=_Dying(account.store))
    others = [
        spawn.Process(target=_work, args=(account, ready)),
        spawn.Process(target=mortal.submit, args=(single(91),)),
    ]
    for one in others:
        one.start()
    ready.set()
    _work(account)
    for one in others:
        one.join(60)
    assert [one.exitcode for one in others] == [0, 9]
    assert account.account().cash_usd == CASH + 40
    assert account.find(single(91).order_id).status is OrderStatus.WORKING
    assert account.submit(single(91)) == Rejected(code=DUPLICATE_ID, reason=f"order {single(91).order_id} was sent before")
    account.advance(view())
    assert account.positions() == {OptionContract.parse(CALL): 21}


@dataclasses.dataclass(frozen=True)
class _Failing:
    """A store that fails before or after it has written, or that cannot be read."""

    inner: MemoryTradingStore
    how: str

    @property
    def trading(self):
        return self

    def simulated_account(self, name):
        if self.how == "away":
            raise StoreUnavailable("away")
        return self.inner.simulated_account(name)

    def save_simulated_account(self, name, version, document):
        if self.how == "after":
            self.inner.save_simulated_account(name, version, document)
        raise StoreUnavailable("lost")


@pytest.mark.parametrize("how", ["away", "before", "after"])
def test_submit_when_the_store_fails_then_unknown_and_only_looking_tells(how):
    kept = MemoryTradingStore()
    answer = StoredAccount(store=_Failing(kept, how)).submit(single(1))
    assert isinstance(answer, Unknown)
    found = StoredAccount(store=_Failing(kept, "after")).find(single(1).order_id)
    assert (found is not None) == (how == "after")


def test_reads_when_the_store_is_away_then_the_broker_cannot_be_asked(view):
    account = StoredAccount(store=_Failing(MemoryTradingStore(), "away"))
    calls = [account.positions, account.shares, account.account, account.now, account.exists, account.adjust]
    for call in (*calls, lambda: account.find("x"), lambda: account.cancel("x"), lambda: account.advance(view())):
        with pytest.raises(BrokerUnavailable, match="cannot be reached: away"):
            call()


# -- overnight ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Values:
    """SPX settled at 5020.00 and SPY at 502.00; of nothing else a value is known."""

    def official_value(self, contract):
        if contract.underlying not in {"SPX", "SPY"}:
            raise BadData(f"no value of {contract.underlying}")
        return Decimal("5020.00" if contract.underlying == "SPX" else "502.00")


HELD = {
    "SPXW240603C05000000": 2,  # in by 20: 2 x 100 x 20
    "SPXW240603C05010000": -1,  # in by 10: -1 x 100 x 10
    "SPXW240603P05000000": -3,  # worthless
    "SPX240603P05050000": 1,  # settled in the morning, in by 30: 100 x 30
    "SPY240603C00500000": -10,  # assigned: 1,000 shares sold at 500
    "SPY240603P00505000": 2,  # exercised: 200 shares sold at 505
    "SPY240603C00502000": 5,  # at the money to the cent: worthless
    "SPY240604C00500000": 1,  # expires in the session that begins
}


def test_advance_when_contracts_are_over_then_settled_by_hand_once(view):
    account = in_memory(values=_Values())
    account.advance(view())
    account.adjust({OptionContract.parse(symbol): quantity for symbol, quantity in HELD.items()})
    account.advance(view())
    assert len(account.positions()) == 8  # the session goes on
    for _ in range(2):
        account.advance(view(session=NEXT))
        assert account.positions() == {OptionContract.parse("SPY240604C00500000"): 1}
        assert account.shares() == {"SPY": -1000 - 200}
        assert account.account().cash_usd == CASH + 4000 - 1000 + 3000 + 500_000 + 101_000
    # the shares at the official value until they are shown a price
    assert account.account().equity_usd == account.account().cash_usd - 1200 * 502


def test_advance_when_a_value_is_not_known_then_it_says_so_and_nothing_has_changed(view):
    account = in_memory(values=_Values())
    account.advance(view())
    account.adjust({OptionContract.parse("QQQ240603C00400000"): 1})
    with pytest.raises(BadData, match="no value of QQQ"):
        account.advance(view(session=NEXT))
    assert account.now() == view().at


def test_advance_when_no_values_are_given_then_nothing_happens_overnight(view):
    account = in_memory()
    account.advance(view())
    account.adjust({OptionContract.parse("SPY240603C00500000"): 1})
    account.advance(view(session=NEXT))
    assert account.positions() == {OptionContract.parse("SPY240603C00500000"): 1}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"store": object()}, "keeps such accounts"),
        ({"name": "a b"}, "name must be"),
        ({"cash_usd": Decimal("NaN")}, "cash_usd must be"),
        ({"cash_usd": 5.0}, "cash_usd must be"),
    ],
)
def test_component_when_a_parameter_does_not_fit_then_refused(fields, message):
    with pytest.raises(ConfigurationError, match=message):
        in_memory(**fields)


def test_instants_when_kept_then_utc():
    account, seen = in_memory(), datetime(2024, 6, 3, 14, tzinfo=UTC)
    account.advance(fake_view(chain=None, session=SESSION, at=seen).view)
    assert account.now() == seen
