"""The one object that connects optarb to Temporal's clients and workers."""

from __future__ import annotations

import atexit
import dataclasses
import functools
import gc
import warnings
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultPayloadConverter
from temporalio.plugin import SimplePlugin
from temporalio.worker import Worker, WorkerConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from optarb.errors import ConfigurationError, OptarbError
from optarb.temporal.activities import BacktestActivities
from optarb.temporal.backtest_workflow import PhasedBacktestWorkflow
from optarb.temporal.daily_trading_workflow import DailyTradingWorkflow
from optarb.temporal.position_monitor_workflow import PositionMonitorWorkflow
from optarb.temporal.sweep_activities import SweepActivities
from optarb.temporal.sweep_workflow import ParameterSweepWorkflow
from optarb.temporal.trading_activities import TradingActivities

if TYPE_CHECKING:
    from optarb.desk import Desk

__all__ = ["PASSED_THROUGH", "OptarbPlugin"]

PASSED_THROUGH = (
    "numpy",
    "optarb._component",
    "optarb.decisions",
    "optarb.domain",
    "optarb.errors",
    "optarb.ledger",
    "optarb.protocols",
    "optarb.specs",
    "optarb.strategy",
    "optarb.temporal.messages",
    "optarb.temporal.trading_messages",
    "optarb.trading",
    "pydantic",
    "pydantic_core",
)
"""Modules that workflows share with the worker instead of loading their own: values, specs and what types refer to.

The root package is not among them, since that would switch the sandbox off for optarb's workflows and for a user's."""

_SDK_THROTTLE = timedelta(seconds=60)
_THROTTLE = timedelta(seconds=1)
"""How long a heartbeat may be held back, instead of the SDK's 60 s (or 80 % of the heartbeat time-out): an activity learns
only by its heartbeats that the run was cancelled."""


@functools.cache
def _collect_at_exit() -> None:
    """Lets go of clients before the interpreter ends: the SDK crashes every fifth program that leaves it to the end."""
    atexit.register(gc.collect)


class OptarbPlugin(SimplePlugin):
    """Gives clients optarb's data converter and workers its workflows and activities, on one desk.

    Put it on the client; workers made from that client have it too::

        client = await Client.connect("localhost:7233", plugins=[OptarbPlugin(desk)])
        async with Worker(client, task_queue="optarb"):
            ...

    Without a desk it serves clients that only start and watch runs. A worker gets a thread pool for its activities unless it
    brings an executor of its own. When the worker ends, the desk is closed.

    A desk with a broker and a feed trades live days too.
    """

    def __init__(self, desk: Desk | None = None, *, threads: int = 16) -> None:
        """Connects a desk.

        Args:
            desk: What activities run on; None for clients.
            threads: Size of the worker's thread pool, at least 1.

        Raises:
            ConfigurationError: The desk's store lives in this process only, so that two workers would disagree.
        """
        if desk is not None and not desk.store.is_shared:
            raise ConfigurationError(
                f"the desk's store {desk.store!r} lives in one process, and another worker would not see its books; pass "
                'dataclasses.replace(desk, store=SqlStore(url="sqlite:///optarb.db"))'
            )
        if threads < 1:
            raise ConfigurationError(f"threads must be at least 1, got {threads!r}")
        _collect_at_exit()
        self.desk = desk
        self._threads = threads
        self._pools: list[ThreadPoolExecutor] = []
        super().__init__(
            "optarb.OptarbPlugin",
            data_converter=_converter,
            activities=None if desk is None else _activities(desk),
            workflows=None if desk is None else _workflows(desk),
            workflow_runner=_runner,
            workflow_failure_exception_types=[OptarbError, ValidationError],
        )

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Adds workflows, activities and the thread pool, and lets heartbeats through often enough to notice a cancellation.

        Raises:
            ConfigurationError: A plugin with a desk stands on both client and worker, so that everything would be there twice.
        """
        names = {_activity_name(one) for one in config.get("activities") or ()}
        if self.desk is None:
            _warn_without_desk(config, names)
        elif "optarb.backtest.claim" in names:
            raise ConfigurationError(
                "OptarbPlugin(desk) stands on the client and on the worker, which has its client's plugins; leave it out of one"
            )
        config = super().configure_worker(config)
        if self.desk is None:
            return config
        if config.get("max_heartbeat_throttle_interval") == _SDK_THROTTLE:
            config["max_heartbeat_throttle_interval"] = _THROTTLE
        if config.get("activity_executor") is None:
            pool = ThreadPoolExecutor(self._threads, thread_name_prefix="optarb")
            self._pools.append(pool)
            config["activity_executor"] = pool
            config["max_concurrent_activities"] = min(config.get("max_concurrent_activities") or self._threads, self._threads)
        return config

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:  # noqa: A002 - the SDK's name
        """Runs a worker, and closes at its end the desk and the thread pool that it was given."""
        try:
            await super().run_worker(worker, next)
        finally:
            executor = worker.config(active_config=True).get("activity_executor")
            # A client's plugin serves all its workers; the pools of the others stay.
            for pool in [one for one in self._pools if one is executor]:
                self._pools.remove(pool)
                pool.shutdown(wait=False)
            if self.desk is not None:
                self.desk.close()


def _trades(desk: Desk) -> bool:
    """Whether a desk can trade live days; workers of one that cannot must not take their tasks."""
    return desk.broker is not None and desk.feed is not None


def _activities(desk: Desk) -> list[Callable[..., Any]]:
    trading = TradingActivities(desk).all() if _trades(desk) else ()
    return [*BacktestActivities(desk).all(), *SweepActivities(desk).all(), *trading]


def _workflows(desk: Desk) -> list[type]:
    trading = (DailyTradingWorkflow, PositionMonitorWorkflow) if _trades(desk) else ()
    return [PhasedBacktestWorkflow, ParameterSweepWorkflow, *trading]


def _warn_without_desk(config: WorkerConfig, names: set[str]) -> None:
    others: Sequence[Any] = config.get("plugins") or ()
    if "optarb.backtest.claim" in names or any(isinstance(one, OptarbPlugin) and one.desk is not None for one in others):
        return
    warnings.warn("this worker has OptarbPlugin() without a desk: it runs no backtests; pass OptarbPlugin(desk)", stacklevel=4)


def _activity_name(function: Any) -> str:
    definition = getattr(function, "__temporal_activity_definition", None)
    return str(getattr(definition, "name", ""))


def _converter(existing: DataConverter | None) -> DataConverter:
    """Puts pydantic's payload converter in, leaving codec and failure converter as they are."""
    if existing is None or existing is DataConverter.default:
        return pydantic_data_converter
    wanted = pydantic_data_converter.payload_converter_class
    if issubclass(existing.payload_converter_class, wanted):
        return existing
    if existing.payload_converter_class is not DefaultPayloadConverter:
        raise ConfigurationError(
            f"OptarbPlugin needs pydantic's payload converter, the client has {existing.payload_converter_class.__name__}; "
            "derive it from temporalio.contrib.pydantic.PydanticPayloadConverter"
        )
    return dataclasses.replace(existing, payload_converter_class=wanted)


def _runner(existing: WorkflowRunner | None) -> WorkflowRunner:
    if existing is None:
        existing = SandboxedWorkflowRunner()
    if not isinstance(existing, SandboxedWorkflowRunner):
        return existing
    return dataclasses.replace(existing, restrictions=existing.restrictions.with_passthrough_modules(*PASSED_THROUGH))
