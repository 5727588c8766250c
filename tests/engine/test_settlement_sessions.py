"""What contracts settle on and in which session, by backtests over a few sessions. All figures by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from tests.engine.seam import named_rows

from optarb.backtesting.runner import backtest
from optarb.desk import Desk
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.signals import Signal
from optarb.ledger.rows import TABLES
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.specs import BacktestSpec
from optarb.stores import SqlStore
from optarb.strategy import Strategy
from optarb.testing import FakeCalendar, FakeMarketData, ScriptedExpert, fake_bars, fake_quotes

DOLLAR = 10_000
FEE = 6_500
CAPITAL = 100_000 * DOLLAR


@dataclass(frozen=True, kw_only=True)
class Named:
    """Buys one named contract, quoted or not."""

    symbol: str

    def choose(self, chains, underlying):
        return (Leg(contract=OptionContract.parse(self.symbol), ratio=1),)


@dataclass(frozen=True, kw_only=True, eq=False)
class OfficialValues(FakeMarketData):
    """Knows settlement values by symbol and session."""

    values: Mapping[tuple[str, date], Decimal] = field(default_factory=dict)

    def settlement_value(self, symbol, session):
        return self.values.get((symbol, session))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Sessions of one contract: when it is quoted at what, and the bars' opens and closes."""

    contract: str
    sessions: tuple[date, ...]
    quotes: Mapping[date, tuple[float, float]]
    closes: Mapping[date, float]
    opens: Mapping[date, float] = field(default_factory=dict)
    """Where one is absent the session opens at the close before."""
    later: date
    """Expiry of another contract, which is quoted in every session and never traded."""
    holidays: tuple[date, ...] = ()

    def data(self, kind=FakeMarketData, **more):
        contract = OptionContract.parse(self.contract)
        calendar = FakeCalendar(holidays=self.holidays)
        bars = fake_bars(
            [self.closes[self.sessions[0]], *(self.closes[day] for day in self.sessions)],
            symbol=contract.underlying,
            last=self.sessions[-1],
            calendar=calendar,
        )
        opens = np.array([self.opens.get(day, opened) for day, opened in zip(bars.dates, bars.open, strict=True)])
        bars = dataclasses.replace(bars, open=opens, high=np.maximum(bars.high, opens), low=np.minimum(bars.low, opens))
        strike = float(contract.strike)
        rows = {
            day: [
                (self.later, "C", strike, 100.0, 101.0),
                *([(contract.expiry, "C", strike, *self.quotes[day])] if day in self.quotes else []),
            ]
            for day in self.sessions
        }
        quotes = fake_quotes(rows, symbol=contract.underlying, root=contract.root)
        symbol = contract.underlying
        return kind(bars_by_symbol={symbol: bars}, quotes_by_symbol={symbol: quotes}, **more)

    def run(self, tmp_path, *, buy, data=None, **spec):
        """Wants the contract at the sessions of ``buy``, and keeps it; returns the rows by table and the counts."""
        signal = Signal.bullish(Named(symbol=self.contract), confidence=0.9)
        strategy = Strategy(
            name="hold",
            underlyings=(OptionContract.parse(self.contract).underlying,),
            experts={"one": ScriptedExpert(signals=dict.fromkeys(buy, signal))},
            policy=RiskPolicy(),
            exits=ExitRules(profit_target=None, stop_loss=None, max_hold_sessions=None),
        )
        desk = Desk(
            strategies=[strategy],
            market_data=self.data() if data is None else data,
            calendar=FakeCalendar(holidays=self.holidays),
            store=SqlStore(url=f"sqlite:///{tmp_path}/books.db"),
        )
        wanted = BacktestSpec(
            strategy="hold",
            start=self.sessions[0],
            end=self.sessions[-1],
            capital=Decimal(100_000),
            backtest_id="one",
            **spec,
        )
        with desk:
            result = backtest(wanted, desk, progress=False)
            rows = {table: named_rows({table: desk.store.rows("one", table)}, table) for table in TABLES}
            return rows, result.report()["counts"]


