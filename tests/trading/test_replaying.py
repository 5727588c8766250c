"""Historical days through the whole live day, in this process."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import MONDAY, TUESDAY, WEDNESDAY, at

from optarb.brokers.simulated_account import SimulatedAccount
from optarb.brokers.stored_account import StoredAccount
from optarb.calendars import ExchangeCalendar
from optarb.desk import Desk
from optarb.domain.contracts import OptionContract, Right
from optarb.domain.legs import Leg
from optarb.domain.signals import Signal
from optarb.errors import BadData, ConfigurationError, DataError, UnknownName
from optarb.ledger.rows import TABLES
from optarb.market_data import ArchMarketData, CombinedMarketData, CsvMarketData, ParquetMarketData, demo_market_data
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.stores import SqlStore
from optarb.strategy import Strategy
from optarb.structures import Vertical
from optarb.testing import FakeCalendar, FakeMarketData, ScriptedExpert, fake_bars, fake_quotes
from optarb.testing.fake_quote_tables import fake_quote_rows
from optarb.trading.day_spec import DaySpec
from optarb.trading.replay_feed import ReplayFeed
from optarb.trading.replay_orders import changed_trades, compare_orders
from optarb.trading.replaying import plan_replay, replay, replay_desk
from optarb.trading.settlement_values import SettlementValues

CALENDAR = FakeCalendar()
THURSDAY, FRIDAY = date(2024, 6, 6), date(2024, 6, 7)
WEEK = (MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY)
AFTER = FRIDAY + timedelta(days=3)
LOW, HIGH = OptionContract.parse("SPXW240607C05000000"), OptionContract.parse("SPXW240607C05040000")
BOOK = "replay-paper.one"


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A call spread of 40 that ends on Friday."""

    def choose(self, chains, underlying):
        return Leg(contract=LOW, ratio=1), Leg(contract=HIGH, ratio=-1)


def spx(*, days=(*WEEK, AFTER), closes=None):
    closes = closes or [5000.0] * 39 + [5000.0, 5010.0, 5020.0, 5030.0, 5035.0, 5040.0]
    bars = fake_bars(closes, last=AFTER, calendar=CALENDAR)
    spots = dict(zip(bars.dates, bars.close.tolist(), strict=True))
    rows = {day: fake_quote_rows(spots[day], session=day, expiries=3, strikes=21) for day in days}
    return FakeMarketData(bars_by_symbol={"SPX": bars}, quotes_by_symbol={"SPX": fake_quotes(rows, spots=spots)})


def make_desk(data=None, *, structure=None, exits=None, on=(MONDAY,), **fields):
    signal = Signal.bullish(structure or Fixed(), confidence=0.9, reasons=["up"])
    strategy = Strategy(
        name="one",
        underlyings=("SPX",),
        experts={"one": ScriptedExpert(signals=dict.fromkeys(on, signal), underlying="SPX")},
        policy=RiskPolicy(quantity=1),
        exits=exits or ExitRules(profit_target=None, stop_loss=None, max_hold_sessions=None, credit_profit_target=None),
    )
    return Desk(strategies=[strategy], market_data=data or spx(), calendar=CALENDAR, **fields)


def make_replay_desk(desk=None, **fields):
    return replay_desk(desk or make_desk(), **({"volatility": None, "order": "low_first"} | fields))


SPEC = DaySpec(strategy="one", capital=Decimal(100_000))


def rows_of(desk, book=BOOK):
    return {table: list(desk.store.trading.rows(book, table)) for table in TABLES}


def alarms(desk):
    return [(notice.session, notice.title) for notice in desk.store.trading.outbox(1000)]


# -- several sessions -----------------------------------------------------------------------------------------------------


