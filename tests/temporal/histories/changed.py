"""The backtest's workflow, changed in ways that a run under way would notice, and in one that it would not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow

import optarb
from optarb.temporal.messages import PhaseUnits


@workflow.defn(name="optarb.PhasedBacktest")
class OneActivityMore(optarb.PhasedBacktest):
    @workflow.run
    async def run(self, spec: optarb.BacktestSpec) -> optarb.BacktestSummary:
        return await self.execute(spec)

    async def after_phase(self, phase: str, progress: optarb.Progress) -> None:
        await workflow.execute_activity("acme.notify", phase, start_to_close_timeout=timedelta(seconds=10))


@workflow.defn(name="optarb.PhasedBacktest")
class OtherOrder(optarb.PhasedBacktest):
    @workflow.run
    async def run(self, spec: optarb.BacktestSpec) -> optarb.BacktestSummary:
        return await self.execute(spec)

    def phases(self, phases: Sequence[PhaseUnits]) -> Sequence[PhaseUnits]:
        return tuple(reversed(phases))


@workflow.defn(name="optarb.PhasedBacktest")
class Patched(optarb.PhasedBacktest):
    """As OneActivityMore, for runs that begin with it."""

    @workflow.run
    async def run(self, spec: optarb.BacktestSpec) -> optarb.BacktestSummary:
        return await self.execute(spec)

    async def after_phase(self, phase: str, progress: optarb.Progress) -> None:
        if workflow.patched("notify-after-phase"):
            await workflow.execute_activity("acme.notify", phase, start_to_close_timeout=timedelta(seconds=10))
