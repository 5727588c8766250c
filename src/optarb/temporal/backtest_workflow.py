"""The registered workflow of a phased backtest."""

from __future__ import annotations

from temporalio import workflow

from optarb.specs import BacktestSpec, BacktestSummary
from optarb.temporal.phased_backtest import PhasedBacktest

__all__ = ["PhasedBacktestWorkflow"]


@workflow.defn(name="optarb.PhasedBacktest")
class PhasedBacktestWorkflow(PhasedBacktest):
    """A phased backtest as it comes."""

    @workflow.run
    async def run(self, spec: BacktestSpec) -> BacktestSummary:
        """Runs the backtest of a spec; see :meth:`PhasedBacktest.execute`."""
        return await self.execute(spec)
