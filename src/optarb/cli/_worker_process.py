"""One worker process: ``optarb worker run``."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio.worker import Worker

from optarb.cli._asking import refuse_if_silent
from optarb.cli._worker_groups import READY
from optarb.cli.exit_codes import ExitCode
from optarb.temporal.connection import connect
from optarb.temporal.plugin import OptarbPlugin

if TYPE_CHECKING:
    from optarb.desk import Desk

__all__ = ["run_worker"]

_log = logging.getLogger("optarb.worker")
_DRAIN = timedelta(days=1)
"""How long a worker that was told to stop lets its activities go on: longer than any of them, since who told it decides."""


def run_worker(desk: Desk, address: str | None, task_queue: str, *, supervised: bool = False) -> None:
    """Runs a worker until SIGINT or SIGTERM.

    It then takes no more work and finishes what runs; a second signal ends it at once.

    Args:
        desk: What its activities run on.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.
        task_queue: Where to listen.
        supervised: Whether a supervisor started it: it says on stdout when it works, and stops when its stdin ends, and so
            with the supervisor, however that ended.

    Raises:
        ServerUnavailable: No server answers.
    """
    refuse_if_silent(address)
    asyncio.run(_work(desk, address, task_queue, supervised=supervised))


async def _work(desk: Desk, address: str | None, task_queue: str, *, supervised: bool) -> None:
    client = await connect(address, plugins=[OptarbPlugin(desk)])
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopping.is_set():
            # What runs is not committed, and will be done again; there is nothing to save.
            os._exit(ExitCode.INTERRUPTED)
        stopping.set()
        _log.info("stopping: no new work is taken, and what runs is finished; a second signal ends it at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    async with Worker(client, task_queue=task_queue, graceful_shutdown_timeout=_DRAIN):
        _log.info("working on task queue %r of %s", task_queue, client.service_client.config.target_host)
        if supervised:
            _tell_supervisor()
            loop.add_reader(sys.stdin.fileno(), lambda: _supervisor_ended(loop, stopping))
        await stopping.wait()
    _log.info("stopped")


def _tell_supervisor() -> None:
    """Says that this worker works; all that is printed afterwards goes to the log."""
    sys.stdout.write(READY)
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def _supervisor_ended(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    loop.remove_reader(sys.stdin.fileno())
    if not stopping.is_set():
        _log.warning("the supervisor has ended, and so does this worker")
        stopping.set()
