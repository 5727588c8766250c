"""Workers for tests: in this process, and in processes that can be killed.

``python -m tests.temporal.workers ADDRESS QUEUE DESK`` is a worker on the pickled desk of the file DESK. It loads, works once
it reads a line, and ends when its standard input does, and so with the test that started it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import subprocess
import sys
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

from temporalio.client import Client
from temporalio.worker import Worker
from tests.temporal import rig
from tests.temporal.acme.live import QuickDay, QuickGuardian

import optarb

# Short times, so that a cancellation is delivered and a killed worker replaced soon; and a build id, since without one the
# SDK hashes the code of every module there is, which takes seconds where no bytecode is kept.
QUICK = {
    "build_id": "tests",
    "sticky_queue_schedule_to_start_timeout": timedelta(seconds=0.5),
    "max_heartbeat_throttle_interval": timedelta(seconds=0.05),
}


@asynccontextmanager
async def working(address: str, desk: optarb.Desk, task_queue: str, *, keeper: rig.Keeper | None = None, **options):
    """A client, with a worker beside it in this process. At the end the keeper's gate is opened, or the worker would wait."""
    client = await Client.connect(address, plugins=[optarb.OptarbPlugin(desk)])
    async with Worker(client, task_queue=task_queue, **(QUICK | options)):
        try:
            yield client
        finally:
            if keeper is not None:
                keeper.open()


@dataclass(kw_only=True)
class History:
    """What a workflow's history tells."""

    activities: Counter[str] = field(default_factory=Counter)
    """Activities that were scheduled, by name."""
    failed_tasks: int = 0
    """Workflow tasks that failed."""
    retries: int = 0
    """Activities that were started more than once."""
    workers: set[str] = field(default_factory=set)
    """Who started activities."""


async def history(handle: optarb.BacktestHandle) -> History:
    """Reads a workflow's history."""
    seen = History()
    async for event in handle.workflow.fetch_history_events():
        match event.WhichOneof("attributes"):
            case "activity_task_scheduled_event_attributes":
                seen.activities[event.activity_task_scheduled_event_attributes.activity_type.name] += 1
            case "activity_task_started_event_attributes":
                seen.retries += event.activity_task_started_event_attributes.attempt > 1
                seen.workers.add(event.activity_task_started_event_attributes.identity)
            case "workflow_task_failed_event_attributes":
                seen.failed_tasks += 1
    return seen


class WorkerProcess:
    """A worker in a process of its own, until the block ends or it is killed. It idles until it is told to work."""

    def __init__(
        self, address: str, desk: optarb.Desk, task_queue: str, folder: Path, *, log: Path | None = None, **environment: str
    ) -> None:
        """Plans one; with a log it writes there all that it has to say, and the environment is added to this process's."""
        self._log, self._environment = log, environment
        desk_file = folder / f"{task_queue}.desk"
        desk_file.write_bytes(pickle.dumps(desk))
        self._command = [sys.executable, "-m", "tests.temporal.workers", address, task_queue, str(desk_file)]

    async def __aenter__(self) -> Self:
        root = Path(__file__).parent.parent.parent
        told = {} if self._log is None else {"OPTARB_TEST_LOG": str(self._log)}
        self._process = await asyncio.to_thread(
            subprocess.Popen,
            self._command,
            cwd=root,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path]), **told, **self._environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    async def work(self) -> None:
        """Lets it take tasks."""
        self._process.stdin.write(b"work\n")
        self._process.stdin.flush()
        said = await asyncio.to_thread(self._process.stdout.readline)
        assert said == b"working\n", "the worker process ended; its words are above"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """Ends it without a chance to tidy up."""
        self._process.kill()
        self._process.wait()

    async def __aexit__(self, *_) -> None:
        with self._process:
            self._process.stdin.close()
            await asyncio.to_thread(self._process.wait, 30)


@asynccontextmanager
async def processes(address: str, desk: optarb.Desk, task_queue: str, folder: Path, *, count: int):
    """Several worker processes on one task queue."""
    async with AsyncExitStack() as stack:
        made = [WorkerProcess(address, desk, task_queue, folder) for _ in range(count)]
        for one in made:
            await stack.enter_async_context(one)
        for one in made:
            await one.work()
        yield made


async def _work(address: str, task_queue: str, desk: optarb.Desk) -> None:
    async with working(address, desk, task_queue, workflows=[QuickDay, QuickGuardian]):
        sys.stdout.write("working\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    # The calendar and the rest are loaded ahead, so that no activity spends its first heartbeat's time on imports.
    if "OPTARB_TEST_LOG" in os.environ:
        os.dup2(os.open(os.environ["OPTARB_TEST_LOG"], os.O_WRONLY | os.O_CREAT), 2)
        logging.basicConfig(level=logging.DEBUG)
    loaded = pickle.loads(Path(sys.argv[3]).read_bytes())
    loaded.calendar.sessions(rig.START, rig.END)
    if sys.stdin.readline():
        asyncio.run(_work(*sys.argv[1:3], loaded))
