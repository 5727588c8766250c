"""What the calendar closes: short calls on the eve of an ex-date, and what delivers shares on its last day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import MONDAY, SPX, SPY, TUESDAY, WEDNESDAY, Calendar, at, pair, vertical

from optarb.domain.contracts import OptionContract
from optarb.domain.dividends import Dividend
from optarb.domain.legs import Leg
from optarb.errors import BadData
from optarb.position_managers import ExitRules
from optarb.testing import FakeMarketData

LONG, SHORT = OptionContract.parse("SPY240621C00440000"), OptionContract.parse("SPY240621C00450000")
PUT = OptionContract.parse("SPY240621P00450000")
NEVER = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
QUOTES = {LONG: ("59.80", "60.00"), SHORT: ("50.10", "50.20"), PUT: ("0.20", "0.24")}
FRIDAY = date(2024, 6, 7)


@dataclass(frozen=True, kw_only=True, eq=False)
class Paying(FakeMarketData):
    """Market data that know dividends of SPY."""

    paid: tuple = ()
    asked: list = field(default_factory=list)
    error: Exception | None = None

    def dividends(self, symbol, first, last):
        self.asked.append((symbol, first, last))
        if self.error is not None:
            raise self.error
        return [one for one in self.paid if first <= one.ex_date <= last]


def deep(*paid, error=None, quotes=QUOTES, **options):
    """A spread of calls 60 and 50 in the money, SPY at 500, 18 days to expiry."""
    legs = (Leg(contract=LONG, ratio=1), Leg(contract=SHORT, ratio=-1))
    world = vertical(legs=legs, prices=[(at("00:00"), quotes)], exits=NEVER, **options)
    return paying(world, *paid, error=error)


def paying(world, *paid, error=None):
    found = tuple(Dividend(ex_date=day, amount=Decimal(amount)) for day, amount in paid)
    data = Paying(bars_by_symbol=world.desk.market_data.bars_by_symbol, paid=found, error=error)
    world.desk = type(world.desk)(strategies=[world.strategy], market_data=data, calendar=world.calendar)
    return world


def exits_of(world):
    return [row[3] for row in world.store.rows(world.book_id, "exits")]


def decided(world, session=MONDAY):
    return [entry for entry in world.store.journal(world.book_id, session) if entry.kind == "exit_decided"]


ALARM = "A short call would be exercised tonight"


def test_eve_when_the_call_would_be_exercised_then_closed_from_three_with_an_alarm():
    world = deep((TUESDAY, "1.60"))
    world.run()
    assert exits_of(world) == ["ex_dividend"]
    assert [entry.at for entry in decided(world)] == [at("15:00")]
    assert world.titles("alarm") == [ALARM]
    (notice,) = [one for one in world.store.outbox() if one.title == ALARM]
    assert "before the announced dividend of 1.60 on 2024-06-04" in notice.text
    assert world.books_equal_broker()


def test_eve_when_half_day_then_from_one_hour_before_its_close():
    world = deep((TUESDAY, "1.60"), calendar=Calendar(half_days=(MONDAY,)))
    world.run()
    assert [entry.at for entry in decided(world)] == [at("12:00")]


def test_eve_when_the_spec_says_so_then_earlier():
    world = deep((TUESDAY, "1.60"), spec_options={"ex_dividend_minutes": 120})
    world.run()
    assert [entry.at for entry in decided(world)] == [at("14:00")]


def test_eve_when_the_ex_date_is_a_day_later_then_kept_until_its_own_eve():
    world = deep((WEDNESDAY, "1.60"))
    assert world.run().open_positions == 1
    world.run(TUESDAY)
    assert [entry.at for entry in decided(world, TUESDAY)] == [at("15:00", TUESDAY)]


def test_eve_when_a_weekend_lies_between_then_friday_is_the_eve_of_monday():
    world = deep((FRIDAY + timedelta(days=3), "1.60"))
    for session in (MONDAY, WEDNESDAY + timedelta(days=1)):
        assert world.run(session).open_positions == 1
    world.run(FRIDAY)
    assert exits_of(world) == ["ex_dividend"]


def test_eve_when_it_begins_late_in_the_day_then_closed_all_the_same():
    world = deep((WEDNESDAY, "1.60"))
    world.run()
    world.run(TUESDAY, start="15:40")
    assert exits_of(world) == ["ex_dividend"]


@pytest.mark.parametrize(
    ("amount", "rate", "closed"),
    [
        # By hand, per share: the put is worth 0.22; interest on 450 over 17 days is nothing, 1.05 (5 %) or 1.67 (8 %).
        ("1.60", 0.0, True),
        ("0.20", 0.0, False),
        ("1.60", 0.05, True),
        ("1.20", 0.05, False),
        ("1.60", 0.08, False),
    ],
)
def test_eve_when_interest_and_put_are_worth_more_than_the_dividend_then_kept(amount, rate, closed):
    world = deep((TUESDAY, amount), spec_options={"rate": rate})
    world.run()
    assert exits_of(world) == (["ex_dividend"] if closed else [])
    assert world.titles("alarm") == ([ALARM] if closed else [])


def test_eve_when_the_dividend_is_over_the_time_value_but_not_over_the_put_then_kept():
    """Time value of the short call: 0.15. The put: 0.72. The dividend of 0.60 lies between."""
    world = deep((TUESDAY, "0.60"), quotes={**QUOTES, PUT: ("0.70", "0.74")})
    world.run()
    assert exits_of(world) == []


def test_eve_when_the_put_is_not_quoted_then_by_the_call_itself():
    world = deep((TUESDAY, "1.60"), quotes={LONG: QUOTES[LONG], SHORT: QUOTES[SHORT]})
    world.run()
    assert exits_of(world) == ["ex_dividend"]


def test_eve_when_estimated_then_closed_and_labelled():
    """Paid on the first Tuesday of June a year ago, and nothing is announced."""
    world = deep((date(2023, 6, 6), "1.60"))
    world.run()
    assert exits_of(world) == ["ex_dividend"]
    assert any("estimated dividend of 1.60 on 2024-06-04" in one.text for one in world.store.outbox())


def test_eve_when_the_short_call_is_out_of_the_money_then_kept():
    world = paying(vertical(exits=NEVER), (TUESDAY, "9.00"))
    assert world.run().open_positions == 1


def test_eve_when_pair_then_both_legs_are_closed_shorts_first():
    world = pair(prices=[(at("14:00"), {SPY: ("50.10", "50.20")})])
    world.feed.spots["SPY"] = "550"
    world = paying(world, (TUESDAY, "1.60"))
    world.run()
    closing = [order.legs[0].contract for order in world.broker.accepted if order.purpose == "close"]
    assert closing[0] == SPY
    assert closing[-1] == SPX
    assert exits_of(world) == ["ex_dividend"]


def test_eve_when_the_feed_is_silent_then_an_alarm_and_closed_once_it_speaks():
    world = deep((TUESDAY, "1.60"), feed={"silent": [(at("14:58"), at("15:31"))]})
    world.run()
    assert "Early exercise cannot be judged" in world.titles("alarm")
    (exit_decided,) = decided(world)
    assert at("15:31") <= exit_decided.at < at("15:36")
    assert exits_of(world) == ["ex_dividend"]


def test_eve_when_the_feed_is_silent_to_the_end_then_an_alarm_and_the_session_ends_with_its_equity():
    world = deep((TUESDAY, "1.60"), feed={"silent": [(at("14:58"), at("20:00"))]})
    assert world.run().open_positions == 1
    assert "Early exercise cannot be judged" in world.titles("alarm")
    assert len(world.store.rows(world.book_id, "equity")) == 1


def test_eve_when_dividends_cannot_be_read_then_one_alarm_and_the_rest_goes_on():
    world = deep(error=BadData("the file is gone"))
    assert world.run().open_positions == 1
    assert world.titles("alarm") == ["Early exercise cannot be judged"]
    (notice,) = [one for one in world.store.outbox() if one.severity == "alarm"]
    assert "the file is gone" in notice.text


def test_eve_when_the_market_data_know_no_dividends_then_nothing():
    world = deep()
    world.run()
    assert len(world.desk.market_data.asked) > 0
    assert world.titles() == []
    plain = vertical(exits=NEVER)
    assert plain.run().open_positions == 1


def test_dividends_when_asked_for_then_from_more_than_a_year_back_to_the_expiry_and_only_in_the_last_hour():
    world = deep((TUESDAY, "0.10"))
    world.run()
    assert set(world.desk.market_data.asked) == {("SPY", MONDAY - timedelta(days=400), date(2024, 6, 21))}
    assert 12 <= len(world.desk.market_data.asked) <= 13  # once a cycle of five minutes