def endings(rows):
    """Session, kind and price of the events, and session and reason of the exits."""
    events = [(row["session"], row["kind"], row["price"], row["cash"]) for row in rows["events"]]
    return events, [(row["session"], row["reason"]) for row in rows["exits"]]


def buying_costs(ask):
    return int(Decimal(ask) * 100 * DOLLAR) + FEE


# -- settled in the morning ----------------------------------------------------------------------------------------------

THURSDAY, FRIDAY = date(2024, 5, 16), date(2024, 5, 17)
WEEK = tuple(date(2024, 5, n) for n in (13, 14, 15, 16, 17, 20, 21, 22))
MORNING = Case(
    contract="SPX240517C05000000",
    sessions=WEEK,
    # Bids after Thursday are those of a source that copies on; none of them can be traded.
    quotes={**dict.fromkeys(WEEK[:4], (50.0, 50.5)), **dict.fromkeys(WEEK[4:], (70.0, 71.0))},
    closes={**dict.fromkeys(WEEK, 5100.0), THURSDAY: 5087.654},
    # A later session's prices differ: were they taken, the contract would pay 320.
    opens={date(2024, 5, 20): 5320.0, date(2024, 5, 21): 5330.0, date(2024, 5, 22): 5340.0},
    later=date(2024, 6, 21),
)


def opening_at(price):
    return dataclasses.replace(MORNING, opens={**MORNING.opens, FRIDAY: price})


def test_am_contract_when_its_session_opens_elsewhere_then_settled_on_the_open_to_the_cent(tmp_path):
    rows, counts = opening_at(5123.4562).run(tmp_path, buy=WEEK[:1])

    cash = Decimal("12346.00")  # 100 times 5,123.46 less 5,000
    assert endings(rows) == ([(20240517, "settled", 1_234_600, cash * DOLLAR)], [(20240517, "expiry")])
    assert rows["events"][0]["detail"] == "on 5123.46"
    assert [(row["session"], row["quantity"], row["fees"]) for row in rows["fills"]] == [(20240513, 1, FEE)]
    exit_ = rows["exits"][0]
    assert (exit_["value"], exit_["gain"], exit_["held_sessions"]) == (cash * DOLLAR, (cash - 5_050) * DOLLAR, 4)
    assert [row["cash"] for row in rows["equity"]][3:5] == [
        CAPITAL - buying_costs("50.5"),
        CAPITAL - buying_costs("50.5") + cash * DOLLAR,
    ]
    assert rows["equity"][4]["open_positions"] == 0
    assert "no_settlement_value" not in counts["trade"]


def test_am_contract_when_its_session_opens_at_the_close_before_then_never_settled_and_closed_at_its_last_mark(tmp_path):
    rows, counts = MORNING.run(tmp_path, buy=WEEK[:1])

    closing = (20240522, "closed_at_last_mark", 500_000, 5_000 * DOLLAR - FEE)
    assert endings(rows) == ([closing], [(20240522, "end_of_backtest")])
    assert counts["trade"]["no_settlement_value"] == 4  # the 17th, 20th, 21st and 22nd
    assert counts["trade"]["closed_unquoted"] == 1
    kept = [(row["session"], row["mark"], row["quoted"]) for row in rows["marks"]]
    assert kept == [
        *((session, 500_000, 1) for session in (20240513, 20240514, 20240515, 20240516)),
        *((session, 500_000, 0) for session in (20240517, 20240520, 20240521)),
    ]
    assert rows["equity"][-1]["cash"] == CAPITAL - buying_costs("50.5") + 5_000 * DOLLAR - FEE
    quotes = counts["quotes"]
    assert (quotes["dead"], quotes["expired"]) == (1, 3)


# Two basis points of 5,087.654 are 1.0175: opens from 5,086.6365 to 5,088.6715 may be copies of it.