def test_replay_when_held_over_its_expiry_then_settled_overnight_and_the_cash_is_the_brokers():
    desk = make_replay_desk()
    results = replay(SPEC, desk, MONDAY, through=AFTER)

    assert [one.session for one in results] == [*WEEK, AFTER]
    assert [one.outcome for one in results] == ["traded"] + ["no_trade"] * 5
    assert [one.open_positions for one in results] == [1] * 5 + [0]
    rows = rows_of(desk)
    # the official close of Friday is 5035: the long is worth 35, the short nothing
    events = [(row[0], row[3], row[4], row[5], row[6], row[7]) for row in rows["events"]]
    assert sorted(events) == sorted(
        [
            (20240610, "settled", LOW.symbol, 1, 35_0000, 3500_0000),
            (20240610, "settled", HIGH.symbol, -1, 0, 0),
        ]
    )
    paid = sum(row[12] - row[7] for row in rows["fills"])
    assert desk.broker.account().cash_usd - 1_000_000 == Decimal(paid + 3500_0000) / 10_000
    assert desk.broker.positions() == {}
    assert all(row[11] == 1 for row in rows["fills"]), "every price is marked as modelled"
    assert alarms(desk) == []


@pytest.fixture(scope="module")
def whole():
    """A desk on which Monday was replayed without a break."""
    desk = make_replay_desk()
    replay(SPEC, desk, MONDAY)
    return desk


def test_replay_when_repeated_at_a_pace_then_the_same_rows(whole):
    desk = make_replay_desk()
    replay(SPEC, desk, MONDAY, pace=1e6)
    assert rows_of(desk) == rows_of(whole)


class _Crash(Exception):
    pass


@pytest.mark.parametrize("step", [3, 6, 40])
def test_replay_when_broken_off_anywhere_then_called_again_it_comes_to_the_same(tmp_path, whole, step):
    broken = make_replay_desk(store=SqlStore(url=f"sqlite:///{tmp_path / 'replay.db'}"))
    left = [step]

    def after_step(context, now):
        left[0] -= 1
        if not left[0]:
            raise _Crash

    with pytest.raises(_Crash):
        replay(SPEC, broken, MONDAY, after_step=after_step)
    (result,) = replay(SPEC, broken, MONDAY)
    assert result.outcome == "traded"
    assert broken.broker.account() == whole.broker.account()
    for table, rows in rows_of(broken).items():
        # It goes on at the instant of the break, at once: an order may be looked up seconds earlier.
        left_out = {10} if table == "fills" else set()
        kept, wanted = (
            [[value for place, value in enumerate(row) if place not in left_out] for row in one]
            for one in (rows, rows_of(whole)[table])
        )
        assert kept == wanted


def test_replay_when_a_later_session_has_no_chain_then_it_is_guarded_without_quotes():
    desk = make_replay_desk(make_desk(spx(days=(MONDAY, WEDNESDAY)), on=WEEK))
    results = replay(SPEC, desk, MONDAY, through=TUESDAY)
    assert [(one.outcome, one.open_positions) for one in results] == [("traded", 1), ("missed", 1)]
    planned = plan_replay(SPEC, desk, TUESDAY + timedelta(days=1))
    assert [planned.has_quotes(session) for session in (MONDAY, TUESDAY, WEDNESDAY)] == [True, False, True]


def test_replay_when_the_spec_overrides_fees_then_the_simulated_broker_takes_them_too():
    desk = make_replay_desk()
    spec = SPEC.model_copy(update={"overrides": {"fees.commission_usd": 7.0}})
    replay(spec, desk, MONDAY)
    assert sum(row[7] for row in rows_of(desk)["fills"]) == 14_0000


# -- apart from what is live ----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Untouchable:
    """A real broker, feed, notifier and heartbeat that nobody may touch."""

    live = True

    def _refuse(self, *args, **kwargs):
        raise AssertionError("a replay reached outside")

    capabilities = None
    preflight = submit = find = cancel = positions = now = chain = quotes = underlying_price = notify = beat = _refuse


def test_replay_desk_when_the_desk_is_live_then_nothing_of_it_is_touched(tmp_path):
    store, outside = SqlStore(url=f"sqlite:///{tmp_path / 'live.db'}"), _Untouchable()
    live = make_desk(broker=outside, feed=outside, store=store, notifiers={"them": outside}, heartbeat=outside)
    desk = make_replay_desk(live)
    replay(SPEC, desk, MONDAY)
    assert store.trading.live_books() == []
    assert desk.store.trading.live_books() == [BOOK]
    assert (desk.notifiers, desk.heartbeat) == ({}, None)
    with pytest.raises(ConfigurationError, match="use replay_desk"):
        replay(SPEC, live, MONDAY)


