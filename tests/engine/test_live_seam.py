"""The same session function, once with the simulated broker and once with one that fills as brokers do."""

from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest
from tests.engine.seam import FIRST, SECOND, day, live, market, named_rows, simulated

from optarb.backtesting.runner import backtest
from optarb.desk import Desk
from optarb.domain.orders import Rejected, Unknown
from optarb.domain.signals import Signal
from optarb.ledger.book import Book
from optarb.ledger.rows import TABLES
from optarb.policies import RiskPolicy
from optarb.position_managers import ExitRules
from optarb.specs import BacktestSpec
from optarb.strategy import Strategy
from optarb.structures import CallPair
from optarb.testing import (
    FakeCalendar,
    FakeMarketData,
    OrderScript,
    ScriptedExpert,
    fake_bars,
    fake_quote_rows,
    fake_quotes,
)

LATE = (None, (0, 0), (1, 0), (1, 0), (1, 1), (0, 0), (1, 1), (2, 1), (2, 2))
"""Not seen, working, the first leg of one unit, the same report again, its second leg, an old report, and the rest."""


def filled_by(rows):
    """What was filled by position and contract: contracts, cash before fees and fees, in ledger units."""
    totals = {}
    for fill in named_rows(rows, "fills"):
        key = (fill["position_id"], fill["purpose"], fill["contract"])
        quantity, cash, fees = totals.get(key, (0, 0, 0))
        cash -= fill["price"] * fill["quantity"] * 100
        totals[key] = (quantity + fill["quantity"], cash, fees + fill["fees"])
    return totals


LIVE_DAYS = {
    "late and in parts": [[OrderScript(looks=LATE)], [OrderScript(looks=LATE), OrderScript(looks=((0,), (1,), (2,)))]],
    "second leg first": [[OrderScript(looks=((0, 2), (0, 2), (1, 2), (2, 2)))], [OrderScript(looks=((0, 1), (2, 2)))]],
    "answer unknown, found later": [
        [OrderScript(answer=Unknown(reason="time-out"), looks=(None, None, (1, 1), (2, 2)))],
        [OrderScript(answer=Unknown(reason="time-out"), looks=(None, (2, 2)))],
    ],
    "second order before the first": [
        [OrderScript(looks=(None, (0, 0), (0, 0), (2, 2))), OrderScript(looks=((2,),))],
        [OrderScript(looks=((0, 0), (0, 0), (2, 2))), OrderScript(looks=((1,), (2,)))],
    ],
}


@pytest.mark.parametrize("scripts", LIVE_DAYS.values(), ids=LIVE_DAYS)
def test_run_when_broker_fills_late_then_decisions_and_book_are_those_of_the_backtest(scripts):
    tested, lived = Book("book", Decimal(100_000)), Book("book", Decimal(100_000))
    for session, script in zip((FIRST, SECOND), scripts, strict=True):
        expected, _, _ = day(tested, session, simulated)
        rows, _, broker = day(lived, session, live(*script))

        for table in ("intents", "verdicts", "exits", "events", "marks", "equity"):
            assert rows[table] == expected[table], table
        assert lived.dump() == tested.dump()
        assert lived.account(FakeCalendar().closes_at(session)) == tested.account(FakeCalendar().closes_at(session))
        quantities = {key: total[0] for key, total in filled_by(rows).items()}
        assert quantities == {key: total[0] for key, total in filled_by(expected).items()}
        cash, paid = sum(total[1] for total in filled_by(rows).values()), sum(t[2] for t in filled_by(rows).values())
        assert (cash, paid) == tuple(sum(total[i] for total in filled_by(expected).values()) for i in (1, 2))
        assert dict(broker.positions())


