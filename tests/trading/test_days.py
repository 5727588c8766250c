"""Whole days of a vertical (one order) and of a pair (leg by leg). After every step the rig checks what must always hold."""

from __future__ import annotations

import dataclasses
import itertools
import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import (
    FAR,
    MONDAY,
    NEAR,
    SPX,
    SPY,
    TUESDAY,
    WEDNESDAY,
    Calendar,
    Fixed,
    at,
    pair,
    vertical,
)

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.orders import Purpose, Rejected
from optarb.domain.signals import Signal
from optarb.errors import ConfigurationError, TransientError
from optarb.experts import InvertedExpert
from optarb.position_managers import ExitRules
from optarb.protocols.trading import Controls
from optarb.structures import LongCall, LongPut
from optarb.testing.faulty_broker import OrderFault
from optarb.trading.clocks import SimulatedClock
from optarb.trading.running import run_day

MAKES = {"vertical": vertical, "pair": pair}
BOTH = pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)

# Bids and asks with which the spread of 3.10 is worth 1.90 or 5.60, and the pair has lost or gained.
DOWN = {NEAR: ("4.95", "5.05"), FAR: ("2.95", "3.05"), SPX: ("60.00", "61.00")}
UP = {NEAR: ("12.95", "13.05"), FAR: ("7.25", "7.35"), SPX: ("140.00", "141.00")}
CREDIT = {SPX: ("77.00", "78.00")}
"""With these quotes the pair is opened for a credit of 150 dollars: its stop is a fraction of the margin."""
MARGIN_STOP = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=-0.35, max_hold_sessions=None)
DAYS_1 = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=1)
HALT = Controls(halted=True, reason="hold it")
FLATTEN = Controls(halted=True, flatten=True, reason="out")


def prices(move, make, clock="11:00", session=MONDAY):
    """A step of the market, without the contracts that the other structure trades."""
    mine = {NEAR, FAR} if make is vertical else {SPX}
    return [(at(clock, session), {contract: quote for contract, quote in move.items() if contract in mine})]


def exits_of(world):
    return [row[3] for row in world.store.rows(world.book_id, "exits")]


def entered(world):
    return [row[4] for row in world.store.rows(world.book_id, "verdicts")]


def journal(world, kind, session=MONDAY):
    return [entry for entry in world.store.journal(world.book_id, session) if entry.kind == kind]


# -- how a day goes ----------------------------------------------------------------------------------------------------------


@BOTH
def test_day_when_nothing_happens_then_entered_held_and_marked(make):
    world = make()
    result = world.run()

    assert (result.outcome, result.open_positions, entered(world)) == ("traded", 1, ["entered"])
    assert world.books_equal_broker()
    assert world.titles() == []
    assert len(world.store.rows(world.book_id, "marks")) == 2
    assert len(world.store.rows(world.book_id, "equity")) == 1


def test_day_when_held_then_its_marks_are_journaled_with_every_review():
    world = vertical(prices=prices(UP, vertical, "15:31"))
    world.run()
    marks = [(entry.at, json.loads(entry.detail)) for entry in journal(world, "marks")]
    gaps = {later - sooner for (sooner, _), (later, _) in itertools.pairwise(marks)}
    assert len(marks) > 60
    assert max(gaps) < timedelta(minutes=10)  # a cycle that comes a second too soon asks nobody
    # 250,000 less 3.10 x 100 and two fees of 0.65; the spread is worth its bid less the other's ask, 2.90 x 100.
    assert marks[0][1] == {
        "cash": 2_496_887_000,
        "value": 2_900_000,
        "held": {"20240603.1": [[NEAR.symbol, 1, 79_500, "quoted"], [FAR.symbol, -1, 50_500, "quoted"]]},
    }


def test_day_when_vertical_then_cash_is_what_the_quotes_say():
    """By hand: 8.05 paid, 4.95 received, 0.65 for each of two contracts."""
    world = vertical()
    world.run()
    assert world.state().book.cash == int((250_000 - 310 - Decimal("1.30")) * 10_000)


def test_day_when_pair_then_long_leg_is_filled_before_the_short_one_is_sent():
    world = pair()
    world.run()
    long, short = world.broker.accepted
    assert [(one.legs[0].contract, one.legs[0].quantity) for one in (long, short)] == [(SPX, 1), (SPY, -10)]
    kinds = [(entry.kind, entry.subject) for entry in world.store.journal(world.book_id, MONDAY)]
    assert kinds.index(("order_report", long.order_id)) < kinds.index(("order_sent", short.order_id))


def test_day_when_the_market_falls_then_stopped_out_at_the_middle_of_the_quotes():
    world = vertical(prices=prices(DOWN, vertical))
    world.run()
    assert exits_of(world) == ["stop_loss"]
    assert world.books_equal_broker()
    closing = [order for order in world.broker.accepted if order.purpose is Purpose.CLOSE]
    assert closing[0].limit == Decimal("-2.00")  # mid of 5.00 less mid of 3.00, received
    assert world.state().book.positions == {}


