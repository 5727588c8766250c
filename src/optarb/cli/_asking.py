"""Questions to a Temporal server that are answered within seconds or not at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError, WorkflowQueryRejectedError
from temporalio.service import RPCError, RPCStatusCode

from optarb.errors import ConfigurationError, ServerUnavailable
from optarb.specs import Progress
from optarb.temporal.connection import DEFAULT_ADDRESS, _configured, connect
from optarb.temporal.plugin import OptarbPlugin
from optarb.temporal.starting import follow_backtest

if TYPE_CHECKING:
    from temporalio.client import WorkflowExecutionDescription

__all__ = [
    "Poller",
    "ServerFacts",
    "Workflow",
    "cancel_workflow",
    "find_workflow",
    "named_address",
    "pollers",
    "recent_pollers",
    "refuse_if_silent",
    "server_facts",
]

_TIMEOUT = timedelta(seconds=5)
"""How long a server may take to answer. Calls end by themselves then: the SDK dislikes being cancelled in the middle."""
_QUERY_TIMEOUT = timedelta(seconds=3)
"""How long a worker may take to answer for a workflow."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """The workflow of a backtest."""

    status: str
    """Temporal's word for it in small letters: ``running``, ``completed``, ``canceled`` ..."""
    task_queue: str
    """Where its workers listen."""
    progress: Progress | None
    """Its own answer; None if it does not run, or no worker answered for it in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """Somebody who asks a task queue for work."""

    identity: str
    """What the worker calls itself: ``pid@host`` unless it says otherwise."""
    last_seen_at: datetime
    """When it last asked, aware UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What a server says of itself."""

    address: str
    """``host:port``."""
    version: str
    """Version of the server."""
    namespace: str
    """The namespace that clients use."""
    has_namespace: bool
    """Whether the server knows it."""
    pollers: tuple[Poller, ...]
    """Who asked the task queue for work in the last minutes."""


def find_workflow(backtest_id: str, address: str | None = None) -> Workflow | None:
    """Looks for the newest workflow of a backtest.

    Args:
        backtest_id: The book.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.

    Returns:
        None if the server knows of none.

    Raises:
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> Workflow | None:
        handle = follow_backtest(client, backtest_id)
        described = await _described(client, backtest_id)
        if described is None or described.status is None:
            return None
        progress = None
        if described.status == WorkflowExecutionStatus.RUNNING:
            try:
                progress = await handle.workflow.query("optarb.progress", result_type=Progress, rpc_timeout=_QUERY_TIMEOUT)
            except (RPCError, WorkflowQueryFailedError, WorkflowQueryRejectedError):
                progress = None  # no worker is there to answer
        return Workflow(status=described.status.name.lower(), task_queue=described.task_queue, progress=progress)

    return _asked(ask, address)


def cancel_workflow(backtest_id: str, address: str | None = None) -> bool:
    """Asks the workflow of a backtest to stop.

    Args:
        backtest_id: The book.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.

    Returns:
        Whether one was running.

    Raises:
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> bool:
        described = await _described(client, backtest_id)
        if described is None or described.status != WorkflowExecutionStatus.RUNNING:
            return False
        await follow_backtest(client, backtest_id).workflow.cancel(rpc_timeout=_TIMEOUT)
        return True

    return _asked(ask, address)


def pollers(task_queue: str, address: str | None = None) -> tuple[Poller, ...]:
    """Tells who asked a task queue for workflow tasks in the last minutes.

    Args:
        task_queue: The queue.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.

    Raises:
        ServerUnavailable: No server answered in time.
    """
    return _asked(lambda client: recent_pollers(client, task_queue), address)


def server_facts(task_queue: str, address: str | None = None) -> ServerFacts:
    """Asks a server about itself.

    Args:
        task_queue: Whose workers to look for.
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.

    Raises:
        ServerUnavailable: No server answered in time.
    """

    async def ask(client: Client) -> ServerFacts:
        service = client.workflow_service
        try:
            described = await service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace), timeout=_TIMEOUT)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            described = None
        info = await _version(client)
        return ServerFacts(
            address=client.service_client.config.target_host,
            version=info,
            namespace=client.namespace,
            has_namespace=described is not None,
            pollers=() if described is None else await recent_pollers(client, task_queue),
        )

    return _asked(ask, address)


async def recent_pollers(client: Client, task_queue: str) -> tuple[Poller, ...]:
    """Tells who asked a task queue for workflow tasks in the last minutes.

    Args:
        client: A connected client.
        task_queue: The queue.
    """
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    found = (await client.workflow_service.describe_task_queue(request, timeout=_TIMEOUT)).pollers
    return tuple(
        Poller(identity=one.identity, last_seen_at=one.last_access_time.ToDatetime(tzinfo=UTC))
        for one in sorted(found, key=lambda one: one.identity)
    )


async def _version(client: Client) -> str:
    return (await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=_TIMEOUT)).server_version


async def _described(client: Client, backtest_id: str) -> WorkflowExecutionDescription | None:
    try:
        return await follow_backtest(client, backtest_id).workflow.describe(rpc_timeout=_TIMEOUT)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise


def _asked(ask: Callable[[Client], Awaitable[T]], address: str | None) -> T:
    """Connects, asks and lets go of the server."""

    async def run() -> T:
        return await ask(await connect(address, plugins=[OptarbPlugin()]))

    refuse_if_silent(address)
    try:
        return asyncio.run(run())
    except RPCError as error:
        raise ServerUnavailable(f"the Temporal server did not answer: {error.message}") from error


def refuse_if_silent(address: str | None) -> None:
    """Looks whether anything listens where the server should: the SDK would try for seconds.

    Args:
        address: ``host:port``; None for what the environment and ``temporal.toml`` say.

    Raises:
        ServerUnavailable: Nothing listens there.
        ConfigurationError: The address is no address.
    """
    target = address or named_address() or DEFAULT_ADDRESS
    host, _, port = target.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigurationError(f"the Temporal address {target!r} is not valid; write host:port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_TIMEOUT.total_seconds()).close()
    except (OSError, OverflowError) as error:
        raise ServerUnavailable(
            f"no Temporal server answers at {target!r} ({error}); start one, or name it with --address or TEMPORAL_ADDRESS"
        ) from None


def named_address() -> str | None:
    """Returns the address that the environment or ``temporal.toml`` names, or None.

    Raises:
        ConfigurationError: They cannot be read.
    """
    return _configured(None).get("target_host")
