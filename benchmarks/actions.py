"""What a run costs on Temporal, read from its histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from temporalio.client import Client, WorkflowHistory

# Which events Temporal Cloud bills as one action each, and that every attempt after an activity's first is one more:
# docs.temporal.io/evaluate/cloud/actions. A continuation is billed once, by the start of the run that follows.
_BILLED = {
    "activity_task_scheduled_event_attributes",
    "marker_recorded_event_attributes",
    "nexus_operation_cancel_requested_event_attributes",
    "nexus_operation_scheduled_event_attributes",
    "timer_started_event_attributes",
    "upsert_workflow_search_attributes_event_attributes",
    "workflow_execution_options_updated_event_attributes",
    "workflow_execution_signaled_event_attributes",
    "workflow_execution_started_event_attributes",
    "workflow_execution_update_accepted_event_attributes",
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one backtest left on the server."""

    runs: int
    """Runs of the workflow: 1, and one more each time it continued as new."""
    events: int
    """Events of all runs."""
    longest: int
    """Events of the longest run."""
    size: int
    """Bytes of all events, encoded."""
    activities: int
    """Activities that were scheduled."""
    actions: int
    """Billable actions that stand in the histories; heartbeats and queries do not."""

    @classmethod
    def of(cls, *histories: WorkflowHistory) -> Self:
        """Counts the histories of a workflow's runs."""
        events = [event for history in histories for event in history.events]
        kinds = [str(event.WhichOneof("attributes")) for event in events]
        return cls(
            runs=len(histories),
            events=len(events),
            longest=max(len(history.events) for history in histories),
            size=sum(event.ByteSize() for event in events),
            activities=kinds.count("activity_task_scheduled_event_attributes"),
            actions=sum(kind in _BILLED for kind in kinds) + sum(_retries(event) for event in events),
        )


def _retries(event: Any) -> int:
    started = event.activity_task_started_event_attributes
    return started.attempt - 1 if event.HasField("activity_task_started_event_attributes") else 0


async def histories_of(client: Client, workflow_id: str, first_run_id: str) -> list[WorkflowHistory]:
    """Fetches the histories of a workflow's runs: the first, and each that it continued as.

    Args:
        client: A client.
        workflow_id: The workflow.
        first_run_id: Its first run.
    """
    found: list[WorkflowHistory] = []
    run_id = first_run_id
    while run_id:
        found.append(await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history())
        run_id = found[-1].events[-1].workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return found
