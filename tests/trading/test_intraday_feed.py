"""Real quotes of a session as they were: the newest at or before an instant, and never the future."""

from __future__ import annotations

import dataclasses
import pickle
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.trading.rig import MONDAY, TUESDAY, at

from optarb.desk import Desk
from optarb.domain.contracts import OptionContract, Right
from optarb.domain.legs import Leg
from optarb.domain.signals import Signal
from optarb.errors import BadData, ConfigurationError, UnknownName
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.strategy import Strategy
from optarb.testing import FakeCalendar, FakeMarketData, ScriptedExpert, fake_bars
from optarb.trading.day_spec import DaySpec
from optarb.trading.intraday_feed import IntradayFeed
from optarb.trading.replaying import replay, replay_desk
from optarb.trading.rules import LiveRules

EXPIRY = date(2024, 6, 21)
CONTRACTS = [
    OptionContract(root="SPY", expiry=EXPIRY, right=right, strike=Decimal(strike))
    for strike in (490, 500, 510)
    for right in (Right.CALL, Right.PUT)
]
NEAR, FAR = CONTRACTS[2], CONTRACTS[4]


def written(path, rows, *, unit="us"):
    """Writes rows of (instant, contract, bid, ask, price of the underlying)."""
    pq.write_table(
        pa.table(
            {
                "session": [instant.date() for instant, *_ in rows],
                "taken_at": pa.array([instant for instant, *_ in rows], pa.timestamp(unit, "UTC")),
                "root": [contract.root for _, contract, *_ in rows],
                "expiry": [contract.expiry for _, contract, *_ in rows],
                "right": ["C" if contract.right is Right.CALL else "P" for _, contract, *_ in rows],
                "strike": [float(contract.strike) for _, contract, *_ in rows],
                "bid": [float(bid) for *_, bid, _, _ in rows],
                "ask": [float(ask) for *_, ask, _ in rows],
                "underlying_price": [float(spot) for *_, spot in rows],
            }
        ),
        path,
    )


def feed_of(folder, **fields):
    return IntradayFeed(**({"quotes_path": folder, "calendar": FakeCalendar()} | fields))


