"""Starts backtests on a Temporal server and follows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError

from optarb.backtesting.claim import new_backtest_id
from optarb.errors import AlreadyRunning, Cancelled, OptarbError, error_named
from optarb.specs import BacktestSpec, BacktestSummary, Progress

__all__ = ["BacktestHandle", "follow_backtest", "start_backtest"]


@dataclass(frozen=True, kw_only=True)
class BacktestHandle:
    """A backtest on a Temporal server."""

    backtest_id: str
    """The book."""
    workflow: WorkflowHandle[Any, Any]
    """Temporal's own handle, for all that is not here."""

    async def result(self) -> BacktestSummary:
        """Waits for the end.

        Raises:
            OptarbError: The error that made the run fail, of its own class; Cancelled if it was cancelled.
        """
        summary: BacktestSummary = await _outcome(self.workflow, f"backtest {self.backtest_id!r}", "backtest_id")
        return summary

    async def progress(self) -> Progress:
        """Asks the workflow how far it is; a worker must be alive to answer."""
        progress: Progress = await self.workflow.query("optarb.progress", result_type=Progress)
        return progress

    async def cancel(self) -> None:
        """Asks the run to stop at its next session. What is committed stays; start it again with its id to go on."""
        await self.workflow.cancel()


async def start_backtest(
    client: Client,
    spec: BacktestSpec,
    *,
    task_queue: str,
    workflow: str | type = "optarb.PhasedBacktest",
    task_timeout: timedelta | None = None,
) -> BacktestHandle:
    """Starts a backtest, or goes on with one that stopped.

    Args:
        client: A client with :class:`OptarbPlugin`.
        spec: What to run; without a ``backtest_id`` it gets a new one.
        task_queue: Where a worker listens.
        workflow: Name or class of the workflow, if it is one of your own.
        task_timeout: How long a workflow task may take before another worker gets it; None for the server's 10 s.

    Raises:
        AlreadyRunning: A workflow of that backtest is running.
    """
    backtest_id = spec.backtest_id or new_backtest_id(spec)
    named = spec.model_copy(update={"backtest_id": backtest_id})
    name = workflow if isinstance(workflow, str) else _workflow_name(workflow)
    try:
        handle: WorkflowHandle[Any, Any] = await client.start_workflow(
            name,
            named,
            id=_workflow_id(backtest_id),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=BacktestSummary,
            task_timeout=task_timeout,
            static_summary=f"{spec.strategy} {spec.start} to {spec.end}",
        )
    except WorkflowAlreadyStartedError as error:
        raise AlreadyRunning(
            f"backtest {backtest_id!r} is running on this server; follow it with follow_backtest, or cancel it first"
        ) from error
    return BacktestHandle(backtest_id=backtest_id, workflow=handle)


def follow_backtest(client: Client, backtest_id: str) -> BacktestHandle:
    """Returns the handle of a backtest that was started before.

    Args:
        client: A client with :class:`OptarbPlugin`.
        backtest_id: The book.
    """
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(_workflow_id(backtest_id), result_type=BacktestSummary)
    return BacktestHandle(backtest_id=backtest_id, workflow=handle)


def _workflow_id(backtest_id: str) -> str:
    return f"optarb-backtest/{backtest_id}"


def _workflow_name(workflow: type) -> str:
    definition = getattr(workflow, "__temporal_workflow_definition", None)
    if definition is None or not definition.name:
        raise TypeError(f"{workflow!r} is no workflow; decorate it with @workflow.defn")
    return str(definition.name)


async def _outcome(workflow: WorkflowHandle[Any, Any], shown: str, id_name: str) -> Any:
    """Waits for a workflow's result; its failure is raised as the error that optarb meant."""
    try:
        return await workflow.result()
    except WorkflowFailureError as error:
        raise _original(error, shown, id_name) from error


def _original(error: WorkflowFailureError, shown: str, id_name: str) -> Exception:
    """Finds the error that optarb raised behind what Temporal wrapped around it."""
    cause: BaseException | None = error.cause
    while isinstance(cause, ActivityError):
        cause = cause.cause
    if isinstance(cause, ApplicationError):
        kind = error_named(cause.type or "")
        return kind(cause.message) if kind is not OptarbError else OptarbError(f"{cause.type}: {cause.message}")
    if cause is not None and type(cause).__name__ == "CancelledError":
        return Cancelled(f"{shown} was cancelled; start it again with its {id_name} to go on")
    return OptarbError(f"{shown} failed: {cause}")
