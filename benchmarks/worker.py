"""A worker process of the Temporal benchmarks."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from temporalio.worker import Worker

import optarb
from benchmarks import strategy


async def main(address: str, queue: str, folder: str, files: str, store: str | None = None) -> None:
    """Works until it is told to stop."""
    desk = strategy.desk(Path(folder), data=Path(files), store=store)
    client = await optarb.connect(address, plugins=[optarb.OptarbPlugin(desk)])
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Worker(client, task_queue=queue):
        print("working", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
