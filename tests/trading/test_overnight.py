"""What happened in the account since the last session: assignment, shares, cash, activities, adjusted contracts, settlement."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import FAR, MONDAY, NEAR, SPY, TUESDAY, WEDNESDAY, Calendar, Fixed, at, pair, vertical
from tests.trading.test_crashes import Died, DyingStore, Tripwire

from optarb.brokers.simulated_account import SimulatedAccount
from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg
from optarb.domain.money import to_units
from optarb.domain.orders import Purpose
from optarb.domain.signals import Signal
from optarb.position_managers import ExitRules
from optarb.protocols.accounts import Activity
from optarb.protocols.trading import Controls
from optarb.testing import ScriptedExpert
from optarb.testing.faulty_broker import OrderFault
from optarb.trading.trading_state import TradingState

NEVER = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=None)
THURSDAY, FRIDAY = WEDNESDAY + timedelta(days=1), WEDNESDAY + timedelta(days=2)


def exits_of(world):
    return [row[3] for row in world.store.rows(world.book_id, "exits")]


def events_of(world, book_id=None):
    return [(row[3], row[4], row[5]) for row in world.store.rows(book_id or world.book_id, "events")]


def assign(world, contract, number, *, shares=True):
    """The broker assigns short calls: they are gone, shares are sold at the strike."""
    sold = {contract.root: -100 * number} if shares else None
    world.account.adjust({contract: number}, shares=sold, cash_usd=contract.strike * 100 * number)


def told(name, kind, clock="07:00", session=TUESDAY, **fields):
    return Activity(id=name, kind=kind, at=at(clock, session), **fields)


def carried(**options):
    """A vertical that was bought on Monday and is held; on Wednesday the expert buys again."""
    world = vertical(exits=NEVER, sessions=(MONDAY, WEDNESDAY), **options)
    assert world.run().outcome == "traded"
    return world


# -- shares of assignments ---------------------------------------------------------------------------------------------------

IN_ACCOUNT, GONE = "Assigned shares are in the account", "Assigned shares are gone"


def test_shares_when_they_stay_then_one_alarm_a_session_and_no_entries():
    world = carried()
    assign(world, FAR, 1)
    world.run(TUESDAY)
    assert world.run(WEDNESDAY).outcome == "needs_human"
    notices = [one for one in world.store.outbox(limit=100) if one.title == IN_ACCOUNT]
    assert [one.session for one in notices] == [TUESDAY, WEDNESDAY]
    assert "-100 SPY" in notices[0].text
    assert "Unexplained cash" not in world.titles()
    assert not any(order.opens for one in world.state().positions.values() for order in one.orders)


@pytest.mark.parametrize("price", ["500.00", "530.00", "460.00"])
def test_shares_when_a_person_bought_them_back_near_the_price_then_cash_is_reconciled_and_entries_go_on(price):
    world = carried()
    assign(world, FAR, 1)
    world.run(TUESDAY)
    world.account.adjust(shares={"SPY": 100}, cash_usd=-Decimal(price) * 100)
    assert world.run(WEDNESDAY).outcome == "traded"
    assert world.titles().count(GONE) == 1
    assert "Unexplained cash" not in world.titles()
    assert world.state().memory.shares == {}
    world.run(THURSDAY)
    assert "Unexplained cash" not in world.titles()


def test_shares_when_they_are_bought_back_within_the_session_then_no_false_alarm():
    def buy_back(account):
        account.adjust(shares={"SPY": 100}, cash_usd=Decimal(-50_100))

    world = vertical(
        exits=NEVER, sessions=(MONDAY, WEDNESDAY), broker_options={"happenings": [(at("11:00", TUESDAY), buy_back)]}
    )
    world.run()
    assign(world, FAR, 1)
    world.run(TUESDAY)
    assert world.run(WEDNESDAY).outcome == "traded"
    assert "Unexplained cash" not in world.titles()


def test_shares_when_they_are_gone_for_a_price_that_cannot_be_then_the_cash_is_unexplained():
    world = carried()
    assign(world, FAR, 1)
    world.run(TUESDAY)
    world.account.adjust(shares={"SPY": 100}, cash_usd=Decimal(-70_000))
    assert world.run(WEDNESDAY).outcome == "needs_human"
    assert "Unexplained cash" in world.titles("alarm")


def test_shares_when_only_some_are_gone_then_the_rest_stops_entries():
    world = pair(exits=NEVER, sessions=(MONDAY, WEDNESDAY))
    world.run()
    assign(world, SPY, 10)
    world.run(TUESDAY)
    world.account.adjust(shares={"SPY": 400}, cash_usd=Decimal(-200_000))
    assert world.run(WEDNESDAY).outcome == "needs_human"
    assert world.state().memory.shares == {"SPY": -600}
    assert "Unexplained cash" not in world.titles()


def test_shares_when_the_account_had_its_own_then_those_explain_no_vanished_short():
    world = vertical(exits=NEVER)
    world.account.adjust(shares={"SPY": -300})
    world.run()
    world.account.adjust({FAR: 1})
    world.run(TUESDAY)
    assert events_of(world) == []
    assert "Foreign contracts in the account" in world.titles("alarm")


def test_shares_when_assigned_within_the_first_session_then_booked():
    def assigns(account):
        account.adjust({FAR: 1}, shares={"SPY": -100}, cash_usd=FAR.strike * 100)

    world = vertical(exits=NEVER, broker_options={"happenings": [(at("11:00"), assigns)]})
    world.account.adjust(shares={"SPY": 40})
    world.run()
    assert events_of(world) == [("assigned", FAR.symbol, -1)]
    assert world.state().memory.shares == {"SPY": -100}
    assert world.books_equal_broker()


# -- several books -----------------------------------------------------------------------------------------------------------


def beside(world, session, name="other"):
    """Another book of the same account with the same structure, which buys in another session."""
    other = vertical(exits=NEVER, sessions=(session,), legs=world.legs)
    other.store, other.account, other.broker = world.store, world.account, world.broker
    strategy = other.strategy
    renamed = type(strategy)(
        name=name,
        underlyings=strategy.underlyings,
        experts={"one": ScriptedExpert(signals={session: Signal.bullish(Fixed(world.legs), confidence=0.9, reasons=["up"])})},
        policy=strategy.policy,
        exits=strategy.exits,
    )
    other.desk = type(other.desk)(strategies=[renamed], market_data=other.desk.market_data, calendar=other.calendar)
    other.spec = other.spec.model_copy(update={"strategy": name})
    return other


def state_of(world, name):
    return TradingState.load(f"paper.{name}", world.store.load(f"paper.{name}").document)


@pytest.mark.parametrize("first", ["older", "younger"])
def test_books_when_one_of_two_equal_shorts_is_assigned_then_the_oldest_position_has_it_once(first):
    older = vertical(exits=NEVER)
    older.run()
    younger = beside(older, TUESDAY, name="again")
    assert younger.run(TUESDAY, check=False).outcome == "traded"
    older.run(TUESDAY, check=False)
    assign(older, FAR, 1)
    order = (older, younger) if first == "older" else (younger, older)
    for world in (*order, *order):
        world.run(WEDNESDAY, check=False)
    assert events_of(older, "paper.live") == [("assigned", FAR.symbol, -1)]
    assert events_of(older, "paper.again") == []
    assert state_of(older, "again").holdings() == {NEAR: 1, FAR: -1}
    assert not {"Foreign contracts in the account", "Unexplained cash"} & set(older.titles())
    # Nor in the session after, when both have reconciled.
    for world in order:
        world.run(THURSDAY, check=False)
    assert not {"Foreign contracts in the account", "Unexplained cash"} & set(older.titles())


def test_books_when_a_new_one_is_opened_in_the_account_then_its_capital_is_no_unexplained_cash():
    older = vertical(exits=NEVER)
    older.run()
    beside(older, TUESDAY, name="again").run(TUESDAY, check=False)
    older.run(WEDNESDAY, check=False)
    assert older.titles() == []


def test_books_when_more_is_assigned_than_the_oldest_holds_then_each_books_its_part():
    older = vertical(exits=NEVER)
    older.run()
    younger = beside(older, TUESDAY, name="again")
    younger.run(TUESDAY, check=False)
    assign(older, FAR, 2)
    younger.run(WEDNESDAY, check=False)
    older.run(WEDNESDAY, check=False)
    assert events_of(older, "paper.live") == events_of(older, "paper.again") == [("assigned", FAR.symbol, -1)]
    assert "Foreign contracts in the account" not in older.titles()


# -- activities --------------------------------------------------------------------------------------------------------------


def test_activity_when_it_names_the_assignment_then_confirmed_once():
    world = carried()
    assign(world, FAR, 1)
    world.run(TUESDAY)
    assert "An assignment is confirmed" not in world.titles()
    world.account.tell(told("a1", "assignment", symbol=FAR.symbol, quantity=1))
    world.run(WEDNESDAY)
    world.run(THURSDAY)
    assert world.titles("info").count("An assignment is confirmed") == 1
    assert events_of(world) == [("assigned", FAR.symbol, -1)]
    assert not any("contradict" in title for title in world.titles())


def test_activity_when_it_names_an_assignment_whose_shares_are_gone_already_then_booked_all_the_same():
    """The broker sold shorts and shares in one night: cash moved by the strike and the way back."""
    world = carried()
    assign(world, FAR, 1, shares=False)
    world.account.adjust(cash_usd=Decimal(-50_050))
    world.account.tell(told("a1", "assignment", symbol=FAR.symbol, quantity=1))
    world.run(TUESDAY)
    assert events_of(world) == [("assigned", FAR.symbol, -1)]
    assert "Foreign contracts in the account" not in world.titles()
    assert "Unexplained cash" not in world.titles()
    assert world.state().memory.shares == {}


@pytest.mark.parametrize(
    ("kind", "quantity", "title"),
    [
        ("expiry", 1, "The broker contradicts an assignment"),
        ("assignment", 3, "The broker contradicts the account"),
    ],
)
def test_activity_when_it_contradicts_then_an_alarm(kind, quantity, title):
    world = carried()
    assign(world, FAR, 1)
    world.run(TUESDAY)
    world.account.tell(told("a1", kind, symbol=FAR.symbol, quantity=quantity))
    world.run(WEDNESDAY)
    assert world.titles("alarm").count(title) == 1


@pytest.mark.parametrize("kind", ["fee", "dividend", "interest", "transfer"])
def test_cash_when_the_broker_names_what_moved_it_then_entries_go_on_and_no_book_has_it(kind):
    world = carried()
    before = world.state().book.cash
    world.account.adjust(cash_usd=Decimal("-12.34"))
    world.account.tell(told("c1", kind, cash_usd=Decimal("-12.34")))
    world.run(TUESDAY)
    assert world.state().book.cash == before
    assert world.run(WEDNESDAY).outcome == "traded"
    assert "Unexplained cash" not in world.titles()


def test_cash_when_only_a_part_is_named_then_the_rest_stops_entries():
    world = carried()
    world.run(TUESDAY)
    world.account.adjust(cash_usd=Decimal("-12.34"))
    world.account.tell(told("c1", "fee", cash_usd=Decimal("-2.34")))
    assert world.run(WEDNESDAY).outcome == "needs_human"
    (notice,) = [one for one in world.store.outbox(limit=100) if one.title == "Unexplained cash"]
    assert notice.text.startswith("-10.00")


def test_cash_when_it_is_named_later_in_the_day_then_the_stop_is_lifted():
    def tells(account):
        account.tell(told("c1", "fee", clock="06:00", cash_usd=Decimal("-12.34")))

    world = vertical(exits=NEVER, broker_options={"happenings": [(at("11:00", TUESDAY), tells)]})
    world.run()
    world.account.adjust(cash_usd=Decimal("-12.34"))
    result = world.run(TUESDAY)
    assert "Unexplained cash" in world.titles("alarm")
    assert "Cash is explained" in world.titles("info")
    assert result.needs_human == ()


def test_cash_when_the_same_activity_is_told_again_then_it_explains_nothing_more():
    world = carried()
    world.account.adjust(cash_usd=Decimal("-12.34"))
    world.account.tell(told("c1", "fee", cash_usd=Decimal("-12.34")))
    world.run(TUESDAY)
    world.account.adjust(cash_usd=Decimal("-12.34"))
    assert world.run(WEDNESDAY).outcome == "needs_human"


def test_activity_when_it_is_older_than_the_book_then_not_its_own():
    world = vertical(exits=NEVER, sessions=(MONDAY, TUESDAY))
    old = told("c0", "fee", session=date(2024, 5, 31), cash_usd=Decimal("-12.34"))
    world.run()
    world.account.activities = lambda since: [old]  # a broker that tells more than it is asked for
    world.account.adjust(cash_usd=Decimal("-12.34"))
    assert world.run(TUESDAY).outcome == "needs_human"


def test_activities_when_many_sessions_pass_then_their_ids_are_forgotten():
    world = vertical(exits=NEVER)
    for session in (MONDAY, TUESDAY, date(2024, 6, 18), date(2024, 6, 20)):
        world.account.tell(told(f"c{session}", "fee", session=session))
        world.run(session, check=False)
    assert set(world.state().memory.activities) == {"c2024-06-18", "c2024-06-20"}


def test_activities_when_the_broker_is_away_then_asked_again():
    away = (at("09:29", TUESDAY), at("10:00", TUESDAY))
    world = vertical(exits=NEVER, broker_options={"away": [away]})
    world.run()
    assign(world, FAR, 1)
    world.account.tell(told("a1", "assignment", symbol=FAR.symbol, quantity=1))
    world.run(TUESDAY)
    assert events_of(world) == [("assigned", FAR.symbol, -1)]
    assert "An assignment is confirmed" in world.titles("info")


@pytest.mark.parametrize("wrong", [{"id": ""}, {"at": datetime(2024, 6, 3)}, {"cash_usd": Decimal("NaN")}])  # noqa: DTZ001
def test_activity_when_it_cannot_be_then_refused(wrong):
    with pytest.raises(ValueError, match="an activity needs"):
        Activity(**{"id": "a", "kind": "fee", "at": at("10:00"), **wrong})


def test_account_when_written_and_read_then_it_tells_and_holds_the_same():
    account = SimulatedAccount()
    account.adjust(others={"SPY1240621C00250000": 2})
    account.tell(told("c1", "fee", cash_usd=Decimal("-1.25")))
    again = SimulatedAccount.load(account.dump())
    assert again.holdings() == {"SPY1240621C00250000": 2}
    assert again.activities(at("00:00")) == account.activities(at("00:00"))
    assert again.activities(at("08:00", TUESDAY)) == []


@pytest.mark.parametrize("point", range(1, 13))
def test_activities_when_the_worker_dies_while_opening_then_each_counts_once(point):
    world = vertical(exits=NEVER)
    world.run()
    assign(world, FAR, 1)
    world.account.adjust(cash_usd=Decimal("-12.34"))
    world.account.tell(told("a1", "assignment", symbol=FAR.symbol, quantity=1))
    world.account.tell(told("c1", "fee", cash_usd=Decimal("-12.34")))
    tripwire = Tripwire(at=point)
    with pytest.raises(Died):
        world.run(TUESDAY, check=False, owner="first", store=DyingStore(world.store, tripwire))
    world.run(TUESDAY, start="09:31", owner="second", take_over=True)
    assert events_of(world) == [("assigned", FAR.symbol, -1)]
    assert world.state().memory.named == world.state().memory.assigned == {FAR.symbol: 1}
    assert world.state().memory.share_cash == to_units(FAR.strike * 100)  # at 500 the call itself was worth nothing
    assert world.titles("info").count("An assignment is confirmed") == 1
    assert "Unexplained cash" not in world.titles()


# -- adjusted contracts ------------------------------------------------------------------------------------------------------

NEAR_AFTER, FAR_AFTER = "SPY1240621C00250000", "SPY1240621C00255000"


def adjusted(**options):
    world = carried(**options)
    world.account.adjust({NEAR: -1, FAR: 1}, others={NEAR_AFTER: 1, FAR_AFTER: -1})
    return world


def test_adjusted_when_a_split_changed_what_is_held_then_frozen_alarmed_and_never_traded_or_priced():
    world = adjusted()
    before, marks = len(world.broker.accepted), [row[4:6] for row in world.store.rows(world.book_id, "marks")]
    assert world.run(TUESDAY).outcome == "needs_human"
    assert world.run(WEDNESDAY).outcome == "needs_human"
    assert len(world.broker.accepted) == before
    (position,) = world.state().positions.values()
    assert position.frozen
    assert position.needs_human
    alarms = world.titles("alarm")
    assert alarms.count("A contract was adjusted") == 4  # two contracts on two sessions
    assert not {"Foreign contracts in the account", "Naked short options", "Quotes cannot decide"} & set(alarms)
    assert events_of(world) == []
    later = world.store.rows(world.book_id, "marks")[2:]
    assert {row[6] for row in later} == {0}, "unquoted"
    assert [row[4:6] for row in later] == marks * 2


def test_adjusted_when_another_of_the_other_sign_lies_there_too_then_a_long_is_not_taken_for_a_short():
    world = adjusted()
    world.account.adjust(others={"SPY1240621C00100000": -3})
    world.run(TUESDAY)
    assert world.state().memory.adjusted[NEAR.symbol] == NEAR_AFTER
    assert "Foreign contracts in the account" in world.titles("alarm")


def test_adjusted_when_expiry_passes_then_not_settled_at_100_shares():
    world = adjusted()
    world.run(TUESDAY)
    world.run(date(2024, 6, 24))
    assert events_of(world) == []
    assert world.state().holdings() == {NEAR: 1, FAR: -1}


def test_adjusted_when_flatten_is_asked_for_then_nothing_is_sent():
    world = adjusted()
    sent = len(world.broker.accepted)
    world.run(TUESDAY)
    world.store.set_controls(world.book_id, Controls(halted=True, flatten=True))
    world.run(WEDNESDAY)
    assert len(world.broker.accepted) == sent


def test_adjusted_when_another_book_of_the_account_holds_it_then_nothing_is_foreign_here():
    world = adjusted()
    other = beside(world, THURSDAY)
    other.run(TUESDAY, check=False)
    world.run(TUESDAY, check=False)
    other.run(WEDNESDAY, check=False)
    assert "Foreign contracts in the account" not in world.titles()
    assert state_of(world, "other").day.stops == {}
    assert set(world.state().memory.adjusted.values()) == {NEAR_AFTER, FAR_AFTER}


def test_adjusted_when_the_account_has_one_of_its_own_then_a_closing_order_that_hides_freezes_nothing():
    """A foreign adjusted call of the same expiry lies there while ours is sold by an order that cannot be found for a while."""
    brought = [(at("10:30"), lambda account: account.adjust(others={NEAR_AFTER: 1}))]
    hides = OrderFault(kind="invisible", purpose=Purpose.CLOSE, skip=3, looks=5)  # the fourth is the one that fills
    flatten = (at("11:00"), Controls(halted=True, flatten=True))
    world = vertical(exits=NEVER, people=[flatten], broker_options={"happenings": brought, "faults": [hides]})
    world.run()
    assert exits_of(world) == ["flatten"]
    assert "A contract was adjusted" not in world.titles()


def test_adjusted_when_no_book_held_what_it_was_then_foreign():
    world = vertical(exits=NEVER)
    world.account.adjust(others={"QQQ1240621P00300000": 2})
    assert world.run(check=False).outcome == "needs_human"
    (notice,) = [one for one in world.store.outbox() if one.severity == "alarm"]
    assert notice.title == "Foreign contracts in the account"
    assert "+2 QQQ1240621P00300000" in notice.text


# -- settlement --------------------------------------------------------------------------------------------------------------

PM = OptionContract.parse("SPXW240604C04950000"), OptionContract.parse("SPXW240604C05050000")
PM_QUOTES = {PM[0]: ("50.00", "51.00"), PM[1]: ("9.00", "10.00")}


def expiring(long, short, quotes, **options):
    legs = (Leg(contract=long, ratio=1), Leg(contract=short, ratio=-1))
    return vertical(legs=legs, prices=[(at("00:00"), quotes)], exits=NEVER, **options)


def test_settlement_when_the_broker_pays_in_the_evening_then_no_cash_is_unexplained_next_session():
    long, short = PM

    def pays(account):
        account.adjust({long: -1, short: 1}, cash_usd=Decimal(5_000))

    world = expiring(long, short, PM_QUOTES, broker_options={"happenings": [(at("16:02", TUESDAY), pays)]})
    world.run()
    world.run(TUESDAY)
    assert exits_of(world) == []
    world.run(WEDNESDAY)
    # By hand: settled on the close of 5,000, the long pays 50 a share.
    assert events_of(world) == [("settled", long.symbol, 1), ("settled", short.symbol, -1)]
    assert "Unexplained cash" not in world.titles()
    world.run(THURSDAY)
    assert "Unexplained cash" not in world.titles()


def test_settlement_when_in_the_morning_then_held_over_its_last_day_not_traded_and_settled():
    """SPX of the third Friday trades until Thursday 16:15; the broker pays on Friday, the book settles on Monday."""
    long, short = OptionContract.parse("SPX240621C04900000"), OptionContract.parse("SPX240621C05100000")
    quotes = {long: ("102.00", "103.00"), short: ("5.00", "6.00")}
    thursday, friday, monday = date(2024, 6, 20), date(2024, 6, 21), date(2024, 6, 24)
    world = expiring(long, short, quotes, sessions=(thursday,), spec_options={"am_settlement": "previous_close"})
    assert world.run(thursday).outcome == "traded"
    sent = len(world.broker.accepted)
    world.account.adjust({long: -1, short: 1}, cash_usd=Decimal(10_000))
    world.run(friday)
    assert len(world.broker.accepted) == sent
    world.run(monday)
    assert events_of(world) == [("settled", long.symbol, 1), ("settled", short.symbol, -1)]
    assert world.books_equal_broker()


def test_settlement_when_a_short_delivers_on_its_last_day_then_its_shares_are_the_accounts():
    """The feed is silent from the cut-off to the close, so that nothing could be closed; only the short one is in the money."""
    long, short = OptionContract.parse("SPY240605P00480000"), OptionContract.parse("SPY240605P00520000")
    quotes = {long: ("1.00", "1.10"), short: ("20.30", "20.50")}
    feed = {"silent": [(at("14:25", WEDNESDAY), at("20:00", WEDNESDAY))]}
    world = expiring(long, short, quotes, feed=feed)
    for session in (MONDAY, TUESDAY, WEDNESDAY):
        world.run(session)
    assert "Not flat at the close" in world.titles("alarm")
    # Assigned: 100 shares bought at 520, the long put is worth nothing.
    world.account.adjust({long: -1, short: 1}, shares={"SPY": 100}, cash_usd=Decimal(-52_000))
    world.run(THURSDAY)
    assert events_of(world) == [("settled", long.symbol, 1), ("settled", short.symbol, -1)]
    assert world.state().memory.shares == {"SPY": 100}
    assert "Short options were assigned" in world.titles("alarm")
    assert "Unexplained cash" not in world.titles()
    world.account.adjust(shares={"SPY": -100}, cash_usd=Decimal(50_010))
    world.run(FRIDAY)
    assert "Unexplained cash" not in world.titles()
    assert world.state().memory.shares == {}


# -- the guardian's hours ----------------------------------------------------------------------------------------------------


def test_day_when_a_half_day_then_the_eve_the_cut_off_and_the_end_are_earlier():
    world = vertical(exits=NEVER, calendar=Calendar(half_days=(MONDAY,)))
    world.run()
    ended = [entry.at for entry in world.store.journal(world.book_id, MONDAY) if entry.kind == "day_ended"]
    assert ended == [at("13:20")]
    assert max(entry.at for entry in world.store.journal(world.book_id, MONDAY)) == at("13:20")


def test_day_when_a_weekend_lies_between_then_what_was_carried_is_guarded_on_monday():
    world = vertical(
        exits=ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=1), sessions=(FRIDAY,)
    )
    assert world.run(FRIDAY).outcome == "traded"
    assert world.run(FRIDAY + timedelta(days=1), check=False).outcome == "no_session"
    world.run(FRIDAY + timedelta(days=3))
    assert exits_of(world) == ["time_exit"]


@pytest.mark.parametrize("make", [vertical, pair], ids=["vertical", "pair"])
def test_feed_when_silent_over_the_close_then_the_session_ends_with_marks_and_equity(make):
    world = make(exits=NEVER, feed={"silent": [(at("15:50"), at("20:00"))]})
    assert world.run().open_positions == 1
    assert len(world.store.rows(world.book_id, "equity")) == 1
    assert len(world.store.rows(world.book_id, "marks")) == 2


def test_expiry_when_the_feed_is_silent_at_the_cut_off_then_closed_once_it_speaks():
    long, short = OptionContract.parse("SPY240605C00500000"), OptionContract.parse("SPY240605C00510000")
    quotes = {long: ("7.95", "8.05"), short: ("4.95", "5.05")}
    feed = {"silent": [(at("14:25", WEDNESDAY), at("15:00", WEDNESDAY))]}
    world = expiring(long, short, quotes, feed=feed)
    for session in (MONDAY, TUESDAY, WEDNESDAY):
        world.run(session)
    assert exits_of(world) == ["expiry"]
    sent = [entry.at for entry in world.store.journal(world.book_id, WEDNESDAY) if entry.kind == "order_sent"]
    assert at("15:00", WEDNESDAY) <= sent[0] <= at("15:01", WEDNESDAY)


def test_expiry_when_cash_settled_then_held_to_expiry():
    world = expiring(*PM, PM_QUOTES)
    world.run()
    assert world.run(TUESDAY).open_positions == 1
    assert exits_of(world) == []