def test_replay_when_in_the_live_store_then_under_names_of_its_own(tmp_path):
    store = SqlStore(url=f"sqlite:///{tmp_path / 'live.db'}")
    desk = make_replay_desk(make_desk(store=store), store=store)
    replay(SPEC, desk, MONDAY)
    assert store.trading.live_books() == [BOOK]
    assert plan_replay(SPEC, desk, MONDAY).spec.book_id == BOOK
    assert plan_replay(plan_replay(SPEC, desk, MONDAY).spec, desk, MONDAY).spec.book_id == BOOK
    assert SPEC.book_id == "paper.one"


def test_replay_desk_when_built_then_a_stored_account_and_a_feed_on_its_own_data():
    desk = make_desk()
    replayed = replay_desk(desk, order="high_first", cash_usd=Decimal(5))
    assert isinstance(replayed.broker, StoredAccount)
    assert (replayed.broker.cash_usd, replayed.broker.simulator) == (Decimal(5), desk.simulator)
    assert replayed.feed == ReplayFeed(market_data=desk.market_data, calendar=CALENDAR, order="high_first")
    assert replay_desk(desk).store != replay_desk(desk).store
    own = _Untouchable()
    assert replay_desk(desk, feed=own).feed is own


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        ({"session": date(2024, 6, 8)}, DataError, "2024-06-08 is no session of the calendar; the next one is 2024-06-10"),
        ({"session": date(2024, 5, 31)}, DataError, "no quotes of 'SPX' on 2024-05-31"),
        ({"session": MONDAY, "through": date(2024, 5, 31)}, ConfigurationError, "lies before"),
        ({"session": MONDAY, "through": date(2024, 6, 11)}, BadData, "'SPX' has no bar on 2024-06-11"),
        ({"session": MONDAY, "spec": SPEC.model_copy(update={"strategy": "two"})}, UnknownName, "'two'"),
        ({"session": MONDAY, "pace": -1.0}, ConfigurationError, "pace must be"),
        ({"session": MONDAY, "pace": float("nan")}, ConfigurationError, "pace must be"),
    ],
)
def test_replay_when_it_cannot_begin_then_one_line_says_why(call, kind, message):
    with pytest.raises(kind, match=message):
        replay(**({"spec": SPEC, "desk": make_replay_desk()} | call))


def test_replay_when_the_source_has_no_quotes_then_it_says_so():
    bare = FakeMarketData(bars_by_symbol=spx().bars_by_symbol)
    with pytest.raises(BadData, match="no quotes of 'SPX'"):
        replay(SPEC, make_replay_desk(make_desk(bare)), MONDAY)


def test_replay_when_an_earlier_session_is_asked_for_on_the_same_account_then_refused():
    desk = make_replay_desk()
    replay(SPEC, desk, TUESDAY)
    with pytest.raises(ConfigurationError, match=r"has seen 2024-06-04 .* UTC, so 2024-06-03 cannot"):
        replay(SPEC, desk, MONDAY)


def test_replay_desk_when_the_store_keeps_no_live_books_then_refused():
    with pytest.raises(ConfigurationError, match="keeps live books"):
        replay_desk(make_desk(), store=SimulatedAccount())


# -- official values ------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Supplied(FakeMarketData):
    def settlement_value(self, symbol, session):
        return Decimal("5031.17") if session == FRIDAY else None


@pytest.mark.parametrize(
    ("contract", "rule", "expected"),
    [
        ("SPXW240607C05000000", "open", "5035.00"),  # the official close
        ("SPXW240608C05000000", "open", "5035.00"),  # listed for Saturday: Friday's
        ("SPX240607C05000000", "open", "5031.17"),  # supplied
        ("SPX240606C05000000", "previous_close", "5020.00"),  # Wednesday's close
    ],
)
def test_official_value_when_asked_then_by_the_rules_of_settlement(contract, rule, expected):
    data = spx()
    data = _Supplied(bars_by_symbol=data.bars_by_symbol, quotes_by_symbol=data.quotes_by_symbol)
    values = SettlementValues(market_data=data, calendar=CALENDAR, am_settlement=rule)
    assert values.official_value(OptionContract.parse(contract)) == Decimal(expected)