@pytest.mark.parametrize("opened", [5086.64, 5087.654, 5088.67])
def test_am_contract_when_its_session_opens_within_two_basis_points_then_not_settled(tmp_path, opened):
    rows, counts = opening_at(opened).run(tmp_path, buy=WEEK[:1])

    assert [row["kind"] for row in rows["events"]] == ["closed_at_last_mark"]
    assert counts["trade"]["no_settlement_value"] == 4


@pytest.mark.parametrize(("opened", "pays"), [(5086.63, 8_663), (5088.68, 8_868)])
def test_am_contract_when_its_session_opens_beyond_two_basis_points_then_settled(tmp_path, opened, pays):
    rows, counts = opening_at(opened).run(tmp_path, buy=WEEK[:1])

    assert endings(rows)[0] == [(20240517, "settled", pays * 100, pays * DOLLAR)]
    assert "no_settlement_value" not in counts["trade"]


def test_am_contract_when_the_close_before_is_asked_for_then_settled_on_it(tmp_path):
    rows, counts = MORNING.run(tmp_path, buy=WEEK[:1], am_settlement="previous_close")

    assert endings(rows) == ([(20240517, "settled", 876_500, 8_765 * DOLLAR)], [(20240517, "expiry")])
    assert rows["events"][0]["detail"] == "on 5087.65"
    assert "no_settlement_value" not in counts["trade"]


@pytest.mark.parametrize("rule", ["open", "previous_close"])
def test_am_contract_when_the_data_know_its_settlement_value_then_settled_on_that(tmp_path, rule):
    case = opening_at(5123.4562)
    data = case.data(OfficialValues, values={("SPX", FRIDAY): Decimal("5044.32"), ("SPX", THURSDAY): Decimal(6000)})
    rows, _ = case.run(tmp_path, buy=WEEK[:1], data=data, am_settlement=rule)

    assert endings(rows) == ([(20240517, "settled", 443_200, 4_432 * DOLLAR)], [(20240517, "expiry")])
    assert rows["events"][0]["detail"] == "on 5044.32"


def test_am_contract_when_the_data_do_not_know_this_value_then_the_open_is_taken(tmp_path):
    case = opening_at(5123.4562)
    data = case.data(OfficialValues, values={("SPX", THURSDAY): Decimal(6000)})
    rows, _ = case.run(tmp_path, buy=WEEK[:1], data=data)

    assert endings(rows)[0] == [(20240517, "settled", 1_234_600, 12_346 * DOLLAR)]


def test_am_contract_when_out_of_the_money_then_settled_for_nothing(tmp_path):
    rows, _ = opening_at(4999.99).run(tmp_path, buy=WEEK[:1])

    assert endings(rows) == ([(20240517, "settled", 0, 0)], [(20240517, "expiry")])
    assert rows["exits"][0]["gain"] == -5_050 * DOLLAR


# -- expiries that are no session ----------------------------------------------------------------------------------------

EASTER = tuple(date(2014, 4, n) for n in (14, 15, 16, 17, 21, 22))
GOOD_FRIDAY = Case(
    contract="SPXW140418C01850000",
    sessions=EASTER,
    quotes=dict.fromkeys(EASTER[:3], (20.0, 20.5)),
    closes={**dict.fromkeys(EASTER, 1860.0), date(2014, 4, 17): 1864.8467, date(2014, 4, 21): 1871.89},
    later=date(2014, 5, 30),
    holidays=(date(2014, 4, 18),),
)


def test_pm_contract_when_it_expires_on_good_friday_then_settled_on_thursdays_close(tmp_path):
    rows, counts = GOOD_FRIDAY.run(tmp_path, buy=[EASTER[0], EASTER[3]])

    assert endings(rows) == ([(20140417, "settled", 148_500, 1_485 * DOLLAR)], [(20140417, "expiry")])
    assert rows["events"][0]["detail"] == "on 1864.85"
    assert [(row["session"], row["verdict"], row["rule"]) for row in rows["verdicts"]] == [
        (20140414, "entered", ""),
        (20140417, "denied", "expires_today"),
    ]
    assert rows["equity"][3]["cash"] == CAPITAL - buying_costs("20.5") + 1_485 * DOLLAR
    assert "no_settlement_value" not in counts["trade"]


