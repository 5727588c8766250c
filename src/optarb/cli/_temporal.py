"""What the command line does on a Temporal server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from optarb.backtesting.progress import ProgressCallback, showing
from optarb.cli._asking import recent_pollers, refuse_if_silent
from optarb.cli.options import TASK_QUEUE
from optarb.errors import Cancelled, ServerUnavailable
from optarb.reports.result import Result, load_result
from optarb.temporal.connection import connect
from optarb.temporal.plugin import OptarbPlugin
from optarb.temporal.server import EmbeddedServer
from optarb.temporal.starting import BacktestHandle, start_backtest

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.specs import BacktestSpec, BacktestSummary

__all__ = ["run_on_temporal", "run_with_own_server"]

_POLL_SECONDS = 0.3


def run_on_temporal(
    spec: BacktestSpec,
    desk: Desk,
    address: str | None = None,
    *,
    progress: bool | ProgressCallback | None = None,
    task_queue: str = TASK_QUEUE,
) -> Result:
    """Runs a backtest on a Temporal server and waits for it.

    A server that the address or the environment names must be there. Where none is named and none listens at the usual place,
    an embedded server is started for this one run. Where no worker listens on the task queue, this process is one meanwhile.

    Args:
        spec: What to run.
        desk: Strategies, data and infrastructure; its store must be shared.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.
        progress: As for :func:`optarb.backtest`.
        task_queue: Where a worker listens.

    Raises:
        OptarbError: The run failed, or no server can be had.
        KeyboardInterrupt: Interrupted; the run was asked to stop first, and can be resumed.
    """
    summary = asyncio.run(_run(spec, _server_for(desk, address, task_queue), progress, task_queue))
    return load_result(desk, summary.backtest_id)


def run_with_own_server(spec: BacktestSpec, desk: Desk, *, progress: bool | ProgressCallback | None = None) -> Result:
    """Runs a backtest on an embedded server with a worker, which end with it.

    Args:
        spec: What to run.
        desk: Strategies, data and infrastructure; its store must be shared.
        progress: As for :func:`optarb.backtest`.

    Raises:
        OptarbError: The run failed, or no server can be had.
    """
    summary = asyncio.run(_run(spec, _own_server(OptarbPlugin(desk), TASK_QUEUE), progress, TASK_QUEUE))
    return load_result(desk, summary.backtest_id)


async def _run(
    spec: BacktestSpec,
    server: AbstractAsyncContextManager[Client],
    progress: bool | ProgressCallback | None,
    task_queue: str,
) -> BacktestSummary:
    async with server as client:
        handle = await start_backtest(client, spec, task_queue=task_queue)
        with showing(progress, handle.backtest_id) as show:
            try:
                return await _watched(handle, show)
            except asyncio.CancelledError:
                await handle.cancel()
                with contextlib.suppress(Cancelled):
                    await handle.result()
                raise


@asynccontextmanager
async def _server_for(desk: Desk, address: str | None, task_queue: str) -> AsyncGenerator[Client]:
    """Connects to the server that is named or found; otherwise starts one with a worker."""
    plugin = OptarbPlugin(desk)
    try:
        refuse_if_silent(address)
        client = await connect(address, plugins=[plugin])
    except ServerUnavailable:
        if address is not None or os.environ.get("TEMPORAL_ADDRESS"):
            raise
        async with _own_server(plugin, task_queue) as own:
            yield own
        return
    if await recent_pollers(client, task_queue):
        yield client
    else:
        async with Worker(client, task_queue=task_queue):
            yield client


@asynccontextmanager
async def _own_server(plugin: OptarbPlugin, task_queue: str) -> AsyncGenerator[Client]:
    """Starts an embedded server and a worker."""
    async with AsyncExitStack() as stack:
        with _banner_on_stderr():
            server = await stack.enter_async_context(EmbeddedServer(plugins=[plugin]))
        await stack.enter_async_context(Worker(server.client, task_queue=task_queue))
        yield server.client


@contextlib.contextmanager
def _banner_on_stderr() -> Generator[None]:
    """Starts processes with stderr in place of stdout: the server greets on its stdout, which here is for results."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


async def _watched(handle: BacktestHandle, show: ProgressCallback) -> BacktestSummary:
    """Waits for the result, asking for the progress meanwhile."""
    result = asyncio.ensure_future(handle.result())
    try:
        while not result.done():
            with contextlib.suppress(RPCError):
                show(await handle.progress())
            await asyncio.wait([result], timeout=_POLL_SECONDS)
    finally:
        # Interrupted, nobody asks it for its error any more.
        result.cancel()
        await asyncio.wait([result])
    with contextlib.suppress(RPCError):
        show(await handle.progress())
    return result.result()