def test_official_value_when_the_open_is_a_copy_of_the_close_before_then_not_known():
    """The bars of the fakes open at the close before."""
    values = SettlementValues(market_data=spx(), calendar=CALENDAR)
    with pytest.raises(ConfigurationError, match="on what it settled is not known"):
        values.official_value(OptionContract.parse("SPX240606C05000000"))


# -- real data ------------------------------------------------------------------------------------------------------------


def real_desk(folder):
    daily = {"SPX": CsvMarketData(bars={"SPX": folder / "spx-daily.csv"}, columns={"session": "date"})}
    daily["VIX"] = CsvMarketData(bars={"VIX": folder / "vix-daily.csv"}, columns={"session": "date"})
    chains = ParquetMarketData(
        quotes={"SPX": folder / "spx-chain-2019-05.parquet"},
        columns={"session": "date", "underlying_price": "underlying"},
        quoted_at="unknown",
    )
    strategy = Strategy(
        name="one",
        underlyings=("SPX",),
        experts={
            "one": ScriptedExpert(
                signals={
                    date(2019, 5, 2): Signal.bullish(
                        Vertical(right=Right.CALL, width=25.0, dte=25, moneyness=1.0), confidence=0.9, reasons=["up"]
                    )
                },
                underlying="SPX",
            )
        },
        policy=RiskPolicy(quantity=1),
        exits=ExitRules(profit_target=0.5),
    )
    data = CombinedMarketData(bars_from=daily, quotes_from=chains)
    return Desk(strategies=[strategy], market_data=data, calendar=ExchangeCalendar())


def test_replay_when_on_a_real_chain_then_traded_on_modelled_prices_near_the_files_own(real_data):
    desk = replay_desk(real_desk(real_data))
    results = replay(SPEC, desk, date(2019, 5, 2), through=date(2019, 5, 3))
    assert results[0].outcome == "traded"
    assert all(row[11] == 1 for row in rows_of(desk)["fills"])
    with pytest.raises(DataError, match="no quotes of 'SPX' on 2019-05-10"):
        replay(SPEC, replay_desk(real_desk(real_data)), date(2019, 5, 10))

    # The file's own quotes of near contracts, moved to the close by delta alone, are what the path says there.
    import pyarrow.parquet as pq

    rows = pq.read_table(real_data / "spx-chain-2019-05.parquet").to_pylist()
    close = float(desk.feed.underlying_price("SPX", at("16:00", date(2019, 5, 2))))
    chain = desk.feed.chain("SPX", at("16:00", date(2019, 5, 2)))
    compared = 0
    for row in rows:
        near = abs(row["strike"] / row["underlying"] - 1) < 0.01 and 10 <= (row["expiry"] - row["date"]).days <= 40
        if row["date"].date() != date(2019, 5, 2) or not near or not 0 < row["bid"] < row["ask"]:
            continue
        right = Right.CALL if row["right"] in {"C", "call"} else Right.PUT
        contract = OptionContract(
            root=row["root"], expiry=row["expiry"].date(), right=right, strike=Decimal(str(row["strike"]))
        )
        quote = chain.quote(contract)
        moved = (row["bid"] + row["ask"]) / 2 + row["delta"] * (close - row["underlying"])
        assert float(quote.mid) == pytest.approx(moved, abs=2.0, rel=0.05), row
        compared += 1
    assert compared > 100


def test_replay_when_on_the_demo_data_then_modelled_quotes_of_its_own_days():
    desk = make_desk(demo_market_data(), structure=Vertical(right=Right.CALL, width=25.0, dte=25, moneyness=1.0))
    expert = dataclasses.replace(
        desk.strategies[0].experts["one"],
        signals={date(2018, 2, 5): next(iter(desk.strategies[0].experts["one"].signals.values()))},
    )
    desk = replay_desk(
        dataclasses.replace(
            desk,
            strategies=[dataclasses.replace(desk.strategies[0], experts={"one": expert})],
            calendar=ExchangeCalendar(),
        )
    )
    (result,) = replay(SPEC, desk, date(2018, 2, 5))
    assert result.outcome == "traded"
    spx, vix = ArchMarketData().bars("SPX"), ArchMarketData().bars("VIX")
    row = spx.rows[date(2018, 2, 5)]
    prices = {float(desk.feed.underlying_price("SPX", at(clock, date(2018, 2, 5)))) for clock in ("11:40", "13:50")}
    assert prices == {float(spx.high[row]), float(spx.low[row])}
    assert vix.close[vix.rows[date(2018, 2, 5)]] > 2 * vix.close[vix.rows[date(2018, 2, 2)]]


