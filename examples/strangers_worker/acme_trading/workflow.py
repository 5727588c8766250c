"""Acme's workflow: optarb's phases with a hook of Acme's. It stands in a module of its own, without pandas."""

from __future__ import annotations

from temporalio import workflow

import optarb


@workflow.defn(name="acme.Backtest")
class AcmeBacktest(optarb.PhasedBacktest):
    """A phased backtest that remembers which phases it finished."""

    def __init__(self) -> None:
        """Starts with no phase finished."""
        super().__init__()
        self._finished: list[str] = []

    @workflow.run
    async def run(self, spec: optarb.BacktestSpec) -> optarb.BacktestSummary:
        """Runs the backtest."""
        return await self.execute(spec)

    async def after_phase(self, phase: str, progress: optarb.Progress) -> None:
        """Notes the phase. A hook may wait or notify as well, but it cannot change the ledger."""
        self._finished.append(phase)
        workflow.logger.info("%s: %s of %s done", phase, progress.done, progress.total)

    @workflow.query(name="acme.finished")
    def finished(self) -> list[str]:
        """Tells which phases are finished."""
        return self._finished
