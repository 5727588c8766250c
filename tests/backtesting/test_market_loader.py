from __future__ import annotations

import dataclasses
from datetime import date, timedelta

import pytest
from tests.backtesting.conftest import END, START, ingest

import optarb
from optarb.backtesting import market_loader
from optarb.backtesting.market_loader import load_market


@pytest.fixture(autouse=True)
def _nothing_kept():
    market_loader._markets.clear()
    yield
    market_loader._markets.clear()


def opened(claimed, desk, spec, book_id):
    context = claimed(desk, spec, book_id)
    ingest(context)
    return context


def test_market_when_asked_again_then_the_same_object(make_desk, make_spec, claimed):
    desk = make_desk()
    first = opened(claimed, desk, make_spec(), "first")
    second = opened(claimed, desk, make_spec(capital=1, overrides={"one.drop": 0.3}), "second")
    assert load_market(first) is load_market(first) is load_market(second)


@pytest.mark.parametrize(
    "change", [{"end": END - timedelta(days=1)}, {"start": START + timedelta(days=1)}, {"bars": "same_session"}]
)
def test_market_when_what_it_shows_differs_then_another(make_desk, make_spec, claimed, change):
    desk = make_desk()
    one = opened(claimed, desk, make_spec(), "one")
    other = opened(claimed, desk, make_spec(**change), "other")
    assert load_market(one) is not load_market(other)


def test_markets_when_many_runs_are_opened_then_the_last_used_few_are_kept(make_desk, make_spec, claimed):
    desk = make_desk()
    contexts = [opened(claimed, desk, make_spec(end=END - timedelta(days=i)), str(i)) for i in range(6)]
    markets = [load_market(context) for context in contexts[:4]]
    assert load_market(contexts[0]) is markets[0]  # used last, so that 1 is the oldest now

    for context in contexts[4:]:
        load_market(context)

    assert len(market_loader._markets) == market_loader._KEPT
    assert load_market(contexts[0]) is markets[0]
    assert load_market(contexts[1]) is not markets[1]
    assert load_market(contexts[1]).view(date(2024, 6, 3)).bars("SPX").close.tolist() == (
        markets[1].view(date(2024, 6, 3)).bars("SPX").close.tolist()
    )


def test_market_when_an_indicator_of_the_desk_changes_then_another(make_desk, make_spec, claimed):
    desk = make_desk()
    one = opened(claimed, desk, make_spec(), "one")
    own = dataclasses.replace(desk, indicators=[Level(level=1.0)])
    two = opened(claimed, own, make_spec(), "two")
    three = opened(claimed, dataclasses.replace(desk, indicators=[Level(level=2.0)]), make_spec(), "three")

    assert len({id(load_market(context)) for context in (one, two, three)}) == 3
    session = date(2024, 6, 3)
    assert load_market(two).view(session).feature("level", "SPX") == 1.0
    assert load_market(three).view(session).feature("level", "SPX") == 2.0
    with pytest.raises(optarb.UnknownName, match="level"):
        load_market(one).view(session).feature("level", "SPX")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    level: float

    @property
    def columns(self):
        return ("level",)

    @property
    def warm_up(self):
        return 0

    def compute(self, bars):
        return {"level": bars.close * 0 + self.level}


def test_chains_when_asked_again_then_the_same_object_as_long_as_it_is_kept(make_desk, make_spec, claimed, monkeypatch):
    context = opened(claimed, make_desk(), make_spec(), "book")
    sessions = context.plan.sessions
    chains = load_market(context).chains["SPX"]
    first = chains.chain(sessions[0])
    monkeypatch.setattr(market_loader, "_KEPT_CONTRACTS", 2 * len(first))

    others = [chains.chain(session) for session in sessions[1:]]

    assert len(others) > 1
    assert chains._contracts == sum(len(chain) for chain in chains._chains.values()) <= 2 * len(first)
    assert chains.chain(sessions[0]) is first
    again = chains.chain(sessions[-1])
    assert again is not others[-1]
    assert again.bids.tolist() == others[-1].bids.tolist()