# -- how much hangs on the order of extremes ------------------------------------------------------------------------------


def test_compare_orders_when_a_target_lies_between_then_that_trade_changes_and_one_held_on_does_not():
    """Tuesday reaches 5020 and 4990 from 5000: a spread that gains 5 % is closed on the way up, early or late in the day."""
    target = ExitRules(profit_target=0.05, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
    hit = compare_orders(SPEC, make_desk(exits=target), MONDAY, through=TUESDAY, volatility=None)
    held = compare_orders(SPEC, make_desk(), MONDAY, through=TUESDAY, volatility=None)
    assert hit.trades == hit.changed == ("20240603.1",)
    assert [one.open_positions for one in (*hit.high_first, *hit.low_first)] == [1, 0, 1, 0]
    assert (held.trades, held.changed) == (("20240603.1",), ())
    assert [len(held.high_first), len(held.low_first)] == [2, 2]


def test_changed_trades_when_one_alone_has_a_trade_then_it_counts(whole):
    other = make_replay_desk(make_desk(on=()))
    replay(SPEC, other, MONDAY)
    stores = [desk.store.trading for desk in (whole, other)]
    found = changed_trades(*stores, book_id=BOOK, first=MONDAY, last=MONDAY)
    assert found == (("20240603.1",), ("20240603.1",))
    assert changed_trades(*stores[::-1], book_id=BOOK, first=MONDAY, last=MONDAY) == found
    assert changed_trades(stores[0], stores[0], book_id=BOOK, first=MONDAY, last=MONDAY) == (("20240603.1",), ())
    assert changed_trades(*stores, book_id=BOOK, first=TUESDAY, last=TUESDAY) == ((), ())


# -- shares ---------------------------------------------------------------------------------------------------------------


def test_replay_when_a_physical_long_expires_in_the_money_then_shares_at_the_strike_and_no_cash_unexplained():
    near, far = (OptionContract.parse(f"SPY240607C00{strike}000") for strike in (500, 510))
    closes = [500.0] * 40 + [501.0, 502.0, 503.0, 505.0, 506.0]
    bars = fake_bars(closes, symbol="SPY", last=AFTER, calendar=CALENDAR)
    spots = dict(zip(bars.dates, bars.close.tolist(), strict=True))
    rows = {
        day: fake_quote_rows(spots[day], session=day, symbol="SPY", expiries=2, step=10.0) for day in (THURSDAY, FRIDAY, AFTER)
    }
    quotes = fake_quotes(rows, symbol="SPY", spots=spots)
    data = FakeMarketData(bars_by_symbol={"SPY": bars}, quotes_by_symbol={"SPY": quotes})
    desk = make_desk(data, structure=_Held(legs=((near, 1), (far, -1))), on=(THURSDAY,))
    expert = dataclasses.replace(desk.strategies[0].experts["one"], underlying="SPY")
    strategy = dataclasses.replace(desk.strategies[0], underlyings=("SPY",), experts={"one": expert})
    desk = make_replay_desk(dataclasses.replace(desk, strategies=[strategy]))
    spec = SPEC.model_copy(update={"expiry_minutes": 0.0})

    results = replay(spec, desk, THURSDAY, through=AFTER)

    assert [one.open_positions for one in results] == [1, 1, 0]
    assert desk.broker.shares() == {"SPY": 100}
    paid = sum(row[12] - row[7] for row in rows_of(desk)["fills"])
    assert desk.broker.account().cash_usd - 1_000_000 == Decimal(paid) / 10_000 - 50_000
    assert "Unexplained cash" not in [title for _, title in alarms(desk)]
    # Friday's official close is 505
    assert {(row[4], row[6]) for row in rows_of(desk)["events"]} == {(near.symbol, 5_0000), (far.symbol, 0)}


@dataclasses.dataclass(frozen=True)
class _Held:
    legs: tuple[tuple[OptionContract, int], ...]

    def choose(self, chains, underlying):
        return tuple(Leg(contract=contract, ratio=ratio) for contract, ratio in self.legs)
