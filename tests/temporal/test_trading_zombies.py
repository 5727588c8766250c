"""Attempts of one step that run beside each other, since a worker that was only held up missed its heartbeat."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from tests.temporal import trading_rig as rig
from tests.temporal.trading_rig import MONDAY, PathQuotes, at, make_day_spec, make_live_desk

from optarb.protocols.trading import Lease
from optarb.temporal.trading_activities import TradingActivities
from optarb.temporal.trading_messages import GuardRequest

SPEC = make_day_spec()
STEP = GuardRequest(spec=SPEC, session=MONDAY, owner="guardian:1", at=at("09:35"))


@dataclass(frozen=True)
class Meanwhile:
    """A feed; when it is asked for the second time, by a step that has loaded the book, something else happens."""

    calls: list[Callable[[], object]]
    inner: PathQuotes = field(default_factory=PathQuotes)

    def chain(self, symbol, at):
        self.calls.pop(0)()
        return self.inner.chain(symbol, at)

    def quotes(self, contracts, at):
        self.calls.pop(0)()
        return self.inner.quotes(contracts, at)

    def underlying_price(self, symbol, at):
        return self.inner.underlying_price(symbol, at)


def run(desk, step, request=STEP):
    return ActivityEnvironment().run(getattr(TradingActivities(desk), step), request)


@pytest.fixture
def desk(tmp_path):
    """A desk whose day is opened."""
    made = make_live_desk(tmp_path)
    with made:
        assert not run(made, "open").lost
        yield made


def meanwhile(desk, call):
    nothing = [lambda: None]
    return dataclasses.replace(desk, feed=Meanwhile(calls=[*nothing, call, *nothing * 9]))


@pytest.mark.parametrize("step", ["guard", "enter"])
def test_step_when_an_earlier_attempt_of_it_writes_meanwhile_then_tried_again_and_not_given_up(desk, step):
    if step == "guard":
        run(desk, "enter")

    with pytest.raises(ApplicationError, match="written meanwhile") as caught:
        run(meanwhile(desk, lambda: run(desk, step)), step)
    again = run(desk, step)

    assert (caught.value.type, caught.value.non_retryable) == ("Superseded", False)
    assert not again.lost
    assert not run(desk, "guard").lost
    assert len(desk.broker.accepted()) == 1
    rig.assert_sound(desk, SPEC)


def test_open_when_an_earlier_attempt_of_it_opens_meanwhile_then_tried_again(tmp_path):
    with make_live_desk(tmp_path) as desk:
        with pytest.raises(ApplicationError, match="written meanwhile"):
            run(meanwhile(desk, lambda: run(desk, "open")), "open")

        assert not run(desk, "open").lost


@pytest.mark.parametrize("step", ["guard", "enter"])
def test_step_when_another_owner_takes_the_book_meanwhile_then_lost(desk, step):
    if step == "guard":
        run(desk, "enter")
    store = desk.store.trading
    other = Lease(owner="another", session=MONDAY, until=at("16:00"))

    lost = run(meanwhile(desk, lambda: store.acquire(SPEC.book_id, other, now=at("09:35"), take_over=True)), step)

    assert lost.lost
    assert desk.broker.accepted() == []
