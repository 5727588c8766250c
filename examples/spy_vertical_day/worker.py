"""A worker for live days of the vertical: ``python worker.py``. It runs until it is told to stop."""

from __future__ import annotations

import asyncio
import dataclasses
import signal

from temporalio.worker import Worker
from vertical_desk import TASK_QUEUE, desk

import optarb

BROKER: optarb.BrokerAdapter | None = None
"""Put your adapter here. It needs an account that may trade spreads."""
FEED: optarb.QuoteFeed | None = None
"""Put your quotes here."""


async def main() -> None:
    """Serves the task queue."""
    if BROKER is None or FEED is None:
        raise SystemExit("no live days without a broker and a feed: set BROKER and FEED; python run.py replays without them")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with dataclasses.replace(desk, broker=BROKER, feed=FEED) as live:
        client = await optarb.connect(plugins=[optarb.OptarbPlugin(live)])
        async with Worker(client, task_queue=TASK_QUEUE):
            print("worker: ready", flush=True)
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
