"""When the guardian looks again, and what it leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.trading.rig import FAR, MONDAY, NEAR, at, pair, vertical

DOWN = {NEAR: ("4.95", "5.05"), FAR: ("2.95", "3.05")}


def test_review_when_another_cycle_comes_in_between_then_not_put_off():
    """Reviews are at two seconds past; at 14:30:00 expiries are looked at, and a second later the market falls."""
    world = vertical(prices=[(at("14:30:01"), DOWN)])
    world.run()

    (decided,) = [entry for entry in world.store.journal(world.book_id, MONDAY) if entry.kind == "exit_decided"]
    assert at("14:30:01") < decided.at <= at("14:30:02") + timedelta(milliseconds=100)


@pytest.mark.parametrize("make", [vertical, pair])
def test_guard_when_the_day_ended_and_its_owner_died_before_it_gave_the_book_back_then_the_next_does(make):
    class Died(BaseException):
        pass

    class Dying:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def release(self, book_id, owner):
            raise Died

    world = make()
    with pytest.raises(Died):
        world.run(check=False, store=Dying(world.store), owner="one")
    assert world.store.load(world.book_id).lease.owner == "one"

    world.run(start="16:30", owner="one")

    assert world.state().day.ended
    assert world.store.load(world.book_id).lease is None
