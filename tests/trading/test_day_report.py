"""The report of one session, against figures by hand and the rows it is read from."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.trading.rig import FAR, MONDAY, NEAR, TUESDAY, at, pair, vertical

from optarb.errors import BookNotFound
from optarb.protocols.trading import Controls
from optarb.trading.day_report import HeldContract, day_report

DOWN = [(at("11:00"), {NEAR: ("4.95", "5.05"), FAR: ("2.95", "3.05")})]


def test_report_when_held_then_every_figure_is_that_of_the_quotes():
    """By hand: 8.05 paid, 4.95 received, two fees of 0.65; at the bid of one and the ask of the other it is worth 2.90."""
    world = vertical()
    world.run()
    report = day_report(world.store, world.book_id, MONDAY)

    assert (report.outcome, report.over, report.needs_human) == ("traded", True, ())
    assert (report.begin.cash_usd, report.begin.equity_usd) == (250_000, 250_000)
    assert (report.end.cash_usd, report.end.equity_usd) == (Decimal("249688.70"), Decimal("249978.70"))
    assert (report.realised_usd, report.fees_usd) == (0, Decimal("1.30"))
    assert report.open_positions == (
        HeldContract(position_id="20240603.1", contract=NEAR.symbol, quantity=1, mark_usd=Decimal("7.95"), price="quoted"),
        HeldContract(position_id="20240603.1", contract=FAR.symbol, quantity=-1, mark_usd=Decimal("5.05"), price="quoted"),
    )
    (order,) = report.orders
    assert (order.state, order.content["legs"]) == ("filled", [[NEAR.symbol, 1], [FAR.symbol, -1]])
    assert [step.kind for step in order.steps] == ["order_sent", "order_answer", "order_report"]
    assert order.decided_at == at("09:35")
    assert {one.equity_usd for one in report.marks} == {Decimal("249978.70")}
    assert [row["verdict"] for row in report.rows["verdicts"]] == ["entered"]
    assert [row["confidence"] for row in report.rows["signals"]] == [0.9]


def test_report_when_stopped_out_then_the_ladder_and_what_was_lost():
    """By hand: paid 3.10, got 1.90, four fees of 0.65."""
    world = vertical(prices=DOWN)
    world.run()
    report = day_report(world.store, world.book_id, MONDAY)

    assert report.end.cash_usd == 250_000 - 120 - Decimal("2.60")
    assert (report.end.equity_usd, report.open_positions) == (report.end.cash_usd, ())
    assert report.realised_usd == report.end.cash_usd - 250_000
    assert report.fees_usd == Decimal("2.60")
    closing = [one for one in report.orders if one.content["purpose"] == "close"]
    assert [Decimal(one.content["limit"]) for one in closing] == [one.limit for one in world.broker.accepted[1:]]
    assert [one.state for one in closing] == ["dead", "dead", "dead", "filled"]
    assert [row["reason"] for row in report.rows["exits"]] == ["stop_loss"]


def test_report_when_people_and_alarms_then_both_with_their_instants():
    world = pair(people=[(at("10:30"), Controls(halted=True, flatten=True, reason="out"))], cash="200000")
    world.run()
    report = day_report(world.store, world.book_id, MONDAY)

    assert (report.outcome, report.needs_human[0][:26]) == ("needs_human", "books of account 'paper' h")
    assert [(one.severity, one.kind, one.at) for one in report.alarms] == [("alarm", "capital", at("09:30"))]
    ((change,),) = [report.controls]
    assert (change.halted, change.flatten, change.reason) == (True, True, "out")
    assert at("10:30") <= change.at <= at("10:35")


def test_report_when_the_quotes_are_modelled_then_every_price_says_so():
    world = vertical()
    chain = world.feed.chain

    def modelled(symbol, when):
        found = chain(symbol, when)
        if found is not None:
            found.modelled = True
        return found

    world.feed.chain = modelled
    world.run()
    report = day_report(world.store, world.book_id, MONDAY)

    assert {one.price for one in report.open_positions} == {"modelled"}
    assert {one.price for mark in report.marks for one in mark.held} == {"modelled"}
    assert {row["modelled"] for row in report.rows["fills"]} == {1}


def test_report_when_the_day_goes_on_then_it_has_no_end_and_what_was_seen_last():
    world = vertical()

    class Stop(Exception):
        """Ends the run in the middle of the day."""

    step = world.after_step

    def after_step(context, now, **options):
        step(context, now, **options)
        if now > at("12:00"):
            raise Stop

    world.after_step = after_step
    with pytest.raises(Stop):
        world.run()
    report = day_report(world.store, world.book_id, MONDAY)

    assert (report.outcome, report.over, report.end, report.realised_usd) == (None, False, None, None)
    assert [one.contract for one in report.open_positions] == [NEAR.symbol, FAR.symbol]
    assert report.marks[-1].at > at("12:00") - timedelta(minutes=10)


def test_report_when_an_older_session_then_it_is_as_it_was_when_it_ended():
    world = vertical(sessions=(MONDAY,))
    world.run()
    before = day_report(world.store, world.book_id, MONDAY)
    world.run(TUESDAY)

    assert day_report(world.store, world.book_id, MONDAY) == before
    after = day_report(world.store, world.book_id, TUESDAY)
    assert (after.begin.cash_usd, after.outcome, after.orders) == (before.end.cash_usd, "no_trade", ())


def test_report_when_a_session_follows_a_loss_then_the_loss_is_not_its_own():
    world = vertical(prices=DOWN, sessions=(MONDAY,))
    world.run()
    world.run(TUESDAY)

    assert day_report(world.store, world.book_id, MONDAY).realised_usd == Decimal("-122.60")
    assert day_report(world.store, world.book_id, TUESDAY).realised_usd == 0


def test_report_when_written_then_a_file_a_frame_and_equal_bytes(tmp_path):
    world = vertical(prices=DOWN)
    world.run()
    report = day_report(world.store, world.book_id, MONDAY)
    files = report.write_csv(tmp_path / "one")
    again = day_report(world.store, world.book_id, MONDAY).write_csv(tmp_path / "two")

    assert [one.stem for one in files] == list(report.frames())
    assert [one.read_bytes() for one in files] == [one.read_bytes() for one in again]
    with (tmp_path / "one" / "orders.csv").open(newline="") as file:
        orders = list(csv.DictReader(file))
    assert [(one["purpose"], float(one["limit"]), one["state"]) for one in orders][-1] == ("close", -1.90, "filled")
    with (tmp_path / "one" / "marks.csv").open(newline="") as file:
        assert {one["price"] for one in csv.DictReader(file)} == {"quoted"}


def test_report_when_nothing_happened_then_frames_keep_their_columns():
    world = vertical(sessions=())
    world.run()
    empty = day_report(world.store, world.book_id, MONDAY).frames()
    other = vertical(prices=DOWN)
    other.run()
    full = day_report(other.store, other.book_id, MONDAY).frames()

    assert {name: list(frame.columns) for name, frame in empty.items()} == {
        name: list(frame.columns) for name, frame in full.items()
    }
    assert {name: str(frame["at"].dtype) for name, frame in empty.items() if "at" in frame} == {
        name: str(frame["at"].dtype) for name, frame in full.items() if "at" in frame
    }


def test_report_when_book_or_session_is_unknown_then_not_found():
    world = vertical()
    world.run()
    for book_id, session in (("paper.none", MONDAY), (world.book_id, TUESDAY)):
        with pytest.raises(BookNotFound):
            day_report(world.store, book_id, session)
