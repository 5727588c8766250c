"""Live workflows as a user writes them: an approval before entries, hooks of the guardian that fail, and short times."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from optarb.temporal.daily_trading import DailyTrading
from optarb.temporal.position_monitor import PositionMonitor
from optarb.temporal.trading_messages import DayReport, DayRequest, MonitorRequest


@workflow.defn(name="acme.Guardian")
class AcmeGuardian(PositionMonitor):
    """Counts what its hooks are told; each of them fails."""

    def __init__(self) -> None:
        super().__init__()
        self._told = []

    @workflow.query
    def told(self) -> list[str]:
        """What the hooks were told."""
        return self._told

    async def after_fill(self, status):
        self._told.append(f"{status.open_positions} open")
        raise RuntimeError("after_fill fails")

    async def at_close(self, report):
        self._told.append(report.outcome)
        raise RuntimeError("at_close fails")

    @workflow.run
    async def run(self, request: MonitorRequest) -> DayReport:
        return await self.execute(request)


@workflow.defn(name="acme.Day")
class AcmeDay(DailyTrading):
    """Waits for a person."""

    guardian = "acme.Guardian"

    def __init__(self) -> None:
        super().__init__()
        self._answer = None

    @workflow.signal
    def answer(self, answer: bool) -> None:
        """Approves or not."""
        self._answer = answer

    async def before_entries(self, spec, session):
        await workflow.wait_condition(lambda: self._answer is not None)
        return self._answer

    @workflow.run
    async def run(self, request: DayRequest) -> DayReport:
        return await self.execute(request)


@workflow.defn(name="acme.QuickGuardian")
class QuickGuardian(PositionMonitor):
    """Misses a killed worker soon, and does not wait long for notices."""

    heartbeat_timeout = timedelta(seconds=1)
    delivery_pause = timedelta(seconds=0.1)

    @workflow.run
    async def run(self, request: MonitorRequest) -> DayReport:
        return await self.execute(request)


@workflow.defn(name="acme.QuickDay")
class QuickDay(DailyTrading):
    """The same for a day."""

    guardian = "acme.QuickGuardian"
    heartbeat_timeout = timedelta(seconds=1)

    @workflow.run
    async def run(self, request: DayRequest) -> DayReport:
        return await self.execute(request)
