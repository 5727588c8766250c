"""The planner by itself: one situation a line, and what to do next. Whole days stand in test_days."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import FAR, NEAR, PAIR, SPX, SPY, VERTICAL, at

from optarb.domain.orders import OrderIntent, OrderLeg, Purpose
from optarb.domain.quotes import Quote
from optarb.ledger.book import PositionPlan
from optarb.protocols.trading import Controls
from optarb.trading.actions import Cancel, Drop, Finish, Place, Resend, Send, Shrink, Turn, Wait
from optarb.trading.live_position import LivePosition, Stage, is_even, naked_units
from optarb.trading.order_state import LiveOrder, OrderState
from optarb.trading.planner import Scene, plan
from optarb.trading.rules import LiveRules

NOW = at("10:00")
LATER = NOW + timedelta(minutes=2)
WHOLE = {"vertical": {NEAR: 1, FAR: -1}, "pair": {SPX: 1, SPY: -10}}


def quote(contract, bid, ask):
    return Quote(contract=contract, bid=Decimal(bid), ask=Decimal(ask), taken_at=NOW, modelled=False)


QUOTES = {
    one.contract: one
    for one in (
        quote(NEAR, "7.95", "8.05"),
        quote(FAR, "4.95", "5.05"),
        quote(SPX, "80.00", "81.00"),
    )
}


def scene(**changes):
    return Scene(**{"book_id": "b", "now": NOW, "quotes": QUOTES, "controls": Controls(), "rules": LiveRules(), **changes})


def order(legs, *, purpose=Purpose.OPEN, leg=None, attempt=1, state=OrderState.INTENT, **fields):
    intent = OrderIntent(
        book_id="b",
        position_id="20240603.1",
        purpose=purpose,
        attempt=attempt,
        legs=tuple(OrderLeg(contract=contract, quantity=quantity) for contract, quantity in legs.items()),
        leg=leg,
    )
    sent = {} if state is OrderState.INTENT else {"sent_at": NOW}
    return LiveOrder(intent=intent, created_at=NOW, state=state, **{**sent, **fields})


def position(legs=VERTICAL, orders=(), **fields):
    filled = PositionPlan(expert="e", underlying="SPY", structure="s", unit_margin_usd=Decimal(0), legs=legs)
    one = LivePosition(
        **{
            "position_id": "20240603.1",
            "plan": filled,
            "units": 1,
            "by_leg": legs is PAIR,
            "deadline": LATER,
            "cleared": True,
            **fields,
        }
    )
    for item in orders:
        one.add(item)
    return one


OPENING = {NEAR: 1, FAR: -1}
FIRST, SECOND = "b/20240603.1/open/leg0/1", "b/20240603.1/open/leg1/1"
ID = "b/20240603.1/open/1"


def legs_of(first=OrderState.INTENT, second=OrderState.INTENT, **fields):
    return [order({SPX: 1}, leg=0, state=first), order({SPY: -10}, leg=1, state=second, **fields)]


HALTED, FLATTEN = Controls(halted=True), Controls(halted=True, flatten=True)
SINCE = {"exposed_since": NOW - timedelta(seconds=60)}


OPEN_CASES = {
    "stored": (position(orders=[order(OPENING)]), {}, {}, Send(order_id=ID)),
    "stored, halted": (
        position(orders=[order(OPENING)]),
        {},
        {"controls": HALTED},
        Drop(order_id=ID, reason="no longer wanted"),
    ),
    "stored, too late": (position(orders=[order(OPENING)]), {}, {"now": LATER}, Drop(order_id=ID, reason="no longer wanted")),
    "stored, entries stopped": (
        position(orders=[order(OPENING)]),
        {},
        {"entries_stopped": "loss"},
        Drop(order_id=ID, reason="no longer wanted"),
    ),
    "stored, market closed": (
        position(orders=[order(OPENING)]),
        {},
        {"market_open": False},
        Wait(until=None, reason="market_closed"),
    ),
    "stored, not cleared": (
        position(orders=[order(OPENING)], cleared=False),
        {},
        {},
        Wait(until=LATER, reason="preflight"),
    ),
    "stored, many orders lately": (
        position(orders=[order(OPENING)]),
        {},
        {"hold_until": NOW + timedelta(seconds=9)},
        Wait(until=NOW + timedelta(seconds=9), reason="too_many_orders"),
    ),
    "stored, told to wait": (
        position(orders=[order(OPENING, retry_at=NOW + timedelta(seconds=9))]),
        {},
        {},
        Wait(until=NOW + timedelta(seconds=9), reason="retry"),
    ),
    "working": (position(orders=[order(OPENING, state=OrderState.WORKING)]), {}, {}, Wait(until=LATER, reason="working")),
    "working, too late": (position(orders=[order(OPENING, state=OrderState.WORKING)]), {}, {"now": LATER}, Cancel(order_id=ID)),
    "whole": (position(orders=[order(OPENING, state=OrderState.FILLED)]), OPENING, {}, Wait(until=None, reason="open")),
    "part, order over": (
        position(orders=[order({NEAR: 5, FAR: -5}, state=OrderState.DEAD, ended="cancelled")], units=5),
        {NEAR: 2, FAR: -2},
        {},
        Shrink(units=2),
    ),
    "nothing, rejected": (
        position(orders=[order(OPENING, state=OrderState.DEAD, ended="rejected")]),
        {},
        {},
        Finish(reason="rejected"),
    ),
    "nothing, cancelled": (
        position(orders=[order(OPENING, state=OrderState.DEAD, ended="cancelled")]),
        {},
        {},
        Finish(reason="unfilled"),
    ),
    "pair, first leg": (position(PAIR, legs_of()), {}, {}, Send(order_id=FIRST)),
    "pair, second leg": (position(PAIR, legs_of(OrderState.FILLED)), {SPX: 1}, {}, Send(order_id=SECOND)),
    "pair, first leg works": (
        position(PAIR, legs_of(OrderState.WORKING)),
        {},
        {},
        Wait(until=LATER, reason="working"),
    ),
    "pair, first leg died": (
        position(PAIR, legs_of(OrderState.DEAD)),
        {},
        {},
        Drop(order_id=SECOND, reason="no longer wanted"),
    ),
    "pair, second leg with entries stopped goes on": (
        position(PAIR, legs_of(OrderState.FILLED)),
        {SPX: 1},
        {"entries_stopped": "loss"},
        Send(order_id=SECOND),
    ),
}


@pytest.mark.parametrize(("one", "held", "changes", "expected"), OPEN_CASES.values(), ids=OPEN_CASES)
def test_plan_when_opening_then(one, held, changes, expected):
    before = one.dump()
    assert plan(one, held, scene(**changes)) == expected
    assert one.dump() == before


TURNS = {
    "unhedged too long": (SINCE, {}, OrderState.WORKING, "unwind"),
    "a leg died": ({}, {}, OrderState.DEAD, "unwind"),
    "halted": ({}, {"controls": HALTED}, OrderState.WORKING, "unwind"),
    "flatten": ({}, {"controls": FLATTEN}, OrderState.WORKING, "flatten"),
}


@pytest.mark.parametrize(("fields", "changes", "state", "reason"), TURNS.values(), ids=TURNS)
def test_plan_when_half_built_then_turned(fields, changes, state, reason):
    action = plan(position(PAIR, legs_of(OrderState.FILLED, state), **fields), {SPX: 1}, scene(**changes))
    assert isinstance(action, Turn)
    assert action.reason == reason


def test_plan_when_unhedged_one_second_less_then_waits_until_then():
    since = NOW - timedelta(seconds=59)
    one = position(PAIR, legs_of(OrderState.FILLED, OrderState.WORKING), exposed_since=since)
    assert plan(one, {SPX: 1}, scene()) == Wait(until=NOW + timedelta(seconds=1), reason="working")


def test_plan_when_unhedged_too_long_and_market_closed_then_stands_still():
    one = position(PAIR, legs_of(OrderState.FILLED, OrderState.WORKING), **SINCE)
    assert isinstance(plan(one, {SPX: 1}, scene(market_open=False)), Wait)


def unknown(seconds, *, looked=True, **fields):
    since = NOW - timedelta(seconds=seconds)
    told = {"looked_at": NOW} if looked else {}
    return {"state": OrderState.UNKNOWN, "unknown_since": since, "next_look_at": LATER, **told, **fields}


UNKNOWN_CASES = {
    "not found for 30 s": (unknown(30), {}, Resend(order_id=ID)),
    "for less": (unknown(29), {}, Wait(until=LATER, reason="unknown")),
    "not looked up": (unknown(30, looked=False), {}, Wait(until=LATER, reason="unknown")),
    "in the account": (unknown(30, landed=True), {}, Wait(until=LATER, reason="unknown")),
    "ids not unique": (unknown(30), {"unique_ids": False}, Wait(until=LATER, reason="unknown")),
    "not wanted": (unknown(30), {"controls": HALTED}, Wait(until=LATER, reason="unknown")),
}


@pytest.mark.parametrize(("fields", "changes", "expected"), UNKNOWN_CASES.values(), ids=UNKNOWN_CASES)
def test_plan_when_the_answer_is_unknown_then(fields, changes, expected):
    one = position(orders=[order(OPENING, **fields)])
    assert plan(one, {}, scene(**changes)) == expected


def closing(legs=PAIR, orders=(), **fields):
    one = position(legs, orders, deadline=NOW - timedelta(hours=1), **fields)
    one.turn_flat("stop_loss", may_market=fields.get("may_market", False))
    return one


def placed(action):
    assert isinstance(action, Place), action
    intent = action.intent
    return [(leg.contract, leg.quantity) for leg in intent.legs], intent.leg, intent.attempt, intent.limit


SPY_QUOTES = {**QUOTES, SPY: quote(SPY, "7.95", "8.05")}


def test_plan_when_a_pair_closes_then_shorts_first_and_longs_only_without_shorts():
    assert placed(plan(closing(), WHOLE["pair"], scene(quotes=SPY_QUOTES))) == ([(SPY, 10)], 1, 1, Decimal("8.00"))
    assert placed(plan(closing(), {SPX: 1, SPY: -3}, scene(quotes=SPY_QUOTES)))[0] == [(SPY, 3)]
    assert placed(plan(closing(), {SPX: 1}, scene(quotes=SPY_QUOTES))) == ([(SPX, -1)], 0, 1, Decimal("-80.50"))


def test_plan_when_a_vertical_closes_then_one_order_of_all_legs():
    legs, leg, attempt, limit = placed(plan(closing(VERTICAL), WHOLE["vertical"], scene()))
    assert (legs, leg, attempt) == ([(NEAR, -1), (FAR, 1)], None, 1)
    assert limit == Decimal("-3.00")


# A sale of one SPX call at 80.00 to 81.00, ticks of 0.10: mid, third, two thirds, bid, 10 % below, 25 % below.
LADDER = ["-80.50", "-80.40", "-80.20", "-80.00", "-72.00", "-60.00", "-60.00"]


@pytest.mark.parametrize(("rung", "limit"), list(enumerate(LADDER)))
def test_plan_when_attempts_were_cancelled_then_the_next_is_bolder(rung, limit):
    earlier = [
        order({SPX: -1}, purpose=Purpose.CLOSE, leg=0, attempt=number, state=OrderState.DEAD, ended="cancelled")
        for number in range(1, rung + 1)
    ]
    action = plan(closing(orders=earlier, may_market=True), {SPX: 1}, scene())
    assert placed(action) == ([(SPX, -1)], 0, rung + 1, Decimal(limit))


def test_plan_when_market_is_not_allowed_then_the_ladder_ends_at_ten_percent():
    earlier = [
        order({SPX: -1}, purpose=Purpose.CLOSE, leg=0, attempt=number, state=OrderState.DEAD, ended="cancelled")
        for number in range(1, 9)
    ]
    assert placed(plan(closing(orders=earlier), {SPX: 1}, scene()))[3] == Decimal("-72.00")


CLOSING = {"purpose": Purpose.CLOSE, "leg": 0, "state": OrderState.WORKING}
CLOSE_ID = "b/20240603.1/close/leg0/1"

CLOSE_CASES = {
    "works": ([order({SPX: -1}, **CLOSING)], {SPX: 1}, {}, Wait(until=NOW + timedelta(seconds=15), reason="working")),
    "15 s over": ([order({SPX: -1}, **CLOSING)], {SPX: 1}, {"now": NOW + timedelta(seconds=15)}, Cancel(order_id=CLOSE_ID)),
    "more than is held": ([order({SPX: -2}, **CLOSING)], {SPX: 1}, {}, Cancel(order_id=CLOSE_ID)),
    "entry works": (
        [order({SPX: 1}, leg=0, state=OrderState.WORKING)],
        {SPX: 1},
        {},
        Cancel(order_id=FIRST),
    ),
    "short entry in doubt, young": (
        [order({SPY: -10}, leg=1, **unknown(29, cancel_at=NOW))],
        {SPX: 1},
        {"at_broker": {SPX: 1}},
        Wait(until=LATER, reason="short_in_doubt"),
    ),
    "short entry in doubt, in the account": (
        [order({SPY: -10}, leg=1, **unknown(90, cancel_at=NOW, landed=True))],
        {SPX: 1},
        {"at_broker": {SPX: 1, SPY: -10}},
        Wait(until=LATER, reason="short_in_doubt"),
    ),
    "not at the broker": ([], {SPX: 1}, {"at_broker": {}}, Wait(until=None, reason="not_at_broker")),
    "rejected just now": (
        [order({SPX: -1}, **{**CLOSING, "state": OrderState.DEAD}, ended="rejected", ended_at=NOW)],
        {SPX: 1},
        {},
        Wait(until=NOW + timedelta(seconds=15), reason="after_rejection"),
    ),
    "no quote": ([], {SPX: 1}, {"quotes": {}}, Wait(until=None, reason="no_quote")),
    "no bid": ([], {SPX: 1}, {"quotes": {SPX: quote(SPX, "0", "0.05")}}, Wait(until=None, reason="no_bid")),
    "nothing left": ([], {}, {}, Finish(reason="flat")),
    "nothing held, entry in doubt": (
        [order({SPY: -10}, leg=1, **unknown(90))],
        {},
        {},
        Wait(until=LATER, reason="unknown"),
    ),
}


@pytest.mark.parametrize(("orders", "held", "changes", "expected"), CLOSE_CASES.values(), ids=CLOSE_CASES)
def test_plan_when_closing_then(orders, held, changes, expected):
    assert plan(closing(orders=orders), held, scene(**changes)) == expected


def test_plan_when_a_short_entry_was_missing_for_long_and_the_account_is_without_it_then_longs_are_closed():
    one = closing(orders=[order({SPY: -10}, leg=1, **unknown(90, cancel_at=NOW))])
    assert placed(plan(one, {SPX: 1}, scene(at_broker={SPX: 1})))[0] == [(SPX, -1)]


def test_plan_when_flatten_and_no_quote_then_at_market():
    one = closing(may_market=True)
    assert placed(plan(one, {SPX: 1}, scene(quotes={})))[3] is None


def test_plan_when_the_broker_lacks_a_long_then_the_short_alone_is_closed():
    action = plan(closing(VERTICAL), WHOLE["vertical"], scene(at_broker={FAR: -1}))
    assert placed(action)[:2] == ([(FAR, 1)], 1)


def test_turn_flat_when_turned_again_then_the_first_reason_and_never_back():
    one = position()
    one.turn_flat("stop_loss", may_market=False)
    one.turn_flat("flatten", may_market=True)
    one.turn_flat("x", may_market=False)
    assert (one.close_reason, one.may_market, str(one.goal)) == ("stop_loss", True, "flat")


@pytest.mark.parametrize(
    ("held", "even", "naked"),
    [
        ({}, True, 0),
        ({SPX: 1, SPY: -10}, True, 0),
        ({SPX: 1}, False, 0),
        ({SPX: 1, SPY: -4}, False, 0),
        ({SPY: -1}, False, 1),
        ({SPX: 1, SPY: -11}, False, 1),
        ({SPX: 2, SPY: -20}, True, 0),
    ],
)
def test_is_even_and_naked_units_when_counted_then_by_hand(held, even, naked):
    assert is_even(PAIR, held) is even
    assert naked_units(PAIR, held) == naked


def test_naked_units_when_the_structure_has_no_longs_then_none():
    assert naked_units((PAIR[1],), {SPY: -10}) == 0


STAGES = {
    Stage.PLANNED: (position(PAIR, legs_of()), {}),
    Stage.OPENING: (position(PAIR, legs_of(OrderState.WORKING)), {}),
    Stage.LEGGING: (position(PAIR, legs_of(OrderState.FILLED)), {SPX: 1}),
    Stage.OPEN: (position(PAIR), WHOLE["pair"]),
    Stage.CLOSING: (closing(), WHOLE["pair"]),
    Stage.FLAT: (closing(done=False), {}),
    Stage.NEEDS_HUMAN: (position(PAIR, needs_human="look"), {}),
}


@pytest.mark.parametrize("stage", STAGES, ids=str)
def test_stage_when_asked_then_in_the_words_of_people(stage):
    one, held = STAGES[stage]
    if stage is Stage.FLAT:
        one.done = True
    assert one.stage(held) is stage
