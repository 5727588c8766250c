"""Workers and the server are killed at every point of every phase; no book shows it.

``make soak`` sweeps wider than the first test: 100 kills, dealt at random from a seed, on one, two and four worker processes.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from tests.temporal import rig
from tests.temporal.books import contents, difference
from tests.temporal.faults import CONTINUING, PHASES, POINTS, Fault
from tests.temporal.fleet import Fleet, outcome

import optarb

QUICK = {
    "max_in_flight": 4,
    "time_slice_seconds": 0,
    "heartbeat_timeout_seconds": 1.5,
    "retry_interval_seconds": 0.05,
    "max_attempts": 100,
}
# How often an undisturbed run passes: a fault planned for a later passing would never strike.
UNITS = {"claim": 1, "ingest": 2, "features": 2, "training": 8, "signals": 12, "trade": 4, "close": 1}
AGAIN = {"claim", "close", "workflow"}  # where a try after a kill passes every point anew


def passings(place: tuple[str, str]) -> int:
    """At how many passings of a point a run can be killed."""
    return 5 if place[0] in AGAIN else UNITS[place[0]]


@dataclass(kw_only=True)
class Sweep:
    """Runs with faults, and what they came to."""

    seed: int
    fell: Counter[tuple[str, str, str, int]] = field(default_factory=Counter)
    """Kills by phase, point, who was hit, and number of workers."""
    runs: int = 0
    seconds: float = 0.0

    def report(self) -> str:
        """Says what fell where."""
        places = [(phase, point) for phase in PHASES for point in POINTS] + [CONTINUING]
        lines = [
            f"{self.fell.total()} kills in {self.runs} runs, seed {self.seed}, {self.seconds:.0f} s; all rows equal",
            f"{'kills of the worker (+ of the server) with':44}{'1 worker':>12}{'2 workers':>12}{'4 workers':>12}",
        ]
        for place in places:
            cells = [f"{self.fell[*place, 'worker', n]} + {self.fell[*place, 'server', n]}" for n in (1, 2, 4)]
            lines.append(f"{place[0] + ', ' + place[1]:44}" + "".join(f"{cell:>12}" for cell in cells))
        return "\n".join(lines)


@pytest.fixture(scope="module")
def undisturbed(market, tmp_path_factory):
    """All that is stored of the run of experts one of which trains and asks outside, without any fault."""
    folder = tmp_path_factory.mktemp("learning")
    with rig.make_desk(market, folder) as desk:
        summary = optarb.backtest(make_spec("alone"), desk).summary
    assert {phase: summary.blocks_computed.get(phase, 1) for phase in UNITS} == UNITS
    found = contents(folder / "books.db", "alone")
    assert len(found["fills"]) > 300
    assert len(found["replies"]) > 20
    return summary, found


def make_spec(book, **fields):
    return rig.make_spec(strategy="learning", end=rig.session(119), backtest_id=book, **(QUICK | fields))


async def sail(harbour, desk, folder, faults, *, workers):
    """Runs one book with faults; returns its fleet and its summary."""
    book = folder.name
    fleet = Fleet(harbour, desk, book, folder)
    client = await Client.connect(harbour.server.address, plugins=[optarb.OptarbPlugin()])
    async with fleet.sailing(faults, workers=workers):
        spec = make_spec(book)
        handle = await optarb.start_backtest(client, spec, task_queue=book, task_timeout=timedelta(seconds=1))
        try:
            summary = await asyncio.wait_for(outcome(handle), 200)
        except TimeoutError:
            pytest.fail(f"{book} hangs; struck {fleet.struck} of {faults}")
    return fleet, summary


def swept(seed, hands, harbour, folder, undisturbed) -> Sweep:
    """Runs a book for each hand of faults and compares all that is stored of it with the undisturbed run."""
    expected, rows = undisturbed
    sweep, began = Sweep(seed=seed), time.monotonic()
    for number, (workers, faults) in enumerate(hands):
        books = folder / f"run-{number}"
        desk = rig.make_desk(harbour.market, books)
        fleet, summary = asyncio.run(sail(harbour, desk, books, faults, workers=workers))
        told = f"run {number} of seed {seed}: {workers} workers, {faults}"
        assert sorted(fleet.struck, key=repr) == sorted(faults, key=repr), told
        assert summary.digest == expected.digest, told
        assert summary.blocks_computed == expected.blocks_computed, told
        assert difference(contents(books / "books.db", books.name), rows) == "", told
        book = desk.store.book(books.name)
        assert (book.status, book.epoch, book.lease_until) == ("finished", 1, None), told
        calls = Path(books, "calls").read_text().splitlines()
        # A reply that is stored is never asked for again; a kill between the answer and its storing repeats that call.
        assert len(calls) - len(rows["replies"]) <= sum(fault.phase == "signals" for fault in faults), told
        desk.close()
        sweep.fell.update((*fault.place, fault.hits, workers) for fault in faults)
        sweep.runs += 1
    sweep.seconds = time.monotonic() - began
    return sweep


def dealt(chosen, draw, *, runs, kills):
    """Deals places and victims to runs; none gets a place more often than it passes there."""
    pairs = list(chosen)
    while True:
        draw.shuffle(pairs)
        hands = [pairs[kills * number : kills * (number + 1)] for number in range(runs)]
        if all(count <= passings(place) for hand in hands for place, count in Counter(pair[0] for pair in hand).items()):
            break
    return [list(_numbered(hand, draw)) for hand in hands]


def _numbered(hand, draw):
    """Chooses at which passing each fault strikes; where a kill makes the next passing, one after the other."""
    counts = Counter(place for place, _ in hand)
    free = {
        place: list(range(1, count + 1)) if place[0] in AGAIN else draw.sample(range(1, passings(place) + 1), count)
        for place, count in counts.items()
    }
    for place, victim in hand:
        yield Fault(phase=place[0], point=place[1], nth=free[place].pop(), hits=victim)


@pytest.mark.timeout(600)
def test_backtest_when_killed_in_each_phase_and_at_each_point_then_all_that_is_stored_is_the_same(
    harbour, tmp_path, undisturbed
):
    draw = random.Random(7)
    points = [*POINTS]
    places = [(phase, points[number % 6]) for number, phase in enumerate(PHASES)]
    places += [(phase, points[(number + 3) % 6]) for number, phase in enumerate(PHASES)]
    chosen = [(place, "worker") for place in (*places, CONTINUING)] + [(("signals", "committed"), "server")]
    hands = dealt(chosen, draw, runs=4, kills=4)

    sweep = swept(7, list(zip((1, 2, 4, 2), hands, strict=True)), harbour, tmp_path, undisturbed)

    assert {((phase, point), victim) for phase, point, victim, _ in sweep.fell} == set(chosen)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_backtest_when_killed_a_hundred_times_then_all_that_is_stored_is_the_same(harbour, tmp_path, undisturbed, capsys):
    seed = int(os.environ.get("OPTARB_SOAK_SEED", "20180301"))
    draw = random.Random(seed)
    places = [*((phase, point) for phase in PHASES for point in POINTS), CONTINUING]
    chosen = [(place, "worker") for place in places]
    chosen += [((phase, draw.choice([*POINTS])), "server") for phase in PHASES] + [(CONTINUING, "server")]
    chosen += [(draw.choice(places), "worker" if draw.random() < 0.85 else "server") for _ in range(100 - len(chosen))]
    hands = dealt(chosen, draw, runs=20, kills=5)
    fleets = [(1, 2, 4)[number % 3] for number in range(20)]

    sweep = swept(seed, list(zip(fleets, hands, strict=True)), harbour, tmp_path, undisturbed)

    with capsys.disabled():
        print(f"\n{sweep.report()}")  # noqa: T201 - the soak is run for its report
    assert sweep.fell.total() == 100
    by_worker = {(phase, point) for phase, point, victim, _ in sweep.fell if victim == "worker"}
    assert by_worker == set(places)
    assert {phase for phase, _, victim, _ in sweep.fell if victim == "server"} == {*PHASES, "workflow"}
    assert {count for *_, count in sweep.fell} == {1, 2, 4}
