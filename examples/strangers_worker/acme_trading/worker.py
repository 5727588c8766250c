"""Acme's worker: ``python -m acme_trading.worker``. It runs until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

from temporalio.worker import Worker

import optarb
from acme_trading.desk import TASK_QUEUE, build_desk
from acme_trading.workflow import AcmeBacktest


async def main() -> None:
    """Serves the task queue. The plugin adds optarb's workflow, activities and data converter."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await optarb.connect(plugins=[optarb.OptarbPlugin(build_desk())])
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[AcmeBacktest]):
        print("worker: ready", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
