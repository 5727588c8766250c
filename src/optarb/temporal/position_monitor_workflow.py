"""The registered workflow of the guardian."""

from __future__ import annotations

from temporalio import workflow

from optarb.temporal.position_monitor import PositionMonitor
from optarb.temporal.trading_messages import DayReport, MonitorRequest

__all__ = ["PositionMonitorWorkflow"]


@workflow.defn(name="optarb.PositionMonitor")
class PositionMonitorWorkflow(PositionMonitor):
    """The guardian as it comes."""

    @workflow.run
    async def run(self, request: MonitorRequest) -> DayReport:
        """Guards the session of a request; see :meth:`PositionMonitor.execute`."""
        return await self.execute(request)
