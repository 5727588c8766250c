"""Workers and the server are killed at every point of live days; orders, alarms and books do not show it.

``make soak`` sweeps wider: more than 200 kills, dealt at random from a seed, four days at a time.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from temporalio.client import Client
from tests.temporal.faults import CONTINUING, Fault
from tests.temporal.fleet import Fleet, Harbour, Nursery, outcome
from tests.temporal.kill_days import DAYS, assert_ended_rightly, rows, undisturbed
from tests.temporal.trading_faults import PLACES
from tests.temporal.trading_rig import at

import optarb
from optarb.temporal.trading_starting import start_day

ALL = (*PLACES, CONTINUING)
CONTINUE_AFTER = 300  # events; a cycle has six, so that the days of many orders continue as new once
PATIENCE = 120  # seconds until a day that hangs says so


@dataclass(frozen=True, kw_only=True)
class Hand:
    """What is dealt to a run."""

    day: str
    faults: tuple[Fault, ...]
    workers: int = 1


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Rows and passings of every day that nobody disturbs."""
    folder = tmp_path_factory.mktemp("alone")
    return {name: undisturbed(day, folder / name) for name, day in DAYS.items()}


@asynccontextmanager
async def lanes(count, cli, folder):
    """Servers, so that days run beside each other and one's killed server hits no other."""
    folder.mkdir()
    nursery = Nursery()
    files = [folder / f"{number}.db" for number in range(count)]
    made = [Harbour(cli, file, folder, nursery=nursery, continue_after=CONTINUE_AFTER) for file in files]
    await asyncio.gather(*(one.server.start() for one in made))
    try:
        yield made
    finally:
        nursery.close()
        for one in made:
            one.close()


