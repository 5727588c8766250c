"""The activities of a sweep itself; its settings are backtests and use those of a backtest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from temporalio import activity

from optarb.backtesting.sweep_book import claim_sweep, finish_sweep, settings_left, summary_of
from optarb.specs import SweepSummary
from optarb.temporal.activities import _alive, _told
from optarb.temporal.messages import SweepClaimed, SweepClaimRequest, SweepRunRequest

if TYPE_CHECKING:
    from optarb.desk import Desk

__all__ = ["SweepActivities"]


class SweepActivities:
    """The sweep's activities on one desk. ``all()`` is what a worker without the plugin registers, beside the backtest's."""

    def __init__(self, desk: Desk) -> None:
        """Binds the activities to a desk.

        Args:
            desk: Strategies, data and infrastructure; its store must be shared between processes.
        """
        self._desk = desk

    def all(self) -> Sequence[Callable[..., Any]]:
        """Returns every activity, to be registered on a worker whose ``activity_executor`` is a thread pool."""
        return [self.claim, self.close]

    @activity.defn(name="optarb.backtest.claim_sweep", no_thread_cancel_exception=True)
    def claim(self, request: SweepClaimRequest) -> SweepClaimed:
        """Checks every setting, takes the sweep's book and tells which settings are left."""
        with _told(), _alive():
            claim = claim_sweep(self._desk, request.sweep, request.owner).claim
            if claim.kind == "finished":
                return SweepClaimed(epoch=claim.epoch, summary=summary_of(self._desk, request.sweep), left=())
            return SweepClaimed(epoch=claim.epoch, summary=None, left=settings_left(self._desk, request.sweep))

    @activity.defn(name="optarb.backtest.close_sweep", no_thread_cancel_exception=True)
    def close(self, request: SweepRunRequest) -> SweepSummary:
        """Counts the settings and ends the sweep's book."""
        with _told(), _alive():
            return finish_sweep(self._desk, request.sweep, request.epoch)
