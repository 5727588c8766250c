"""The registered workflow of a parameter sweep."""

from __future__ import annotations

from temporalio import workflow

from optarb.specs import SweepSummary
from optarb.temporal.messages import SweepRequest
from optarb.temporal.parameter_sweep import ParameterSweep

__all__ = ["ParameterSweepWorkflow"]


@workflow.defn(name="optarb.ParameterSweep")
class ParameterSweepWorkflow(ParameterSweep):
    """A parameter sweep as it comes."""

    @workflow.run
    async def run(self, request: SweepRequest) -> SweepSummary:
        """Runs the sweep of a request; see :meth:`ParameterSweep.execute`."""
        return await self.execute(request)