def test_run_when_filled_in_parts_then_cash_is_what_the_quotes_say():
    """By hand: two units at the asks of what is bought and the bids of what is sold, 0.65 a contract and side."""
    book = Book("book", Decimal(100_000))
    rows, _, _ = day(book, FIRST, live(*LIVE_DAYS["late and in parts"][0]))
    quotes = market().view(FIRST).chains["SPX"].quote
    spread, put = book.account(FakeCalendar().closes_at(FIRST)).positions
    bought, sold = (quotes(leg.contract) for leg in spread.legs)
    held = quotes(put.legs[0].contract)

    paid = 200 * (bought.ask - sold.bid) + 200 * held.ask
    fees = 6 * Decimal("0.65")
    assert book.cash == int((Decimal(100_000) - paid - fees) * 10_000)
    assert [leg.quantity for leg in (*spread.legs, *put.legs)] == [2, -2, 2]
    assert book.fees == 39_000
    parts = [(fill["contract"], fill["quantity"]) for fill in named_rows(rows, "fills")]
    near, far = (leg.contract.symbol for leg in spread.legs)
    assert [part for part in parts if part[0] in {near, far}] == [(near, 1), (far, -1), (near, 1), (far, -1)]


def test_run_when_an_entry_is_rejected_then_a_verdict_and_no_position():
    book = Book("book", Decimal(100_000))
    refusal = Rejected(code="buying_power", reason="not enough")
    rows, _, broker = day(book, FIRST, live(OrderScript(answer=refusal)))

    verdicts = {row["expert"]: row for row in named_rows(rows, "verdicts")}
    assert (verdicts["spread"]["verdict"], verdicts["spread"]["rule"]) == ("rejected", "buying_power")
    assert verdicts["put"]["verdict"] == "entered"
    assert [position.expert for position in book.positions.values()] == ["put"]
    assert len(broker.orders) == 1


def test_run_when_an_entry_never_fills_then_cancelled_and_unfilled():
    book = Book("book", Decimal(100_000))
    rows, _, broker = day(book, FIRST, live(OrderScript(looks=((0, 0), (0, 0)))))

    assert [row["verdict"] for row in named_rows(rows, "verdicts")] == ["unfilled", "entered"]
    assert str(broker.find(broker.orders[0].order_id).status) == "cancelled"
    assert [position.expert for position in book.positions.values()] == ["put"]
    assert book.dump()


def test_run_when_half_of_an_entry_fills_then_that_half_is_held_and_closed():
    book = Book("book", Decimal(100_000))
    rows, _, broker = day(book, FIRST, live(OrderScript(looks=((1, 0), (1, 1)))))

    spread = next(iter(book.positions.values()))
    assert [lot.quantity for lot in spread.lots] == [1, -1]
    assert spread.units == 1
    assert named_rows(rows, "verdicts")[0]["verdict"] == "entered"
    assert str(broker.find(broker.orders[0].order_id).status) == "cancelled"

    day(book, SECOND, simulated)
    assert [position.opened_session for position in book.positions.values()] == [20240604]


def test_run_when_an_exit_does_not_fill_then_the_next_attempt_has_an_id_of_its_own():
    book = Book("book", Decimal(100_000))
    day(book, FIRST, simulated)
    held = {position_id: [lot.quantity for lot in one.lots] for position_id, one in book.positions.items()}
    never = OrderScript(looks=((0, 0), (0, 0)))
    rows, _, _ = day(book, SECOND, live(never))

    attempts = [(row["position_id"], row["attempt"]) for row in named_rows(rows, "intents") if row["purpose"] == "close"]
    assert attempts == [(position_id, 1) for position_id in held]
    spread = next(iter(held))
    assert [lot.quantity for lot in book.positions[spread].lots] == held[spread]
    assert book.positions[spread].close_attempts == 1


# -- a structure over two chains ----------------------------------------------------------------------------------------

SESSIONS = tuple(date(2024, 6, n) for n in (3, 4, 5, 6, 7, 10, 11))
SPOTS = {session: 5000.0 + 10 * i for i, session in enumerate(SESSIONS)}
PAIR = CallPair(dte=30, moneyness=1.0)


