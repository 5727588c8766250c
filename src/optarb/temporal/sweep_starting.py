"""Starts sweeps on a Temporal server and follows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from optarb.backtesting.sweep_book import new_sweep_id
from optarb.errors import AlreadyRunning
from optarb.specs import BacktestSpec, Progress, SweepSpec, SweepSummary
from optarb.temporal.messages import SweepRequest
from optarb.temporal.starting import _outcome, _workflow_name

__all__ = ["SweepHandle", "follow_sweep", "start_sweep"]


@dataclass(frozen=True, kw_only=True)
class SweepHandle:
    """A sweep on a Temporal server."""

    sweep_id: str
    """The sweep."""
    workflow: WorkflowHandle[Any, Any]
    """Temporal's own handle, for all that is not here."""

    async def result(self) -> SweepSummary:
        """Waits for the end; ``optarb.load_sweep(desk, sweep_id)`` then reads the figures.

        Raises:
            OptarbError: The error that ended the sweep, of its own class; Cancelled if it was cancelled.
        """
        summary: SweepSummary = await _outcome(self.workflow, f"sweep {self.sweep_id!r}", "sweep_id")
        return summary

    async def progress(self) -> Progress:
        """Asks the workflow how many settings have ended; a worker must be alive to answer."""
        progress: Progress = await self.workflow.query("optarb.progress", result_type=Progress)
        return progress

    async def cancel(self) -> None:
        """Asks the sweep and its running settings to stop. What is committed stays; start it again with its id to go on."""
        await self.workflow.cancel()


async def start_sweep(
    client: Client,
    spec: BacktestSpec,
    grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]],
    *,
    task_queue: str,
    sweep_id: str | None = None,
    workflow: str | type = "optarb.PhasedBacktest",
    task_timeout: timedelta | None = None,
) -> SweepHandle:
    """Starts a sweep, or goes on with one that stopped. Every setting is a child workflow.

    Args:
        client: A client with :class:`OptarbPlugin`.
        spec: What all settings have in common; ``execution.max_in_flight`` is how many of them run at a time.
        grid: Settings as in :func:`optarb.sweep`.
        task_queue: Where a worker listens.
        sweep_id: The sweep; None gives a new id.
        workflow: Name or class of the workflow that runs one setting, if it is one of your own.
        task_timeout: How long a workflow task of the sweep may take before another worker gets it; None for the server's 10 s.

    Raises:
        AlreadyRunning: A workflow of that sweep is running.
        ConfigurationError: The grid cannot be one; what does not fit the desk fails the workflow.
    """
    asked = SweepSpec.of(spec, grid, sweep_id)
    named = asked if sweep_id is not None else asked.model_copy(update={"sweep_id": new_sweep_id(asked)})
    child = workflow if isinstance(workflow, str) else _workflow_name(workflow)
    try:
        handle: WorkflowHandle[Any, Any] = await client.start_workflow(
            "optarb.ParameterSweep",
            SweepRequest(sweep=named, workflow=child),
            id=_sweep_workflow_id(named.sweep_id or ""),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            result_type=SweepSummary,
            task_timeout=task_timeout,
            static_summary=f"{spec.strategy} {spec.start} to {spec.end}, {named.count} settings",
        )
    except WorkflowAlreadyStartedError as error:
        raise AlreadyRunning(
            f"sweep {named.sweep_id!r} is running on this server; follow it with follow_sweep, or cancel it first"
        ) from error
    return SweepHandle(sweep_id=named.sweep_id or "", workflow=handle)


def follow_sweep(client: Client, sweep_id: str) -> SweepHandle:
    """Returns the handle of a sweep that was started before.

    Args:
        client: A client with :class:`OptarbPlugin`.
        sweep_id: The sweep.
    """
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(_sweep_workflow_id(sweep_id), result_type=SweepSummary)
    return SweepHandle(sweep_id=sweep_id, workflow=handle)


def _sweep_workflow_id(sweep_id: str) -> str:
    return f"optarb-sweep/{sweep_id}"