def test_day_when_the_market_falls_then_the_ladder_reaches_the_far_side():
    """The simulated account fills at bid and ask alone: mid, a third, two thirds, far side."""
    world = vertical(prices=prices(DOWN, vertical))
    world.run()
    limits = [order.limit for order in world.broker.accepted if order.purpose is Purpose.CLOSE]
    assert limits == [Decimal("-2.00"), Decimal("-1.97"), Decimal("-1.94"), Decimal("-1.90")]


def test_day_when_pair_loses_more_than_its_margin_allows_then_shorts_out_first():
    deep = [(at("00:00"), CREDIT), (at("11:00"), {SPY: ("48.00", "48.10")})]
    world = pair(prices=deep, exits=MARGIN_STOP)
    world.run()
    assert exits_of(world) == ["stop_loss"]
    closing = [order.legs[0].contract for order in world.broker.accepted if order.purpose is Purpose.CLOSE]
    assert closing == sorted(closing, key=lambda contract: contract != SPY)
    assert world.books_equal_broker()


@BOTH
def test_day_when_the_market_rises_then_target(make):
    exits = ExitRules(profit_target=0.75, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
    world = make(prices=prices(UP, make), exits=exits)
    world.run()
    assert exits_of(world) == ["profit_target"]
    assert world.books_equal_broker()
    assert world.state().book.realised > 0


@BOTH
def test_day_when_held_long_enough_then_time_exit_next_session(make):
    world = make(exits=DAYS_1)
    assert world.run().open_positions == 1
    world.run(TUESDAY)
    assert exits_of(world) == ["time_exit"]
    assert world.store.rows(world.book_id, "exits")[0][6] == 1
    assert world.books_equal_broker()


@BOTH
def test_day_when_it_is_a_half_day_then_over_at_the_earlier_close(make):
    world = make(calendar=Calendar(half_days=(MONDAY,)))
    world.run()
    assert journal(world, "day_ended")[0].at == at("13:20")


@BOTH
def test_day_when_a_full_day_then_last_reconciliation_after_the_contracts_own_end(make):
    world = make()
    world.run()
    assert journal(world, "day_ended")[0].at == at("16:20")


@BOTH
def test_day_when_holiday_then_no_session_and_nothing_stored(make):
    world = make(calendar=Calendar(holidays=(MONDAY,)))
    assert world.run(check=False).outcome == "no_session"
    assert world.store.live_books() == []


@BOTH
def test_day_when_started_within_the_half_hour_then_trades(make):
    world = make()
    assert world.run(start="10:00").outcome == "traded"


@BOTH
def test_day_when_started_too_late_then_missed_but_guarded_to_the_end(make):
    world = make()
    result = world.run(start="10:06")
    assert result.outcome == "missed"
    assert world.broker.accepted == []
    assert journal(world, "day_ended")


@BOTH
def test_day_when_no_signal_then_no_trade(make):
    world = make(sessions=(TUESDAY,))
    assert world.run().outcome == "no_trade"
    assert world.broker.accepted == []


@BOTH
def test_day_when_carried_into_a_late_day_then_exits_all_the_same(make):
    world = make(exits=DAYS_1)
    world.run()
    result = world.run(TUESDAY, start="12:00")
    assert result.outcome == "missed"
    assert exits_of(world) == ["time_exit"]


@BOTH
def test_day_when_run_twice_then_second_owner_trades_nothing(make):
    world = make()
    seen = []

    def again(context, now):
        world.after_step(context, now)
        if now >= at("12:00") and not seen:
            seen.append(world.run(start="12:00", owner="second", check=False))

    clock = SimulatedClock(at("09:30"))
    parts = {"broker": world.broker, "store": world.store, "feed": world.feed, "clock": clock}
    run_day(world.spec, world.desk, **parts, owner="first", after_step=again)
    assert [one.outcome for one in seen] == ["duplicate"]
    assert len({order.position_id for order in world.broker.accepted}) == 1


@BOTH
def test_day_when_run_again_after_its_end_then_nothing_more(make):
    world = make()
    world.run()
    sent = len(world.broker.accepted)
    assert world.run(start="16:30", owner="second").outcome == "traded"
    assert len(world.broker.accepted) == sent


@BOTH
def test_day_when_quotes_are_unusable_at_the_opening_then_tried_each_minute(make):
    world = make(feed={"stale": [(at("09:30"), at("09:41:30"))]})
    assert world.run().outcome == "traded"
    assert journal(world, "decided")[0].at == at("09:42")


@BOTH
def test_day_when_quotes_stay_unusable_then_missed(make):
    world = make(feed={"stale": [(at("09:30"), at("10:10"))]})
    assert world.run().outcome == "missed"
    assert world.broker.accepted == []


def test_day_when_the_two_chains_were_taken_apart_then_not_decided_on():
    world = pair(feed={"skewed": [(at("09:30"), at("10:10"))]})
    assert world.run().outcome == "missed"


@dataclass(frozen=True)
class Failing:
    """An expert that buys on Monday and raises on Tuesday, as often as told, before it buys again."""

    legs: tuple
    error: type
    times: int
    calls: list

    def evaluate(self, view):
        if view.underlying != self.legs[0].contract.underlying:
            return None
        self.calls.append(view.session)
        if self.calls.count(TUESDAY) and self.calls.count(TUESDAY) <= self.times:
            raise self.error("not now")
        return Signal.bullish(Fixed(self.legs), confidence=0.9, reasons=["up"])


def failing(make, error, times):
    legs = make().legs
    return make(expert=Failing(legs, error, times, []), exits=DAYS_1)


@BOTH
def test_day_when_an_expert_fails_then_failed_and_what_is_open_is_guarded(make):
    world = failing(make, ValueError, 99)
    world.run()
    assert world.run(TUESDAY).outcome == "failed"
    assert "The day could not be decided" in world.titles("alarm")
    assert exits_of(world) == ["time_exit"]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """An expert with a model, which a live day does not have."""

    def cutoffs(self, sessions):
        return sessions[:1]

    def fit(self, view):
        return b"model"

    def evaluate(self, view):
        return None


def test_day_when_an_expert_wraps_one_that_trains_then_failed_and_told():
    world = vertical(expert=InvertedExpert(inner=Trained(), bullish=LongCall(delta=0.5), bearish=LongPut(delta=0.5)))
    assert world.run().outcome == "failed"
    (alarm,) = world.store.outbox()
    assert (alarm.title, "trains" in alarm.text) == ("The day could not be decided", True)


@BOTH
def test_day_when_an_expert_wants_another_try_then_asked_each_minute(make):
    world = failing(make, TransientError, 3)
    world.run()
    assert world.run(TUESDAY).outcome == "traded"
    assert world.expert.calls.count(TUESDAY) == 4
    assert journal(world, "decided", TUESDAY)[0].at == at("09:38", TUESDAY)


# -- people ------------------------------------------------------------------------------------------------------------------


@BOTH
def test_halt_when_before_the_opening_then_no_entries(make):
    world = make(people=[(at("09:30"), HALT)])
    assert world.run().outcome == "halted"
    assert world.broker.accepted == []


@BOTH
def test_halt_when_file_is_there_then_no_entries(make, tmp_path):
    flag = tmp_path / "halt"
    flag.touch()
    world = make(spec_options={"halt_file": str(flag)})
    assert world.run().outcome == "halted"
    assert world.broker.accepted == []


@BOTH
def test_halt_when_open_then_exits_go_on(make):
    exits = ExitRules(profit_target=0.75, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
    world = make(prices=prices(UP, make), people=[(at("10:00"), HALT)], exits=exits)
    world.run()
    assert exits_of(world) == ["profit_target"]


def test_halt_when_half_built_then_unwound_at_once():
    world = pair(people=[(at("09:35:02"), HALT)], broker_options={"faults": [OrderFault(kind="stuck", leg=1)]})
    world.run()
    assert "A half-built position is unwound" in world.titles("alarm")
    assert any(order.leg == 1 for order in world.broker.accepted)
    assert journal(world, "position_turned")[0].at == at("09:35:04")
    # The stuck order may still fill, so the long that covers it is kept, and a person is asked.
    assert world.account.positions() == {SPX: 1}
    assert "Not flat at the close" in world.titles("alarm")


def test_halt_when_entry_works_then_cancelled():
    """The entry cannot fill: the quotes move away before the account looks."""
    world = vertical(prices=[(at("09:35:01"), {NEAR: ("9.95", "10.05")})], people=[(at("09:35:10"), HALT)])
    result = world.run()
    assert result.outcome == "no_trade"
    assert entered(world) == ["unfilled"]
    assert journal(world, "order_cancel")[0].at <= at("09:35:20")
    assert world.books_equal_broker()


@BOTH
def test_resume_when_halted_over_the_opening_then_nothing_is_revived(make):
    world = make(people=[(at("09:30"), HALT), (at("09:50"), Controls())])
    assert world.run().outcome == "halted"
    assert world.broker.accepted == []


@BOTH
def test_flatten_when_open_then_closed_and_nothing_new(make):
    world = make(people=[(at("11:00"), FLATTEN)])
    world.run()
    assert exits_of(world) == ["flatten"]
    assert world.books_equal_broker()
    assert dict(world.account.positions()) == {}


@BOTH
def test_flatten_when_no_day_runs_then_the_next_run_takes_the_book_and_closes(make):
    world = make()
    world.run()
    world.store.set_controls(world.book_id, FLATTEN)
    world.run(TUESDAY, start="11:00", owner="flatten")
    assert exits_of(world) == ["flatten"]
    assert dict(world.account.positions()) == {}


@BOTH
def test_flatten_when_quotes_are_stale_then_goes_on(make):
    world = make(people=[(at("11:00"), FLATTEN)], feed={"stale": [(at("10:58"), at("16:30"))]})
    world.run()
    assert exits_of(world) == ["flatten"]


@BOTH
def test_flatten_when_no_quotes_at_all_then_at_market(make):
    gone = dict.fromkeys((NEAR, FAR) if make is vertical else (SPX, SPY))
    back = {NEAR: ("7.95", "8.05"), FAR: ("4.95", "5.05")} if make is vertical else {SPX: ("80", "81"), SPY: ("7.95", "8.05")}
    world = make(prices=[(at("10:59"), gone), (at("11:10"), back)], people=[(at("11:00"), FLATTEN)])
    world.run()
    assert exits_of(world) == ["flatten"]
    assert next(order.limit for order in world.broker.accepted if order.purpose is Purpose.CLOSE) is None


# -- limits ------------------------------------------------------------------------------------------------------------------

LIMITS = {
    "max_contracts": {"max_contracts": 1},
    "max_entries": {"max_entries": 0},
    "max_notional": {"max_notional_usd": 40_000},
}


@BOTH
@pytest.mark.parametrize(("rule", "limits"), LIMITS.items(), ids=LIMITS)
def test_limit_when_reached_then_denied_with_its_numbers(make, rule, limits):
    world = make(spec_options={"limits": limits})
    assert world.run().outcome == "no_trade"
    (verdict,) = world.store.rows(world.book_id, "verdicts")
    assert verdict[4:6] == ("denied", rule)
    assert world.broker.accepted == []


def test_orders_when_a_minute_has_had_as_many_as_it_may_then_openings_wait():
    fault = OrderFault(kind="rate_limit", purpose=OPEN, seconds=1)
    world = vertical(spec_options={"limits": {"max_orders_per_minute": 1}}, broker_options={"faults": [fault]})
    assert world.run().outcome == "traded"
    first, second = (entry.at for entry in journal(world, "order_sent"))
    assert second - first == timedelta(minutes=1)


def test_day_when_the_broker_trades_real_money_and_the_spec_does_not_say_so_then_refused():
    world = vertical()
    world.broker.live = True
    with pytest.raises(ConfigurationError, match=r"DaySpec\(live=True\)"):
        world.run()
    world.spec = world.spec.model_copy(update={"live": True})
    assert world.run().outcome == "traded"


@BOTH
def test_loss_when_over_the_limit_then_entries_stop_with_an_alarm_and_positions_stay(make):
    world = make(prices=prices(DOWN, make), spec_options={"limits": {"max_loss": 0.0003}}, exits=DAYS_1)
    world.run()
    assert world.titles("alarm") == ["The loss of the day is over its limit"]
    assert exits_of(world) == []


@BOTH
def test_loss_when_flatten_on_loss_was_asked_for_then_closed(make):
    limits = {"max_loss": 0.0003, "flatten_on_loss": True}
    world = make(prices=prices(DOWN, make), spec_options={"limits": limits}, exits=DAYS_1)
    world.run()
    assert exits_of(world) == ["flatten"]
    assert world.store.controls(world.book_id).flatten


# -- faults of orders --------------------------------------------------------------------------------------------------------

OPEN, CLOSE = Purpose.OPEN, Purpose.CLOSE
ENTRY_FAULTS = {
    "lost_before": OrderFault(kind="lost_before", purpose=OPEN),
    "lost_after": OrderFault(kind="lost_after", purpose=OPEN),
    "hang": OrderFault(kind="hang", purpose=OPEN),
    "rate_limit": OrderFault(kind="rate_limit", purpose=OPEN, seconds=10),
    "invisible": OrderFault(kind="invisible", purpose=OPEN, looks=3),
    "zombie": OrderFault(kind="zombie", purpose=OPEN, seconds=10),
    "late zombie": OrderFault(kind="zombie", purpose=OPEN, seconds=40),
}


@BOTH
@pytest.mark.parametrize("fault", ENTRY_FAULTS.values(), ids=ENTRY_FAULTS)
def test_entry_when_the_first_order_has_a_passing_fault_then_entered_once(make, fault):
    world = make(broker_options={"faults": [fault], "seed": 1})
    result = world.run()
    assert result.outcome == "traded"
    assert world.books_equal_broker()
    assert "Foreign contracts in the account" not in world.titles()
    assert len(world.broker.accepted) == (1 if make is vertical else 2)
    assert entered(world) == ["entered"]


@pytest.mark.parametrize("fault", [name for name in ENTRY_FAULTS if name != "lost_before"])
def test_entry_when_the_second_leg_has_a_fault_then_whole_or_unwound(fault):
    world = pair(broker_options={"faults": [OrderFault(**{**as_fields(ENTRY_FAULTS[fault]), "leg": 1})], "seed": 1})
    world.run()
    assert world.books_equal_broker()
    holdings = dict(world.account.positions())
    assert holdings in ({}, {SPX: 1, SPY: -10})


def as_fields(fault):
    return {name: getattr(fault, name) for name in ("kind", "purpose", "seconds", "looks", "fraction", "times", "skip")}


@BOTH
def test_entry_when_rejected_then_no_trade_and_nothing_left(make):
    world = make(broker_options={"faults": [OrderFault(kind="reject", purpose=OPEN)]})
    assert world.run().outcome == "no_trade"
    assert entered(world) == ["rejected"]
    assert dict(world.account.positions()) == {}


def test_entry_when_the_second_leg_is_rejected_then_the_first_is_unwound_at_once():
    world = pair(broker_options={"faults": [OrderFault(kind="reject", leg=1)]})
    world.run()
    assert dict(world.account.positions()) == {}
    assert exits_of(world) == ["unwind"]
    assert "A half-built position is unwound" in world.titles("alarm")
    assert journal(world, "position_turned")[0].at < at("09:36")


def test_entry_when_the_second_leg_never_fills_then_unwound_after_max_unhedged():
    world = pair(prices=[(at("09:35:01"), {SPY: ("7.00", "7.10")})])
    world.run()
    turned = journal(world, "position_turned")[0]
    filled = next(entry.at for entry in journal(world, "order_report") if "leg0" in entry.subject)
    assert timedelta(seconds=60) <= turned.at - filled <= timedelta(seconds=64)
    assert dict(world.account.positions()) == {}
    assert exits_of(world) == ["unwind"]


def test_entry_when_only_some_units_fill_then_those_are_the_position():
    fault = OrderFault(kind="partial", purpose=OPEN, fraction=0.4)
    world = vertical(quantity=5, broker_options={"faults": [fault]})
    world.run()
    assert dict(world.account.positions()) == {NEAR: 2, FAR: -2}
    assert world.books_equal_broker()
    (position,) = world.state().positions.values()
    assert (position.units, str(position.goal), position.built) == (2, "open", True)
    assert entered(world) == ["entered"]


def test_entry_when_the_short_leg_fills_in_part_then_all_is_unwound():
    fault = OrderFault(kind="partial", leg=1, purpose=OPEN, fraction=0.6)
    world = pair(broker_options={"faults": [fault]})
    world.run()
    assert dict(world.account.positions()) == {}
    assert exits_of(world) == ["unwind"]
    assert world.books_equal_broker()


def test_entry_when_its_cancellation_comes_too_late_then_held():
    world = vertical(broker_options={"faults": [OrderFault(kind="cancel_race", purpose=OPEN)]})
    result = world.run()
    assert result.outcome == "traded"
    assert dict(world.account.positions()) == {NEAR: 1, FAR: -1}
    assert world.books_equal_broker()


def test_entry_when_the_short_leg_fills_while_cancelled_then_unwound_not_rescued():
    world = pair(broker_options={"faults": [OrderFault(kind="cancel_race", leg=1, purpose=OPEN)]})
    world.run()
    assert dict(world.account.positions()) == {}
    assert exits_of(world)[-1] == "unwind"


@BOTH
def test_entry_when_the_broker_shows_another_order_then_a_person(make):
    world = make(broker_options={"faults": [OrderFault(kind="other", purpose=OPEN)]})
    result = world.run()
    assert result.outcome == "needs_human"
    assert "A position needs a person" in world.titles("alarm")
    assert len(world.broker.accepted) == 1


@BOTH
def test_entry_when_it_cannot_be_found_all_day_then_never_sent_again_while_the_account_shows_it(make):
    fault = OrderFault(kind="invisible", purpose=OPEN, looks=10_000)
    world = make(broker_options={"faults": [fault]})
    world.run()
    ids = [order.order_id for order in world.broker.accepted]
    assert len(set(ids)) == len(ids) == 1
    assert "An order cannot be found" in world.titles("alarm")
    assert "An order was never found" in world.titles("alarm")


@BOTH
def test_entry_when_it_is_found_in_the_next_session_only_then_booked_and_unwound(make):
    never = make(broker_options={"faults": [OrderFault(kind="invisible", purpose=OPEN, looks=10_000)]})
    never.run()
    looks = 10_000 - never.broker._hidden[never.broker.accepted[0].order_id]

    world = make(broker_options={"faults": [OrderFault(kind="invisible", purpose=OPEN, looks=looks)]})
    world.run()
    assert world.store.rows(world.book_id, "fills") == []
    world.run(TUESDAY)
    assert "A position came back" in world.titles("alarm")
    assert exits_of(world) == ["unwind"]
    assert dict(world.account.positions()) == {}
    assert world.books_equal_broker()


CLOSE_FAULTS = {
    **{name: OrderFault(**{**as_fields(fault), "purpose": CLOSE}) for name, fault in ENTRY_FAULTS.items()},
    "reject": OrderFault(kind="reject", purpose=CLOSE),
    "partial": OrderFault(kind="partial", purpose=CLOSE, fraction=0.5),
    "cancel_race": OrderFault(kind="cancel_race", purpose=CLOSE),
    "reject thrice": OrderFault(kind="reject", purpose=CLOSE, times=3),
}


@BOTH
@pytest.mark.parametrize("fault", CLOSE_FAULTS.values(), ids=CLOSE_FAULTS)
def test_flatten_when_a_closing_order_has_a_fault_then_flat_all_the_same(make, fault):
    world = make(quantity=2, people=[(at("11:00"), FLATTEN)], broker_options={"faults": [fault], "seed": 1})
    world.run()
    assert dict(world.account.positions()) == {}
    assert world.books_equal_broker()
    assert exits_of(world) == ["flatten"]


@BOTH
def test_flatten_when_a_closing_order_is_stuck_then_a_person(make):
    world = make(people=[(at("11:00"), FLATTEN)], broker_options={"faults": [OrderFault(kind="stuck", purpose=CLOSE)]})
    result = world.run()
    assert result.needs_human
    assert "Not flat at the close" in world.titles("alarm")
    assert len([order for order in world.broker.accepted if order.purpose is CLOSE]) == 1


# -- faults of the world -----------------------------------------------------------------------------------------------------


@BOTH
def test_quotes_when_stale_then_no_stop_one_alarm_and_the_stop_comes_when_they_are_back(make):
    fall = {NEAR: ("4.95", "5.05"), FAR: ("2.95", "3.05")} if make is vertical else {SPY: ("48.00", "48.10")}
    deep = [*([] if make is vertical else [(at("00:00"), CREDIT)]), (at("11:00"), fall)]
    world = make(prices=deep, feed={"stale": [(at("10:59"), at("12:02"))]}, exits=MARGIN_STOP)
    world.run()
    assert exits_of(world) == ["stop_loss"]
    assert world.titles("alarm").count("Quotes cannot decide") == 1
    assert journal(world, "exit_decided")[0].at >= at("12:02")


@BOTH
def test_market_when_closed_in_session_then_nothing_is_sent_and_it_goes_on_afterwards(make):
    closed = (at("10:59"), at("11:30"))
    world = make(people=[(at("11:00"), FLATTEN)], broker_options={"closed": [closed]})
    world.run()
    sent = [entry.at for entry in journal(world, "order_sent") if entry.at >= at("10:00")]
    assert sent
    assert min(sent) >= at("11:30")
    assert exits_of(world) == ["flatten"]


def test_market_when_closed_between_the_legs_then_the_bound_stands_still():
    world = pair(broker_options={"closed": [(at("09:35:03"), at("10:00"))]})
    world.run()
    assert dict(world.account.positions()) in ({SPX: 1, SPY: -10}, {})
    turned = journal(world, "position_turned")
    assert not turned or turned[0].at >= at("10:00")


def test_market_when_closed_between_the_legs_then_the_seconds_of_the_bound_are_those_it_was_open():
    """Unhedged from 09:35:02; open until 09:35:20 and from 10:00 on: 60 seconds of market time end 42 seconds after 10:00."""
    world = pair(prices=[(at("09:35:01"), {SPY: ("7.00", "7.10")})], broker_options={"closed": [(at("09:35:20"), at("10:00"))]})
    world.run()
    (turned,) = journal(world, "position_turned")
    assert at("10:00:40") <= turned.at <= at("10:00:44")
    assert dict(world.account.positions()) == {}


def test_entry_when_the_short_leg_cannot_be_found_but_the_account_shows_it_then_its_long_is_kept():
    world = pair(broker_options={"faults": [OrderFault(kind="invisible", leg=1, looks=10_000)]})
    world.run(check=True)
    assert dict(world.account.positions()) == {SPX: 1, SPY: -10}
    assert "An order cannot be found" in world.titles("alarm")
    assert len(world.broker.accepted) == 2


@BOTH
def test_broker_when_away_at_the_opening_then_entered_later_or_missed(make):
    world = make(broker_options={"away": [(at("09:34"), at("09:50"))]})
    assert world.run().outcome == "traded"
    assert at("09:50") <= journal(world, "decided")[0].at <= at("09:51")
    assert world.titles("alarm") == ["The broker cannot be asked"]
    assert world.books_equal_broker()


@BOTH
def test_broker_when_away_while_flattening_then_flat_afterwards(make):
    world = make(people=[(at("11:00"), FLATTEN)], broker_options={"away": [(at("10:59"), at("11:20"))]})
    world.run()
    assert exits_of(world) == ["flatten"]
    assert world.titles("alarm").count("The broker cannot be asked") == 1


@BOTH
@pytest.mark.parametrize(("skew", "outcome", "titles"), [(1, "traded", 0), (3, "traded", 1), (6, "needs_human", 1)])
def test_clock_when_it_differs_then_warned_and_stopped_by_how_much(make, skew, outcome, titles):
    world = make(broker_options={"skew": timedelta(seconds=skew)})
    assert world.run().outcome == outcome
    assert world.titles("warning").count("Clocks differ") == titles


@BOTH
def test_account_when_it_holds_foreign_contracts_then_reported_once_never_traded_and_no_entries(make):
    foreign = OptionContract.parse("SPY240719P00450000")
    world = make()
    world.account.adjust({foreign: 3})
    assert world.run().outcome == "needs_human"
    assert world.titles("alarm").count("Foreign contracts in the account") == 1
    assert world.broker.accepted == []
    assert world.account.positions() == {foreign: 3}


@BOTH
def test_account_when_a_long_leg_vanishes_then_naked_alarm_within_a_cycle_and_shorts_closed(make):
    long = NEAR if make is vertical else SPX
    world = make(broker_options={"happenings": [(at("11:00"), lambda account: account.adjust({long: -1}))]})
    world.run()
    assert {"Naked short options", "Foreign contracts in the account"} <= set(world.titles("alarm"))
    alarm = next(note for note in world.store.outbox() if note.title == "Naked short options")
    assert alarm.at <= at("11:05")
    assert not any(quantity < 0 for quantity in world.account.positions().values())


@BOTH
def test_account_when_short_calls_are_assigned_overnight_then_booked_closed_and_reported(make):
    short, number = (FAR, 1) if make is vertical else (SPY, 10)
    world = make(sessions=(MONDAY,))
    world.run()
    strike = short.strike * 100 * number
    world.account.adjust({short: number}, shares={"SPY": -100 * number}, cash_usd=strike)
    world.run(TUESDAY)

    events = [(row[3], row[5]) for row in world.store.rows(world.book_id, "events")]
    assert events == [("assigned", -number)]
    assert "Short options were assigned" in world.titles("alarm")
    assert "Foreign contracts in the account" not in world.titles()
    assert "Unexplained cash" not in world.titles()
    assert dict(world.account.positions()) == {}
    assert world.state().memory.shares == {"SPY": -100 * number}
    assert exits_of(world) == ["assignment"]


def test_account_when_assigned_in_part_then_the_longs_of_the_rest_are_kept_until_shorts_are_closed():
    world = pair()
    world.run()
    world.account.adjust({SPY: 4}, shares={"SPY": -400}, cash_usd=SPY.strike * 400)
    world.run(TUESDAY)
    closing = [(order.legs[0].contract, order.legs[0].quantity) for order in world.broker.accepted if order.purpose is CLOSE]
    assert closing[0] == (SPY, 6)
    assert closing[-1] == (SPX, -1)
    assert dict(world.account.positions()) == {}


def test_account_when_cash_is_not_explained_then_no_entries():
    world = vertical(sessions=(MONDAY, TUESDAY))
    world.run()
    world.account.adjust(cash_usd=Decimal("1.01"))
    assert world.run(TUESDAY).outcome == "needs_human"
    assert "Unexplained cash" in world.titles("alarm")


def test_account_when_a_dollar_is_not_explained_then_that_is_tolerated():
    world = vertical(sessions=(MONDAY, TUESDAY))
    world.run()
    world.account.adjust(cash_usd=Decimal("1.00"))
    assert world.run(TUESDAY).outcome == "traded"


def test_account_when_books_have_more_capital_than_it_then_no_entries():
    world = vertical(cash="200000")
    assert world.run().outcome == "needs_human"
    assert "More capital in books than in the account" in world.titles("alarm")


@BOTH
def test_feed_when_silent_then_nothing_is_decided_and_flatten_waits_for_the_market(make):
    world = make(people=[(at("11:00"), FLATTEN)], feed={"silent": [(at("10:59"), at("11:05"))]})
    world.run()
    assert exits_of(world) == ["flatten"]
    assert dict(world.account.positions()) == {}


@BOTH
def test_feed_when_silent_over_the_opening_then_missed(make):
    world = make(feed={"silent": [(at("09:30"), at("10:10"))]})
    assert world.run().outcome == "missed"


@BOTH
def test_lease_when_the_holder_is_gone_then_another_takes_it_after_its_end(make):
    world = make()
    seen = {}

    class Gone(BaseException):
        pass

    def after_step(context, now):
        seen["now"] = now
        if now >= at("11:00"):
            raise Gone

    parts = {"broker": world.broker, "store": world.store, "feed": world.feed}
    with pytest.raises(Gone):
        run_day(world.spec, world.desk, **parts, clock=SimulatedClock(at("09:30")), owner="first", after_step=after_step)
    until = world.store.load(world.book_id).lease.until
    assert until - seen["now"] <= timedelta(seconds=360)
    assert world.run(start="11:02", owner="second", check=False).outcome == "duplicate"
    assert world.run(start="11:10", owner="third").outcome == "traded"
    assert len({order.position_id for order in world.broker.accepted}) == 1


@BOTH
def test_broker_when_its_own_check_refuses_any_leg_then_nothing_of_it_is_sent(make):
    world = make()
    asked = []

    def preflight(orders):
        asked.append([order.leg for order in orders])
        return [Rejected(code="uncovered", reason="no naked calls here")]

    world.broker.preflight = preflight
    assert world.run().outcome == "no_trade"
    assert asked == [[None] if make is vertical else [0, 1]]
    assert world.broker.accepted == []
    assert entered(world) == ["rejected"]
    assert world.titles() == ["An entry was refused"]


@BOTH
def test_broker_when_it_gives_less_than_the_book_has_then_the_policy_sees_that(make):
    world = make()
    figures = world.account.account
    world.account.account = lambda: dataclasses.replace(figures(), buying_power_usd=Decimal(100))
    assert world.run().outcome == "no_trade"
    (verdict,) = world.store.rows(world.book_id, "verdicts")
    assert verdict[4:6] == ("denied", "capital")
    assert '"available": "100' in verdict[7]


@BOTH
def test_broker_when_buying_power_went_while_deciding_then_refused_before_sending(make):
    world = make()
    figures, answers = world.account.account, []

    def account():
        answers.append(1)
        small = len(answers) > 2  # asked at the opening, for the decision, and after reserving
        return dataclasses.replace(figures(), buying_power_usd=Decimal(1)) if small else figures()

    world.account.account = account
    assert world.run().outcome == "no_trade"
    assert world.broker.accepted == []
    assert "buying_power" in world.store.rows(world.book_id, "verdicts")[0][6]


# -- expiry ------------------------------------------------------------------------------------------------------------------

LAST_DAY = OptionContract.parse("SPY240605C00500000"), OptionContract.parse("SPY240605C00510000")
DEAD = OptionContract.parse("SPY240605C00530000"), OptionContract.parse("SPY240605C00540000")


def expiring(legs, **options):
    """A spread bought on Monday that expires on Wednesday."""
    quotes = {legs[0]: ("7.95", "8.05"), legs[1]: ("4.95", "5.05")}
    structure = (Leg(contract=legs[0], ratio=1), Leg(contract=legs[1], ratio=-1))
    never = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
    return vertical(legs=structure, prices=[(at("00:00"), quotes)], exits=never, **options)


def test_expiry_when_delivered_and_near_the_money_then_closed_from_half_past_two():
    world = expiring(LAST_DAY)
    for session in (MONDAY, TUESDAY):
        world.run(session)
    world.run(WEDNESDAY)
    assert exits_of(world) == ["expiry"]
    assert journal(world, "exit_decided", WEDNESDAY)[0].at == at("14:30", WEDNESDAY)
    assert world.books_equal_broker()


def test_expiry_when_half_day_then_closed_from_half_past_eleven():
    world = expiring(LAST_DAY, calendar=Calendar(half_days=(WEDNESDAY,)))
    for session in (MONDAY, TUESDAY, WEDNESDAY):
        world.run(session)
    assert journal(world, "exit_decided", WEDNESDAY)[0].at == at("11:30", WEDNESDAY)


def test_expiry_when_far_from_the_money_then_left_and_settled_next_session():
    world = expiring(DEAD)
    for session in (MONDAY, TUESDAY, WEDNESDAY):
        world.run(session)
    assert exits_of(world) == []
    world.account.adjust({DEAD[0]: -1, DEAD[1]: 1})
    world.run(WEDNESDAY + timedelta(days=1))
    events = [(row[3], row[5], row[6]) for row in world.store.rows(world.book_id, "events")]
    assert events == [("settled", 1, 0), ("settled", -1, 0)]
    assert exits_of(world) == ["expiry"]
    assert world.books_equal_broker()
    assert world.titles("alarm") == []


def test_expiry_when_the_account_still_shows_it_next_session_then_not_traded_and_settled_once_it_is_gone():
    world = expiring(DEAD)
    for session in (MONDAY, TUESDAY, WEDNESDAY):
        world.run(session)
    sent = len(world.broker.accepted)
    thursday, friday = WEDNESDAY + timedelta(days=1), WEDNESDAY + timedelta(days=2)
    world.store.set_controls(world.book_id, FLATTEN)
    world.run(thursday)
    assert len(world.broker.accepted) == sent
    world.account.adjust({DEAD[0]: -1, DEAD[1]: 1})
    world.run(friday)
    assert [row[3] for row in world.store.rows(world.book_id, "events")] == ["settled", "settled"]
    assert world.books_equal_broker()


def test_expiry_when_today_then_not_entered():
    world = expiring(LAST_DAY, sessions=(WEDNESDAY,))
    assert world.run(WEDNESDAY).outcome == "no_trade"
    (verdict,) = world.store.rows(world.book_id, "verdicts")
    assert verdict[4:6] == ("denied", "expires_today")


# -- several books -----------------------------------------------------------------------------------------------------------


def test_books_when_another_holds_the_contract_with_the_other_sign_then_opposite_held():
    world = vertical()
    world.run()
    other = vertical(legs=tuple(Leg(contract=leg.contract, ratio=-leg.ratio) for leg in world.legs), sessions=(TUESDAY,))
    other.spec = other.spec.model_copy(update={"account": world.spec.account})
    other.store, other.account, other.broker = world.store, world.account, world.broker
    renamed = type(other.strategy)(
        name="other",
        underlyings=other.strategy.underlyings,
        experts=other.strategy.experts,
        policy=other.strategy.policy,
        exits=other.strategy.exits,
    )
    other.desk = type(other.desk)(strategies=[renamed], market_data=other.desk.market_data, calendar=other.calendar)
    other.spec = other.spec.model_copy(update={"strategy": "other"})
    assert other.run(TUESDAY, check=False).outcome == "no_trade"
    (verdict,) = world.store.rows("paper.other", "verdicts")
    assert verdict[4:6] == ("denied", "opposite_held")