def pair_source(*, without_spy=()):
    """SPX and SPY, which is a tenth of it; on some sessions SPY has no quotes."""
    spx = {day: fake_quote_rows(spot, session=day) for day, spot in SPOTS.items()}
    spy = {day: fake_quote_rows(spot / 10, session=day, symbol="SPY") for day, spot in SPOTS.items() if day not in without_spy}
    closes = list(SPOTS.values())
    return FakeMarketData(
        bars_by_symbol={
            "SPX": fake_bars([4990.0, *closes], last=SESSIONS[-1]),
            "SPY": fake_bars([499.0, *(close / 10 for close in closes)], symbol="SPY", last=SESSIONS[-1]),
        },
        quotes_by_symbol={
            "SPX": fake_quotes(spx, spots=SPOTS),
            "SPY": fake_quotes(spy, symbol="SPY", spots={day: spot / 10 for day, spot in SPOTS.items()}),
        },
    )


def run_pair(source, *, signals=SESSIONS[:1], last=SESSIONS[-2]):
    signal = Signal.neutral(PAIR, confidence=0.9, reasons=["pair"])
    strategy = Strategy(
        name="pair",
        underlyings=("SPX", "SPY"),
        experts={"pair": ScriptedExpert(signals=dict.fromkeys(signals, signal), underlying="SPX")},
        policy=RiskPolicy(max_open_positions=1),
        exits=ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=2),
    )
    desk = Desk(strategies=[strategy], market_data=source, calendar=FakeCalendar())
    spec = BacktestSpec(
        strategy="pair", start=SESSIONS[0], end=last, capital=Decimal(250_000), backtest_id="pair", allow_gaps=True
    )
    desk = dataclasses.replace(desk, store=dataclasses.replace(desk.store, name=f"pair-{id(source)}"))
    with desk:
        backtest(spec, desk, progress=False)
        return {table: named_rows({table: desk.store.rows("pair", table)}, table) for table in TABLES}


def test_backtest_when_pair_over_two_chains_then_both_legs_in_and_out():
    rows = run_pair(pair_source())

    legs = [(fill["session"], fill["contract"][:4].rstrip("0123456789"), fill["quantity"]) for fill in rows["fills"]]
    assert legs == [
        (20240603, "SPXW", 1),
        (20240603, "SPY", -10),
        (20240605, "SPXW", -1),
        (20240605, "SPY", 10),
    ]
    assert [fill["fees"] for fill in rows["fills"]] == [71_500, 0, 71_500, 0]  # 11 contracts at 0.65 an order
    contracts = {fill["contract"] for fill in rows["fills"]}
    assert contracts == {"SPXW240705C05000000", "SPY240705C00500000"}
    assert [(row["reason"], row["held_sessions"]) for row in rows["exits"]] == [("time_exit", 2)]
    flows = sum(-fill["price"] * fill["quantity"] * 100 - fill["fees"] for fill in rows["fills"])
    assert rows["equity"][-1]["cash"] == 2_500_000_000 + flows
    assert rows["equity"][-1]["open_positions"] == 0


def test_backtest_when_second_chain_is_absent_then_nothing_is_opened():
    rows = run_pair(pair_source(without_spy=SESSIONS[:1]))

    assert rows["fills"] == rows["intents"] == []
    assert [(row["verdict"], row["rule"]) for row in rows["verdicts"]] == [("denied", "no_fit")]
    assert "SPY" in rows["verdicts"][0]["reason"]


def test_backtest_when_second_chain_is_absent_at_the_exit_then_both_legs_wait():
    rows = run_pair(pair_source(without_spy=SESSIONS[2:3]))

    assert [fill["session"] for fill in rows["fills"]] == [20240603, 20240603, 20240606, 20240606]
    waiting = [row for row in rows["marks"] if row["session"] == 20240605]
    assert [(row["quantity"], row["quoted"]) for row in waiting] == [(1, 1), (-10, 0)]
    assert [row["held_sessions"] for row in rows["exits"]] == [3]
