"""A user's workflow, with an expert in the same module and others beside it. Its annotations are evaluated when it loads."""

from temporalio import workflow

import optarb


def undecided(view: optarb.MarketView) -> optarb.Signal | None:
    """Has no opinion, ever."""


@workflow.defn(name="acme.Backtest")
class AcmeBacktest(optarb.PhasedBacktest):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    async def before_phase(self, phase: str, progress: optarb.Progress) -> None:
        self.seen.append(f"before {phase} {progress.done}/{progress.total}")

    async def after_phase(self, phase: str, progress: optarb.Progress) -> None:
        self.seen.append(f"after {phase} {progress.done}/{progress.total}")

    @workflow.query(name="acme.seen")
    def told(self) -> list[str]:
        return self.seen

    @workflow.run
    async def run(self, spec: optarb.BacktestSpec) -> optarb.BacktestSummary:
        return await self.execute(spec)