FEBRUARY = tuple(date(2014, 2, n) for n in (18, 19, 20, 21, 24))
SATURDAY = Case(
    contract="SPX140222C01800000",
    sessions=FEBRUARY,
    quotes=dict.fromkeys(FEBRUARY, (40.0, 40.5)),
    closes=dict.fromkeys(FEBRUARY, 1836.0),
    opens={date(2014, 2, 21): 1841.07},
    later=date(2014, 3, 22),
)


def test_am_contract_when_listed_for_saturday_then_settled_on_fridays_open(tmp_path):
    rows, counts = SATURDAY.run(tmp_path, buy=FEBRUARY[2:3])

    assert [row["session"] for row in rows["fills"]] == [20140220]
    assert endings(rows) == ([(20140221, "settled", 410_700, 4_107 * DOLLAR)], [(20140221, "expiry")])
    assert (counts["quotes"]["dead"], counts["quotes"]["expired"]) == (1, 1)  # Friday's and Monday's


def test_am_contract_when_listed_for_saturday_then_not_entered_on_its_friday(tmp_path):
    rows, _ = SATURDAY.run(tmp_path, buy=FEBRUARY[3:4])

    assert [(row["session"], row["verdict"], row["rule"]) for row in rows["verdicts"]] == [
        (20140221, "denied", "expires_today")
    ]
    assert "SPX140222C01800000" in rows["verdicts"][0]["reason"]
    assert rows["fills"] == rows["events"] == []


# -- delivered, if it were not closed ------------------------------------------------------------------------------------

DELIVERED = Case(
    contract="SPY240517C00500000",
    sessions=WEEK,
    quotes={**dict.fromkeys(WEEK[:4], (11.0, 11.1)), FRIDAY: (12.2, 12.4)},
    closes={**dict.fromkeys(WEEK, 510.0), FRIDAY: 512.347},
    later=date(2024, 6, 21),
)


def test_physical_contract_when_its_last_day_is_quoted_then_sold_at_the_bid_before_delivery(tmp_path):
    rows, counts = DELIVERED.run(tmp_path, buy=[WEEK[0], FRIDAY])

    assert endings(rows) == (
        [(20240517, "closed_before_delivery", 122_000, 1_220 * DOLLAR - FEE)],
        [(20240517, "expiry")],
    )
    assert rows["events"][0]["detail"] == "closed on its last quote before delivery"
    assert (rows["exits"][0]["value"], rows["exits"][0]["gain"]) == (1_220 * DOLLAR, 110 * DOLLAR)
    assert rows["equity"][-1]["cash"] == CAPITAL - buying_costs("11.1") + 1_220 * DOLLAR - FEE
    assert [(row["session"], row["rule"]) for row in rows["verdicts"]] == [(20240513, ""), (20240517, "expires_today")]
    assert "dead" not in counts["quotes"]  # it trades on for a quarter of an hour


def test_physical_contract_when_its_last_day_is_unquoted_then_closed_at_intrinsic_value_on_the_official_close(tmp_path):
    quotes = {day: quote for day, quote in DELIVERED.quotes.items() if day != FRIDAY}
    rows, _ = dataclasses.replace(DELIVERED, quotes=quotes).run(tmp_path, buy=WEEK[:1])

    assert endings(rows) == (
        [(20240517, "closed_before_delivery", 123_500, 1_235 * DOLLAR - FEE)],
        [(20240517, "expiry")],
    )
    assert rows["events"][0]["detail"] == "unquoted; closed at intrinsic value on 512.35"