@dataclass(kw_only=True)
class Sweep:
    """Runs with faults, and what they came to."""

    seed: int
    cli: Path
    folder: Path
    alone: dict
    """What :func:`alone` found."""
    fell: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Kills by phase, point and who was hit."""
    by_day: Counter[str] = field(default_factory=Counter)
    """Runs by day."""
    missed: int = 0
    """Kills that were planned for a passing that a disturbed day did not come to."""
    unwound: int = 0
    """Runs that unwound what the undisturbed day did not, because too much time had passed."""
    seconds: float = 0.0

    async def run(self, hands, at_once=4):
        """Runs the days, so many at a time, and checks all of what each left behind."""
        left = list(enumerate(hands))[::-1]
        began = time.monotonic()

        async def work(harbour):
            while left:
                number, hand = left.pop()
                await self._sail(harbour, hand, f"kills-{number}")

        async with lanes(at_once, self.cli, self.folder / "servers") as harbours, asyncio.TaskGroup() as group:
            for harbour in harbours:
                group.create_task(work(harbour))
        self.seconds = time.monotonic() - began

    async def _sail(self, harbour, hand, queue):
        day, books = DAYS[hand.day], self.folder / queue
        books.mkdir()
        spec = day.spec(queue)
        with day.desk(books) as desk:
            fleet = Fleet(harbour, desk, queue, books / "fleet")
            client = await Client.connect(harbour.server.address, plugins=[optarb.OptarbPlugin()])
            async with fleet.sailing(hand.faults, workers=hand.workers):
                handle = await start_day(client, spec, task_queue=queue, replay_from=at("09:30"), workflow="acme.QuickDay")
                report = await asyncio.wait_for(outcome(handle), PATIENCE)
            told = (self.seed, hand)
            assert_ended_rightly(desk, spec, day, told)
            assert (report.outcome, report.over) == ("traded", True), told
            assert set(fleet.struck) <= set(hand.faults), told
            self._compare(hand, rows(desk, spec), len(fleet.struck))
        self.fell.update((*fault.place, fault.hits) for fault in fleet.struck)
        self.by_day[hand.day] += 1
        self.missed += len(hand.faults) - len(fleet.struck)

    def _compare(self, hand, found, kills):
        expected = self.alone[hand.day][0]
        differing = {table: (found[table], expected[table]) for table in found if found[table] != expected[table]}
        if differing:
            # What takes longer than a position may be unhedged is unwound. One kill alone never takes that long.
            reasons = [row[3] for row in found["exits"]]
            assert "unwind" in reasons, (self.seed, hand, differing)
            assert kills > 1, (self.seed, hand, differing)
            self.unwound += 1

    def report(self) -> str:
        """Says what fell where."""
        runs = self.by_day.total()
        lines = [
            f"{self.fell.total()} kills in {runs} live days, seed {self.seed}, {self.seconds:.0f} s",
            f"rows equal in {runs - self.unwound}, unwound in {self.unwound}; {self.missed} kills more never had their chance",
            *(f"{day:40}{count:8} runs" for day, count in sorted(self.by_day.items())),
            f"{'kills with':40}{'worker':>8}{'server':>8}",
        ]
        lines += [f"{f'{a}, {b}':40}{self.fell[a, b, 'worker']:8}{self.fell[a, b, 'server']:8}" for a, b in ALL]
        return "\n".join(lines)

    def places(self, victim):
        """Where somebody was killed."""
        return {(phase, point) for phase, point, hit in self.fell if hit == victim}


def dealt(draw, alone, kills, sizes):
    """Deals kills to days on which their places are passed, so many to a day."""
    left = [*kills]
    while left:
        mine = [left.pop() for _ in range(min(draw.choice(sizes), len(left)))]
        counts = Counter(place for place, _ in mine)
        day = draw.choice([name for name in DAYS if all(passings(alone, name, place) >= counts[place] for place in counts)])
        free = {place: draw.sample(range(1, passings(alone, day, place) + 1), count) for place, count in counts.items()}
        faults = [Fault(phase=place[0], point=place[1], nth=free[place].pop(), hits=victim) for place, victim in mine]
        yield Hand(day=day, faults=tuple(faults), workers=draw.choice([1, 2]))


def passings(alone, day, place):
    """How often an undisturbed day passes a place at the least."""
    if place == CONTINUING:
        return int(6 * alone[day][1]["guard", "start"] > CONTINUE_AFTER)
    return alone[day][1][place]


@pytest.mark.timeout(300)
def test_day_when_killed_at_each_point_then_nothing_twice_nothing_naked_and_the_same_rows(temporal_cli, tmp_path, alone):
    draw = random.Random(11)
    kills = [(place, "worker") for place in draw.sample(ALL, len(ALL))]
    sweep = Sweep(seed=11, cli=temporal_cli, folder=tmp_path, alone=alone)

    asyncio.run(sweep.run(dealt(draw, alone, [*kills, (("order", "sent"), "server")], sizes=[4])))

    assert sweep.places("worker") == {*ALL}
    assert sweep.places("server") == {("order", "sent")}
    assert sweep.missed == 0


@pytest.mark.timeout(300)
def test_day_when_the_server_is_killed_in_mid_day_with_a_pair_open_then_it_goes_on_with_the_same_rows(
    temporal_cli, tmp_path, alone
):
    assert passings(alone, "pair trades", ("guard", "start")) > 20
    sweep = Sweep(seed=0, cli=temporal_cli, folder=tmp_path, alone=alone)

    asyncio.run(
        sweep.run([Hand(day="pair trades", faults=(Fault(phase="guard", point="start", nth=12, hits="server"),))], at_once=1)
    )

    assert sweep.places("server") == {("guard", "start")}
    assert sweep.unwound == 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_day_when_killed_200_times_then_nothing_twice_nothing_naked_and_the_same_rows(temporal_cli, tmp_path, alone, capsys):
    seed = int(os.environ.get("OPTARB_SOAK_SEED", "20240603"))
    draw = random.Random(seed)
    places = [place for _ in range(9) for place in draw.sample(ALL, len(ALL))][:230]
    victims = [victim for _ in range(23) for victim in draw.sample(("worker",) * 9 + ("server",), 10)]
    sweep = Sweep(seed=seed, cli=temporal_cli, folder=tmp_path, alone=alone)

    asyncio.run(sweep.run(dealt(draw, alone, zip(places, victims, strict=True), sizes=[1, 2, 3])))

    with capsys.disabled():
        print(f"\n{sweep.report()}")  # noqa: T201 - the soak is run for its report
    assert sweep.fell.total() >= 200
    assert sweep.places("worker") == {*ALL}
    assert set(sweep.by_day) == set(DAYS)
