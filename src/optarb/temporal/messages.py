"""What travels between workflows and activities: names, small specs and figures, never data."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from optarb.specs import BacktestSpec, BacktestSummary, SweepSpec, SweepSummary

__all__ = [
    "ClaimRequest",
    "Claimed",
    "PhaseUnits",
    "ReleaseRequest",
    "RunRequest",
    "SweepClaimRequest",
    "SweepClaimed",
    "SweepRequest",
    "SweepRunRequest",
    "UnitDone",
    "UnitRequest",
    "WorkUnit",
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class ClaimRequest(_Message):
    """Takes the book of a spec."""

    spec: BacktestSpec
    """What to run."""
    backtest_id: str
    """The book."""
    owner: str
    """Names the workflow and its first run; equal for its retries and continuations."""


class WorkUnit(_Message):
    """One activity's worth of a phase."""

    name: str
    """Symbol or expert; empty for the trade phase."""
    first: int
    """Number of the first block."""
    last: int
    """Number of the block after the last."""
    weight: int
    """What it counts in the progress: sessions, or 1 for a symbol."""


class PhaseUnits(_Message):
    """A phase and what is left of it."""

    name: str
    """Name of the phase."""
    parallel: bool
    """Whether its units may run at once."""
    units: tuple[WorkUnit, ...]
    """What is not committed yet."""
    done: int
    """Weight of what is committed."""
    total: int
    """Weight of all."""


class Claimed(_Message):
    """The answer to a claim."""

    backtest_id: str
    """The book."""
    epoch: int
    """To be given with every write."""
    summary: BacktestSummary | None
    """The result, if the book was finished before."""
    phases: tuple[PhaseUnits, ...]
    """In the order in which they run."""


class UnitRequest(_Message):
    """Runs one unit."""

    spec: BacktestSpec
    """What was claimed."""
    backtest_id: str
    """The book."""
    epoch: int
    """From the claim."""
    phase: str
    """Name of the phase."""
    unit: WorkUnit
    """The unit."""


class UnitDone(_Message):
    """What became of a unit."""

    complete: bool
    """Whether it is committed whole; a trade unit may need to be called again."""
    done: int
    """Weight of the unit that is committed."""


class RunRequest(_Message):
    """Names a claimed run."""

    spec: BacktestSpec
    """What was claimed."""
    backtest_id: str
    """The book."""
    epoch: int
    """From the claim."""


class ReleaseRequest(_Message):
    """Ends a run that did not finish."""

    backtest_id: str
    """The book."""
    owner: str
    """Who ran it, as in the claim."""
    epoch: int | None
    """From the claim; None if its answer never came, and then what the owner holds is released."""
    status: Literal["cancelled", "failed"] = "failed"
    """Where the book stands now."""
    error: str | None = None
    """Message of the failure."""


class SweepRequest(_Message):
    """Runs a sweep."""

    sweep: SweepSpec
    """What to run, with its id."""
    workflow: str = "optarb.PhasedBacktest"
    """Name of the workflow that runs one setting."""
    begin: int = 0
    """First setting to run; those before it were run before the workflow continued as new."""


class SweepClaimRequest(_Message):
    """Takes the book of a sweep."""

    sweep: SweepSpec
    """What to run, with its id."""
    owner: str
    """Names the workflow and its first run; equal for its retries and continuations."""


class SweepClaimed(_Message):
    """The answer to the claim of a sweep."""

    epoch: int
    """To be given with every write."""
    summary: SweepSummary | None
    """The result, if the sweep was finished before."""
    left: tuple[int, ...]
    """Numbers of the settings that are not finished."""


class SweepRunRequest(_Message):
    """Names a claimed sweep."""

    sweep: SweepSpec
    """What was claimed."""
    epoch: int
    """From the claim."""
