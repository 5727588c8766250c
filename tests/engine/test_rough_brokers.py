"""Brokers as they are: late, partial, doubtful, away. What each does to the book and to the rows it leaves."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal

import pytest
from tests.engine.seam import FIRST, SECOND, THIRD, day, held, live, named_rows, simulated, traded

from optarb.brokers import CrossSpread, Simulator
from optarb.domain.orders import OrderStatus, Rejected, Unknown
from optarb.errors import BrokerUnavailable
from optarb.ledger.book import Book
from optarb.testing import FakeCalendar, OrderScript, ScriptedBroker

NEAR, FAR, PUT = "SPXW240705C05000000", "SPXW240705C05040000", "SPXW240705P05000000"
"""The spread is bought near and sold far."""
NEXT_PUT = "SPXW240705P05040000"
"""Bought in the second session."""
SPREAD_ID, PUT_ID = "20240603.1", "20240603.2"
SPREAD_ENTRY, PUT_ENTRY = f"book/{SPREAD_ID}/open/1", f"book/{PUT_ID}/open/1"
CAPITAL = 100_000 * 10_000
FEE = 6_500
"""0.65 dollars a contract and side, in ledger units."""
NEVER = OrderScript(looks=((0, 0), (0, 0)))
HALF = OrderScript(looks=((1, 1), (1, 1)))
LOST = OrderScript(answer=Unknown(reason="time-out"), looks=(None, None))


def new_book():
    return Book("book", Decimal(100_000))


def account(book, session):
    return book.account(FakeCalendar().closes_at(session))


def verdicts(rows):
    return [(row["expert"], row["verdict"], row["rule"]) for row in named_rows(rows, "verdicts")]


def attempts(rows):
    return [(row["position_id"], row["attempt"]) for row in named_rows(rows, "intents") if row["purpose"] == "close"]


def cash_of_fills(rows):
    return sum(-row["price"] * row["quantity"] * 100 - row["fees"] for row in named_rows(rows, "fills"))


@pytest.fixture
def opened():
    """A book that holds two spreads and two puts since the first session."""
    book = new_book()
    day(book, FIRST, simulated)
    assert held(book) == {NEAR: 2, FAR: -2, PUT: 2}
    return book


# -- fills and fees ------------------------------------------------------------------------------------------------------


class LateFees(ScriptedBroker):
    """Reports the fills first, as working and without fees; the fees come with the next look."""

    def __init__(self, view, scripts):
        super().__init__(view, scripts)
        self._told = set()

    def find(self, order_id):
        report = super().find(order_id)
        if order_id in self._told:
            return report
        self._told.add(order_id)
        return dataclasses.replace(report, status=OrderStatus.WORKING, fees=Decimal(0))


def test_run_when_fees_come_after_the_last_fill_then_they_are_charged_once():
    tested, lived = new_book(), new_book()
    expected, _, _ = day(tested, FIRST, simulated)
    rows, _, _ = day(lived, FIRST, live(kind=LateFees))

    told = [(row["contract"], row["quantity"], row["fees"]) for row in named_rows(rows, "fills")]
    assert told == [(NEAR, 2, 0), (FAR, -2, 0), (PUT, 2, 0), (NEAR, 0, 4 * FEE), (PUT, 0, 2 * FEE)]
    assert [row["price"] for row in named_rows(rows, "fills")][-2:] == [0, 0]
    assert lived.fees == 6 * FEE
    assert [position.fees for position in lived.positions.values()] == [4 * FEE, 2 * FEE]
    assert lived.cash == CAPITAL - traded(FIRST, (NEAR, 2), (FAR, -2), (PUT, 2)) - 6 * FEE == CAPITAL + cash_of_fills(rows)
    assert lived.dump() == tested.dump()
    assert rows["equity"] == expected["equity"]


def test_run_when_legs_of_an_entry_fill_unevenly_then_what_is_held_is_closed_as_it_is():
    book = new_book()
    rows, _, broker = day(book, FIRST, live(OrderScript(looks=((2, 1), (2, 1)))))

    assert verdicts(rows) == [("spread", "entered", ""), ("put", "entered", "")]
    assert str(broker.find(SPREAD_ENTRY).status) == "cancelled"
    assert held(book) == {NEAR: 2, FAR: -1, PUT: 2}
    spread = account(book, FIRST).positions[0]
    premium = traded(FIRST, (NEAR, 2), (FAR, -1))
    assert spread.units == 2  # the second is begun
    assert spread.premium_usd * 10_000 == spread.max_loss_usd * 10_000 == premium
    assert spread.fees_usd * 10_000 == 3 * FEE

    rows, _, _ = day(book, SECOND, simulated)

    closed = [row for row in named_rows(rows, "fills") if row["position_id"] == SPREAD_ID]
    assert [(row["contract"], row["quantity"], row["fees"]) for row in closed] == [(NEAR, -2, 3 * FEE), (FAR, 1, 0)]
    proceeds = -traded(SECOND, (NEAR, -2), (FAR, 1))
    left = {row["position_id"]: row for row in named_rows(rows, "exits")}
    assert (left[SPREAD_ID]["value"], left[SPREAD_ID]["gain"]) == (proceeds, proceeds - premium)
    puts = traded(FIRST, (PUT, 2)) + traded(SECOND, (PUT, -2))
    assert book.realised == proceeds - premium - puts - 10 * FEE
    assert held(book) == {NEXT_PUT: 2}


# -- exits ---------------------------------------------------------------------------------------------------------------


def test_run_when_an_exit_fills_in_part_then_the_rest_is_closed_by_a_second_attempt(opened):
    rows, counts, _ = day(opened, SECOND, live(HALF))

    assert attempts(rows) == [(SPREAD_ID, 1), (PUT_ID, 1)]
    assert [row["position_id"] for row in named_rows(rows, "exits")] == [PUT_ID]
    left_open = [(row["position_id"], row["kind"], row["contract"], row["cash"]) for row in named_rows(rows, "events")]
    assert left_open == [(SPREAD_ID, "exit_unfilled", NEAR, 0), (SPREAD_ID, "exit_unfilled", FAR, 0)]
    assert counts["exit_unfilled"] == 1
    spread = account(opened, SECOND).positions[0]
    assert [leg.quantity for leg in spread.legs] == [1, -1]
    first_half = -traded(SECOND, (NEAR, -1), (FAR, 1))
    assert spread.proceeds_usd * 10_000 == first_half

    rows, counts, _ = day(opened, THIRD, simulated)

    assert attempts(rows)[0] == (SPREAD_ID, 2)
    closed = named_rows(rows, "exits")[0]
    value = first_half - traded(THIRD, (NEAR, -1), (FAR, 1))
    assert (closed["position_id"], closed["reason"], closed["held_sessions"]) == (SPREAD_ID, "time_exit", 2)
    assert (closed["value"], closed["gain"]) == (value, value - traded(FIRST, (NEAR, 2), (FAR, -2)))
    assert named_rows(rows, "events") == []
    assert "exit_unfilled" not in counts
    assert not opened.positions


def test_run_when_an_exit_does_not_fill_then_an_event_and_a_count_but_no_exit(opened):
    cash = opened.cash
    rows, counts, broker = day(opened, SECOND, live(NEVER, OrderScript(), OrderScript(answer=Rejected(code="no", reason="no"))))

    assert str(broker.find(f"book/{SPREAD_ID}/close/1").status) == "cancelled"
    assert [row["position_id"] for row in named_rows(rows, "exits")] == [PUT_ID]
    events = [(row["kind"], row["contract"], row["quantity"], row["detail"]) for row in named_rows(rows, "events")]
    assert events == [("exit_unfilled", NEAR, 0, "time_exit"), ("exit_unfilled", FAR, 0, "time_exit")]
    assert counts["exit_unfilled"] == 1
    assert held(opened) == {NEAR: 2, FAR: -2}
    assert opened.cash == cash - traded(SECOND, (PUT, -2)) - 2 * FEE
    assert (opened.closed_today, opened.positions[SPREAD_ID].fees) == (1, 4 * FEE)


def test_run_when_an_exit_is_rejected_then_code_and_words_are_on_record_and_it_is_tried_again(opened):
    cash = opened.cash
    halted = OrderScript(answer=Rejected(code="halted", reason="trading is halted"))
    rows, counts, broker = day(opened, SECOND, live(halted, halted))

    assert named_rows(rows, "exits") == []
    events = [(row["position_id"], row["kind"], row["detail"]) for row in named_rows(rows, "events")]
    told = "time_exit: halted, trading is halted"
    assert events == [(one, "exit_rejected", told) for one in (SPREAD_ID, SPREAD_ID, PUT_ID)]
    assert counts["exit_rejected"] == 2
    assert [order.position_id for order in broker.orders] == ["20240604.1"]  # the day's entry alone landed
    assert opened.cash == cash - traded(SECOND, (NEXT_PUT, 2)) - 2 * FEE

    rows, _, _ = day(opened, THIRD, simulated)

    assert attempts(rows) == [(SPREAD_ID, 2), (PUT_ID, 2), ("20240604.1", 1)]
    assert {row["position_id"] for row in named_rows(rows, "exits")} == {SPREAD_ID, PUT_ID, "20240604.1"}


@dataclass(frozen=True, kw_only=True)
class HalfThePrice:
    """A market that moved between the quote and the fill."""

    def fill_price(self, quote, quantity):
        price = CrossSpread().fill_price(quote, quantity)
        return None if price is None else price / 2


def test_run_when_exits_fill_away_from_their_quotes_then_exits_tell_what_the_fills_brought(opened):
    cash = opened.cash
    premiums = {position.position_id: position.premium for position in opened.positions.values()}
    moved = Simulator(fills=HalfThePrice())
    rows, _, _ = day(opened, SECOND, live(simulator=moved))

    brought = {SPREAD_ID: -traded(SECOND, (NEAR, -2), (FAR, 2)) // 2, PUT_ID: -traded(SECOND, (PUT, -2)) // 2}
    exits = named_rows(rows, "exits")
    assert {row["position_id"]: row["value"] for row in exits} == brought
    assert {row["position_id"]: row["gain"] for row in exits} == {one: brought[one] - premiums[one] for one in brought}
    assert opened.realised == sum(brought.values()) - sum(premiums.values()) - 12 * FEE
    assert opened.cash == cash + sum(brought.values()) - traded(SECOND, (NEXT_PUT, 2)) // 2 - 8 * FEE


# -- answers that nobody has ---------------------------------------------------------------------------------------------


class Lost(ScriptedBroker):
    """Never shows the first entry again, not even after its cancellation."""

    def find(self, order_id):
        return None if order_id == SPREAD_ENTRY else super().find(order_id)


def test_run_when_an_unknown_entry_is_never_found_then_in_doubt_and_its_capital_is_reserved():
    book = new_book()
    rows, counts, _ = day(book, FIRST, live(LOST, kind=Lost))

    assert verdicts(rows) == [("spread", "in_doubt", "unknown"), ("put", "entered", "")]
    assert [row["position_id"] for row in named_rows(rows, "verdicts")] == [None, PUT_ID]
    assert counts["unknown_answers"] == 1
    assert [row["position_id"] for row in named_rows(rows, "fills")] == [PUT_ID]
    assert book.cash == CAPITAL - traded(FIRST, (PUT, 2)) - 2 * FEE
    seen = account(book, FIRST)
    assert [position.position_id for position in seen.positions] == [PUT_ID]
    assert seen.in_doubt == (SPREAD_ENTRY,)
    assert seen.reserved_usd * 10_000 == traded(FIRST, (NEAR, 2), (FAR, -2)) + 8 * FEE
    assert seen.opened_today == 1
    with pytest.raises(ValueError, match=SPREAD_ENTRY):
        book.dump()


def test_run_when_an_entry_of_the_session_before_is_in_doubt_then_the_next_session_runs_beside_it():
    book = new_book()
    day(book, FIRST, live(LOST, kind=Lost))
    rows, _, _ = day(book, SECOND, simulated)

    assert attempts(rows) == [(PUT_ID, 1)]
    assert verdicts(rows) == [("put", "entered", "")]
    assert held(book) == {NEXT_PUT: 2}
    assert account(book, SECOND).in_doubt == (SPREAD_ENTRY,)


def test_run_when_an_unknown_entry_is_found_unfilled_after_its_cancellation_then_unfilled_and_nothing_is_reserved():
    book = new_book()
    rows, _, _ = day(book, FIRST, live(LOST))

    assert verdicts(rows) == [("spread", "unfilled", "unfilled"), ("put", "entered", "")]
    seen = account(book, FIRST)
    assert (seen.in_doubt, seen.working, seen.reserved_usd) == ((), (), 0)
    assert held(book) == {PUT: 2}
    assert book.dump()


def test_run_when_the_id_is_a_duplicate_then_the_order_landed_and_its_fills_are_booked():
    """As in a retry of the session after a crash between the orders and the commit."""
    brokers = []

    def same(view):
        brokers.append(brokers[0] if brokers else ScriptedBroker(view))
        broker = brokers[0]

        def pump():
            broker.advance(view)
            return broker.is_moving

        return broker, pump

    first, again = new_book(), new_book()
    expected, _, _ = day(first, FIRST, same)
    rows, _, broker = day(again, FIRST, same)

    assert len(broker.orders) == 2
    assert {contract.symbol: quantity for contract, quantity in broker.positions().items()} == held(again)
    assert held(again) == {NEAR: 2, FAR: -2, PUT: 2}
    assert rows == expected
    assert again.dump() == first.dump()


class Away(ScriptedBroker):
    """Cannot be asked the first times."""

    def __init__(self, view, scripts, *, times):
        super().__init__(view, scripts)
        self._times = times

    def find(self, order_id):
        if self._times:
            self._times -= 1
            raise BrokerUnavailable("away")
        return super().find(order_id)


def test_run_when_the_broker_is_away_for_a_while_then_the_day_ends_as_a_backtest():
    tested, lived = new_book(), new_book()
    expected, _, _ = day(tested, FIRST, simulated)
    rows, counts, _ = day(lived, FIRST, live(OrderScript(looks=((0, 0), (1, 1), (2, 2))), kind=Away, times=3))

    assert counts["broker_unavailable"] == 3
    assert rows["verdicts"] == expected["verdicts"]
    assert lived.dump() == tested.dump()


def test_run_when_the_broker_stays_away_then_its_orders_are_in_doubt_and_nothing_is_booked():
    book = new_book()
    rows, _, _ = day(book, FIRST, live(kind=Away, times=1_000))

    assert [row["verdict"] for row in named_rows(rows, "verdicts")] == ["in_doubt", "in_doubt"]
    assert rows["fills"] == []
    seen = account(book, FIRST)
    assert [order.order_id for order in seen.working] == [SPREAD_ENTRY, PUT_ENTRY]
    assert seen.reserved_usd * 10_000 == traded(FIRST, (NEAR, 2), (FAR, -2), (PUT, 2)) + 12 * FEE
    assert (book.cash, book.positions) == (CAPITAL, {})


# -- refused before they are sent ----------------------------------------------------------------------------------------


class Strict(ScriptedBroker):
    """Refuses orders of several legs before they are sent."""

    def preflight(self, orders):
        return [Rejected(code="level", reason="no spreads here") for order in orders if len(order.legs) > 1]


def test_run_when_preflight_refuses_an_entry_then_rejected_and_never_sent():
    book = new_book()
    rows, _, broker = day(book, FIRST, live(kind=Strict))

    assert verdicts(rows) == [("spread", "rejected", "level"), ("put", "entered", "")]
    assert named_rows(rows, "verdicts")[0]["reason"] == "no spreads here"
    assert [order.order_id for order in broker.orders] == [PUT_ENTRY]
    assert held(book) == {PUT: 2}
    assert account(book, FIRST).reserved_usd == 0
    assert book.cash == CAPITAL - traded(FIRST, (PUT, 2)) - 2 * FEE


def test_run_when_preflight_refuses_an_exit_then_the_position_stays_and_the_refusal_is_on_record(opened):
    rows, counts, _ = day(opened, SECOND, live(kind=Strict))

    assert [row["position_id"] for row in named_rows(rows, "exits")] == [PUT_ID]
    events = [(row["position_id"], row["kind"], row["detail"]) for row in named_rows(rows, "events")]
    assert events == [(SPREAD_ID, "exit_rejected", "time_exit: level, no spreads here")] * 2
    assert counts["exit_rejected"] == 1
    assert held(opened) == {NEAR: 2, FAR: -2, NEXT_PUT: 2}