INSTANTS = st.integers(0, 600_000).map(lambda number: at("09:30") + timedelta(milliseconds=number))
ROWS = st.lists(
    st.tuples(INSTANTS, st.sampled_from(CONTRACTS), st.integers(1, 20), st.integers(21, 40), st.integers(400, 600)),
    min_size=1,
    max_size=30,
    unique_by=lambda row: (-(-row[0].timestamp() // 1), row[1]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, asked=INSTANTS, together=st.sampled_from([0.0, 1.0, 60.0, 600.0]))
def test_feed_when_asked_at_any_instant_then_the_newest_known_and_never_anything_later(tmp_path, rows, asked, together):
    folder = tmp_path / f"{time.monotonic_ns()}"
    folder.mkdir()
    written(folder / "SPY.parquet", rows)
    feed = feed_of(folder, together_seconds=together)

    def second(instant):
        return datetime.fromtimestamp(-(-instant.timestamp() // 1), UTC)

    known = {}
    for row in sorted(rows, key=lambda row: row[0]):
        if second(row[0]) <= asked:
            known[row[1]] = row
    quotes = feed.quotes(CONTRACTS, asked)
    assert {one: (int(quote.bid), int(quote.ask), quote.taken_at) for one, quote in quotes.items()} == {
        one: (row[2], row[3], second(row[0])) for one, row in known.items()
    }
    assert all(quote.taken_at <= asked for quote in quotes.values())

    chain = feed.chain("SPY", asked)
    if not known:
        assert chain is None
        assert feed.underlying_price("SPY", asked) is None
        return
    newest = max(second(row[0]) for row in known.values())
    kept = {one: row for one, row in known.items() if (newest - second(row[0])).total_seconds() <= together}
    assert {chain.contract(row) for row in range(len(chain))} == set(kept)
    assert all(int(chain.quote(one).bid) == row[2] for one, row in kept.items())
    assert chain.taken_at == min(second(row[0]) for row in kept.values())
    assert not chain.modelled


def test_quotes_when_a_part_of_a_second_has_passed_then_known_from_the_next_second(tmp_path):
    for unit in ("ms", "us", "ns"):
        written(tmp_path / "SPY.parquet", [(at("10:00") + timedelta(milliseconds=300), NEAR, 7, 8, 500)], unit=unit)
        feed = feed_of(tmp_path)
        assert feed.quotes([NEAR], at("10:00") + timedelta(milliseconds=900)) == {}
        assert feed.quotes([NEAR], at("10:00:01"))[NEAR].taken_at == at("10:00:01")
    written(tmp_path / "SPY.parquet", [(at("10:00"), NEAR, 7, 8, 500)], unit="s")
    assert feed_of(tmp_path).quotes([NEAR], at("10:00"))[NEAR].taken_at == at("10:00")


def test_rows_when_unusable_then_dropped_and_the_one_before_stays(tmp_path):
    rows = [
        (at("10:00"), NEAR, 7, 8, 500),
        (at("10:01"), NEAR, 9, 8, 500),  # crossed
        (at("10:02"), NEAR, 0, 0, 500),  # unquoted
        (at("10:03"), NEAR, 0, 1, 501),  # a bid of nothing is a quote
        (at("10:03"), NEAR, 5, 6, 501),  # again at the same instant: the first counts
    ]
    written(tmp_path / "SPY.parquet", rows)
    feed = feed_of(tmp_path)
    assert feed.quotes([NEAR], at("10:02:30"))[NEAR].taken_at == at("10:00")
    assert feed.quotes([NEAR], at("10:04"))[NEAR].ask == 1
    assert feed.underlying_price("SPY", at("10:04")) == Decimal(501)
    assert feed.quotes([FAR], at("10:04")) == {}


def test_files_when_a_session_each_then_only_that_of_the_session_is_opened(tmp_path):
    (tmp_path / "SPY").mkdir()
    written(tmp_path / "SPY" / "2024-06-03.parquet", [(at("10:00"), NEAR, 7, 8, 500)])
    (tmp_path / "SPY" / "2024-06-04.parquet").write_bytes(b"no parquet")
    feed = feed_of(tmp_path)
    assert feed.quotes([NEAR], at("10:00"))[NEAR].bid == 7
    with pytest.raises(BadData, match=r"2024-06-04\.parquet"):
        feed.chain("SPY", at("10:00", TUESDAY))
    assert feed.chain("SPY", at("10:00", date(2024, 6, 5))) is None
    assert pickle.loads(pickle.dumps(feed)).chain("SPY", at("10:00")) is not None
    with pytest.raises(BadData, match="QQQ"):
        feed.chain("QQQ", at("10:00"))


def test_file_when_large_then_read_once_and_asked_many_times(tmp_path):
    """A hundred snapshots of five hundred contracts, each a cent dearer than the one before."""
    contracts = [
        OptionContract(root="SPY", expiry=EXPIRY, right=right, strike=Decimal(strike))
        for strike in range(375, 625)
        for right in (Right.CALL, Right.PUT)
    ]
    instants = [at("09:30") + timedelta(minutes=3 * number) for number in range(100)]
    rows = [
        (instant, contract, 1 + number / 100, 2 + number / 100, 500 + number)
        for number, instant in enumerate(instants)
        for contract in contracts
    ]
    written(tmp_path / "SPY.parquet", rows)
    feed = feed_of(tmp_path)
    for number, instant in enumerate(instants):
        chain = feed.chain("SPY", instant + timedelta(seconds=100))
        assert len(chain) == 500
        assert chain.taken_at == instant
        assert chain.bids.tolist() == [1 + number / 100] * 500
        assert chain.underlying_price == 500 + number


def test_day_when_replayed_on_real_quotes_then_filled_on_them_and_not_marked_as_modelled(tmp_path):
    minutes = [at("09:30") + timedelta(minutes=number) for number in range(391)]
    rows = [
        row
        for number, instant in enumerate(minutes)
        for row in (
            (instant, NEAR, Decimal("7.95") + Decimal(number) / 100, Decimal("8.05") + Decimal(number) / 100, 500),
            (instant, FAR, "4.95", "5.05", 500),
        )
    ]
    written(tmp_path / "SPY.parquet", rows)
    expert = ScriptedExpert(signals={MONDAY: Signal.bullish(_Fixed(), confidence=0.9, reasons=["up"])}, underlying="SPY")
    strategy = Strategy(
        name="one",
        underlyings=("SPY",),
        experts={"one": expert},
        policy=RiskPolicy(quantity=1),
        exits=ExitRules(profit_target=0.5, stop_loss=None, max_hold_sessions=None),
    )
    data = FakeMarketData(bars_by_symbol={"SPY": fake_bars([500.0] * 30, symbol="SPY")})
    desk = replay_desk(Desk(strategies=[strategy], market_data=data, calendar=FakeCalendar()), feed=feed_of(tmp_path))
    spec = DaySpec(strategy="one", capital=Decimal(50_000), rules=LiveRules(quote_age_seconds=60.0))
    (result,) = replay(spec, desk, MONDAY)
    assert result.outcome == "traded"
    fills = desk.store.trading.rows("replay-paper.one", "fills")
    assert {row[11] for row in fills} == {0}
    # 8.10 paid and 4.95 got at 09:35. Half of 3.15 is gained once the near bid is 9.775, after 182.5 minutes, at 12:33; the
    # guardian looks every five minutes, next at 12:35.
    assert [row[6] for row in fills[:2]] == [8_1000, 4_9500]
    (ended,) = desk.store.trading.rows("replay-paper.one", "exits")
    assert ended[3] == "profit_target"
    assert {row[10] for row in fills[2:]} == {at("12:35").isoformat()}


@dataclasses.dataclass(frozen=True)
class _Fixed:
    def choose(self, chains, underlying):
        return Leg(contract=NEAR, ratio=1), Leg(contract=FAR, ratio=-1)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [({"columns": {"time": "t"}}, UnknownName), ({"together_seconds": -1.0}, ConfigurationError)],
)
def test_feed_when_a_parameter_does_not_fit_then_refused(tmp_path, fields, kind):
    with pytest.raises(kind):
        feed_of(tmp_path, **fields)


def test_rows_when_without_a_time_then_refused(tmp_path):
    written(tmp_path / "SPY.parquet", [(at("10:00"), NEAR, 7, 8, 500)])
    table = pq.read_table(tmp_path / "SPY.parquet")
    empty = table.set_column(1, "taken_at", pa.nulls(1, pa.timestamp("us", "UTC")))
    pq.write_table(empty, tmp_path / "SPY.parquet")
    with pytest.raises(BadData, match="rows without a time"):
        feed_of(tmp_path).chain("SPY", at("10:00"))
