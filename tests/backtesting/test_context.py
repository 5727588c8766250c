from __future__ import annotations

import dataclasses
from datetime import date
from decimal import Decimal

import pytest
from tests.backtesting.conftest import END, SESSIONS, Quiet, empty_cache, ingest, market_data

import optarb
from optarb.backtesting.context import Block, Plan, RunContext, Training
from optarb.backtesting.market_loader import load_market
from optarb.brokers import PortfolioMargin
from optarb.desk import intake


def test_block_when_read_then_first_and_last_as_numbers():
    block = Block(sessions=(date(2014, 1, 3), date(2014, 1, 6), date(2014, 12, 31)))
    assert (block.first, block.last) == (20140103, 20141231)


def test_plan_when_written_and_read_then_equal():
    plan = Plan(
        sessions=SESSIONS,
        before=date(2024, 5, 17),
        block_sessions=10,
        symbols=("SPX", "VIX"),
        underlyings=("SPX",),
        experts=("b", "a"),
        trainings=(Training(expert="a", underlying="SPX", cutoff=date(2024, 5, 31)),),
    )
    assert Plan.from_json(plan.to_json()) == plan
    assert [len(block.sessions) for block in plan.blocks] == [10, 10, 10, 5]
    assert tuple(day for block in plan.blocks for day in block.sessions) == SESSIONS


def test_claim_when_made_then_sessions_symbols_and_fingerprints_are_fixed(make_desk, make_spec, claimed):
    desk = make_desk()
    context = claimed(desk, make_spec())
    assert context.plan.sessions == SESSIONS
    assert context.plan.before == date(2024, 5, 17)
    assert (context.plan.symbols, context.plan.underlyings, context.plan.experts) == (("SPX", "VIX"), ("SPX",), ("one", "two"))
    assert context.inputs["data"]["SPX"]["quotes"] == desk.market_data.fingerprint("SPX", "quotes")
    assert desk.store.book("book").documents["spec"] == make_spec(backtest_id="book").model_dump_json()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda make: make(market_data=market_data(last_close=5061.0)), "data.SPX.bars"),
        (lambda make: make(market_data=market_data(ask_of_june=4999.0)), "data.SPX.quotes"),
        (lambda make: make(experts={"one": Quiet(), "two": Quiet(drop=0.2)}), "components.experts.two"),
        (
            lambda make: make(simulator=optarb.Simulator(fees=optarb.PerContractFee(commission_usd=Decimal(1)))),
            "components.simulator",
        ),
        (lambda make: make(simulator=optarb.Simulator(margin=PortfolioMargin())), "components.simulator"),
    ],
    ids=["bars", "quotes", "expert", "fees", "margin"],
)
def test_open_when_something_differs_from_the_claim_then_it_is_named(make_desk, make_spec, claimed, change, named):
    desk = make_desk()
    context = claimed(desk, make_spec())
    other = dataclasses.replace(change(make_desk), store=desk.store)

    with pytest.raises(optarb.DataChanged, match=rf"book 'book': {named} differ from what the claim fixed") as caught:
        RunContext.open(other, make_spec(), "book", context.epoch)
    assert not caught.value.retryable


def test_open_when_a_library_differs_then_it_is_named(make_desk, make_spec, claimed, monkeypatch):
    desk = make_desk()
    context = claimed(desk, make_spec())
    monkeypatch.setattr(intake, "library_versions", lambda: {**dict(intake._versions()), "numpy": "0.0.1"})
    with pytest.raises(optarb.DataChanged, match=r"libraries\.numpy differ"):
        RunContext.open(desk, make_spec(), "book", context.epoch)


def test_backtest_when_bars_change_under_a_running_book_then_conflict_and_with_a_new_id_it_runs(make_desk, make_spec, claimed):
    desk = make_desk()
    claimed(desk, make_spec())
    changed = dataclasses.replace(desk, market_data=market_data(last_close=5061.0))
    with pytest.raises(optarb.BookConflict, match="'book'"):
        optarb.backtest(make_spec(backtest_id="book"), changed, progress=False)


# -- what was ingested is gone from the cache, and the source has changed ------------------------------------------------


def emptied(context, *, data):
    """The run as it goes on in a process with an empty cache, on a source that has not told of its change."""
    return dataclasses.replace(context, desk=dataclasses.replace(context.desk, cache=empty_cache(), market_data=data))


def test_load_market_when_the_cache_is_empty_and_the_source_the_same_then_the_same_market(make_desk, make_spec, claimed):
    context = claimed(make_desk(), make_spec())
    ingest(context)
    before, after = load_market(context), load_market(emptied(context, data=market_data()))

    assert after is not before
    for session in (SESSIONS[0], SESSIONS[17], END):
        one, other = before.view(session), after.view(session)
        assert one.bars("SPX").close.tolist() == other.bars("SPX").close.tolist()
        assert one.chain("SPX").bids.tolist() == other.chain("SPX").bids.tolist()
        assert one.feature("sma_5", "VIX") == other.feature("sma_5", "VIX")


def test_load_market_when_the_cache_is_empty_and_bars_changed_then_data_changed(make_desk, make_spec, claimed):
    context = claimed(make_desk(), make_spec())
    ingest(context)
    with pytest.raises(optarb.DataChanged, match="bars of 'SPX' are not those that were ingested"):
        load_market(emptied(context, data=market_data(last_close=5061.0)))


def test_load_market_when_the_cache_is_empty_and_a_quote_changed_then_its_month_alone_is_refused(make_desk, make_spec, claimed):
    context = claimed(make_desk(), make_spec())
    ingest(context)
    market = load_market(emptied(context, data=market_data(ask_of_june=4999.0)))

    assert market.view(date(2024, 5, 31)).chain("SPX") is not None
    with pytest.raises(optarb.DataChanged, match="quotes of 'SPX' in 2024-06 are not those that were ingested"):
        market.view(date(2024, 6, 3))
    assert market.view(date(2024, 7, 1)).chain("SPX") is not None
