"""A live desk for the command line, in a module of the current folder; a day of it; and a worker in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from tests.temporal import trading_rig as rig
from tests.temporal.workers import working

from optarb.cli.desks import load_desk
from optarb.trading import clocks
from optarb.trading.clocks import SimulatedClock
from optarb.trading.running import run_day

MODULE = """
from pathlib import Path
from tests.temporal.trading_rig import make_live_desk

desk = make_live_desk(Path(__file__).parent)
"""
DESK = ("--desk", "live_desk:desk")


def write_desk(folder, account):
    """Writes the module and the file of a spec, and returns the desk and the spec."""
    (folder / "live_desk.py").write_text(MODULE)
    (folder / "day.toml").write_text(f'strategy = "live"\naccount = "{account}"\ncapital = 250000\n')
    return load_desk("live_desk:desk"), rig.make_day_spec(account=account)


def trade(desk, spec, session=rig.MONDAY):
    """Runs a day in this process, which ends with a vertical held."""
    clock = SimulatedClock(rig.at("09:30", session))
    return run_day(spec, desk, broker=desk.broker, store=desk.store.trading, feed=desk.feed, clock=clock)


def set_clock(monkeypatch, clock, session=rig.TUESDAY, *, interrupts=False):
    """Has commands take another time for the present one; an interruption comes when they first wait."""

    class Clock(SimulatedClock):
        def wait_until(self, instant):
            if interrupts:
                raise KeyboardInterrupt
            super().wait_until(instant)

    monkeypatch.setattr(clocks, "LiveClock", lambda: Clock(rig.at(clock, session)))


@contextlib.contextmanager
def worker(address, desk, queue):
    """A worker in a thread, while commands are run in this one."""
    ready, stop = threading.Event(), threading.Event()

    async def work():
        async with working(address, desk, queue):
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        stop.set()
        thread.join()
