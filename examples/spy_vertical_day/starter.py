"""Schedules the vertical's days, or starts today's by hand: ``python starter.py schedule``, ``python starter.py today``."""

from __future__ import annotations

import argparse
import asyncio

from vertical_desk import SPEC, TASK_QUEUE

import optarb


async def schedule() -> None:
    """Starts a day at 09:35 in New York from Monday to Friday; calling it again replaces spec and times."""
    client = await optarb.connect(plugins=[optarb.OptarbPlugin()])  # no desk: this process runs nothing
    daily = await optarb.schedule_daily(client, SPEC, task_queue=TASK_QUEUE)
    following = (await daily.describe()).info.next_action_times
    print("next:", ", ".join(str(instant) for instant in following[:3]))


async def today() -> None:
    """Starts today's day and waits for its end."""
    client = await optarb.connect(plugins=[optarb.OptarbPlugin()])
    day = await optarb.start_day(client, SPEC, task_queue=TASK_QUEUE)
    print(await day.result())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["schedule", "today"])
    asyncio.run({"schedule": schedule, "today": today}[parser.parse_args().what]())
