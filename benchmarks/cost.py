"""What a run leaves in Temporal's history, and what Temporal Cloud would bill."""

from __future__ import annotations

import asyncio

from temporalio.client import Client
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig
from temporalio.worker import Worker

import optarb
from benchmarks import strategy
from benchmarks.actions import Cost, histories_of
from benchmarks.bench import Bench
from benchmarks.table import line


def cost(bench: Bench) -> None:
    """Runs of one, five and twenty years, with one worker at its defaults, and five years that commit each session."""
    asyncio.run(_cost(bench))


async def _cost(bench: Bench) -> None:
    sent = MetricBuffer(100_000)
    runtime = Runtime(telemetry=TelemetryConfig(metrics=sent))
    each_session = optarb.ExecutionSpec(block_sessions=1, time_slice_seconds=0)
    runs = [(years, optarb.ExecutionSpec(), "defaults") for years in strategy.YEARS]
    async with optarb.EmbeddedServer() as server:
        for years, execution, said in [*runs, (5, each_session, "each session committed")]:
            desk = strategy.desk(bench.folder / "cost", data=bench.files)
            client = await Client.connect(server.address, plugins=[optarb.OptarbPlugin(desk)], runtime=runtime)
            sent.retrieve_updates()
            async with Worker(client, task_queue="cost"):
                spec = strategy.spec(*strategy.YEARS[years], execution=execution)
                handle = await optarb.start_backtest(client, spec, task_queue="cost")
                summary = await handle.result()
            beats = sum(_is_heartbeat(update) for update in sent.retrieve_updates())
            first = str(handle.workflow.first_execution_run_id)
            seen = Cost.of(*await histories_of(client, handle.workflow.id, first))
            line(
                f"on Temporal's bill, {years} year{'s' if years > 1 else ''}, {said}",
                f"{seen.actions + beats:,} actions",
                beside=f"{seen.actions:,} in the history and {beats:,} heartbeats; {summary.sessions:,} sessions, "
                f"{seen.activities:,} activities, {seen.events:,} events, {seen.size:,} bytes, runs: {seen.runs}",
            )


def _is_heartbeat(update: object) -> bool:
    """Whether a metric's update is one request of the SDK that told the server of a heartbeat."""
    name, attributes = update.metric.name, update.attributes
    return name == "temporal_request" and attributes.get("operation") == "RecordActivityTaskHeartbeat"
