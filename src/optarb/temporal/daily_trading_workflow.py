"""The registered workflow of a trading day."""

from __future__ import annotations

from temporalio import workflow

from optarb.temporal.daily_trading import DailyTrading
from optarb.temporal.trading_messages import DayReport, DayRequest

__all__ = ["DailyTradingWorkflow"]


@workflow.defn(name="optarb.DailyTrading")
class DailyTradingWorkflow(DailyTrading):
    """A trading day as it comes."""

    @workflow.run
    async def run(self, request: DayRequest) -> DayReport:
        """Trades the day of a request; see :meth:`DailyTrading.execute`."""
        return await self.execute(request)
