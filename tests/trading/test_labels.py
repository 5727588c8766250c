"""Which feed, and whether real money, stands on fills; and indicative quotes that must not spend any."""

from __future__ import annotations

import pytest
from tests.trading.rig import TUESDAY, at, pair, vertical
from tests.trading.test_crashes import Died, go_on

from optarb.position_managers import ExitRules
from optarb.protocols.trading import Controls
from optarb.trading.labels import feed_name
from optarb.trading.replay_path import PathFeed

NEXT_DAY = ExitRules(profit_target=None, credit_profit_target=None, stop_loss=None, max_hold_sessions=1)


def labels(world):
    return [row[-2:] for row in world.store.rows(world.book_id, "fills")]


def real(world):
    world.broker.live = True
    world.spec = world.spec.model_copy(update={"live": True})
    return world


def test_fills_when_the_feed_has_no_name_and_the_broker_says_nothing_then_its_class_and_no_real_money():
    world = vertical()
    world.run()
    assert labels(world) == [("Feed", 0)] * 2


def test_fills_when_the_feed_names_itself_and_money_is_real_then_both_stand_there_on_exits_too():
    world = real(pair(people=[(at("11:00"), Controls(halted=True, flatten=True))]))
    world.feed.name = "opra"
    world.run()
    assert labels(world) == [("opra", 1)] * 4


def test_fills_when_the_worker_dies_before_they_are_booked_then_the_rows_of_a_day_without_a_crash():
    whole = vertical()
    whole.run()
    deaths = ["submit:accepted"]

    def once(name):
        if name in deaths:
            raise Died(deaths.pop())

    world = vertical(broker_options={"on_call": once})
    with pytest.raises(Died):
        world.run(check=False)
    go_on(world, "second")
    # Not the instant at which the quote was taken: the fill is booked some seconds later.
    rows = [[row[:10] + row[11:] for row in one.store.rows(one.book_id, "fills")] for one in (whole, world)]
    assert rows[0] == rows[1]
    assert labels(world) == [("Feed", 0)] * 2


def test_path_feed_when_asked_for_its_name_then_says_that_it_is_a_path():
    feed = PathFeed({}, {}, opens_at=at("09:30"), closes_at=at("16:00"))
    assert feed_name(feed) == "daily path"


# -- indicative quotes -------------------------------------------------------------------------------------------------------


def test_indicative_when_money_is_real_then_no_entry_one_alarm_and_the_book_is_guarded():
    world = real(vertical())
    world.feed.indicative = True
    result = world.run()
    assert result.outcome == "needs_human"
    assert result.needs_human == ("the quotes of Feed are indicative, and the broker trades real money",)
    assert world.broker.accepted == []
    assert world.titles("alarm") == ["Indicative quotes open nothing on a live account"]


def test_indicative_when_money_is_not_real_then_traded():
    world = vertical()
    world.feed.indicative = True
    assert world.run().outcome == "traded"


def test_indicative_when_something_is_open_then_its_exits_go_on():
    world = real(vertical(exits=NEXT_DAY))
    assert world.run().open_positions == 1
    world.feed.indicative = True
    world.run(TUESDAY)
    assert [row[3] for row in world.store.rows(world.book_id, "exits")] == ["time_exit"]


def test_indicative_when_another_feed_serves_the_next_session_then_traded():
    world = real(vertical())
    world.feed.indicative = True
    world.run(start="09:30", check=False)
    world.feed.indicative = False
    assert world.run(TUESDAY).needs_human == ()
