from __future__ import annotations

from datetime import timedelta

from tests.trading.rig import TUESDAY, at, vertical

from optarb.protocols.trading import Controls
from optarb.trading.outbox import deliver


class Notifier:
    """Sends what it is not told to fail on."""

    def __init__(self, failing=()):
        self.failing, self.sent = set(failing), []

    def notify(self, notice):
        if notice.title in self.failing:
            raise OSError("no network")
        self.sent.append(notice.title)


def two_notices():
    """A clock that differs, and a foreign contract."""
    world = vertical(people=[(at("11:00"), Controls(halted=True, flatten=True))], broker_options={"skew": timedelta(seconds=3)})
    world.run()
    world.account.adjust({world.legs[0].contract: 1})
    world.run(TUESDAY)
    return world


def test_deliver_when_all_goes_well_then_each_once():
    world, notifier = two_notices(), Notifier()
    titles = world.titles()
    assert len(titles) > 1
    assert deliver(world.store, notifier) == len(titles)
    assert notifier.sent == titles
    assert deliver(world.store, notifier) == 0


def test_deliver_when_one_fails_then_it_stays_and_the_others_go():
    world, notifier = two_notices(), Notifier(failing=["Foreign contracts in the account"])
    deliver(world.store, notifier)
    assert "Clocks differ" in notifier.sent
    assert set(world.titles()) == {"Foreign contracts in the account"}
    notifier.failing.clear()
    assert deliver(world.store, notifier) == 1
    assert world.titles() == []


def test_deliver_when_limited_then_the_oldest_first():
    world, notifier = two_notices(), Notifier()
    oldest = world.titles()[0]
    assert deliver(world.store, notifier, limit=1) == 1
    assert notifier.sent == [oldest]
