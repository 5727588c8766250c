"""What travels between the workflows and the activities of a live day: the spec, instants, and a few figures."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from optarb.trading.day_spec import DaySpec
from optarb.trading.outcome import DayOutcome

__all__ = [
    "BeginRequest",
    "Begun",
    "ControlRequest",
    "ControlWish",
    "DayReport",
    "DayRequest",
    "DeliverRequest",
    "Delivered",
    "EntriesAsked",
    "GuardRequest",
    "GuardStatus",
    "Guarded",
    "MonitorRequest",
    "MonitorState",
    "ReportRequest",
    "StepRequest",
    "Stepped",
]


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


_Pace = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _refuse_pace_in_real_time(pace: float, begins: datetime | None) -> None:
    if pace and begins is None:
        raise ValueError(f"a pace of {pace!r} is for a replay, which begins at replay_from; real time has its own")


class DayRequest(_Message):
    """Trades a day.

    Raises:
        ValidationError: A pace that is negative or no number, or one without a replay.
    """

    spec: DaySpec
    """What to trade."""
    replay_from: AwareDatetime | None = None
    """Where a replayed day begins: market time starts here and moves instead of passing. None for real time."""
    pace: _Pace = 0.0
    """Market seconds that pass in a real second of a replay; 0 for as fast as possible."""

    @model_validator(mode="after")
    def _paced_in_a_replay_alone(self) -> Self:
        _refuse_pace_in_real_time(self.pace, self.replay_from)
        return self


class BeginRequest(_Message):
    """Looks the session up and claims its decision."""

    spec: DaySpec
    """What to trade."""
    owner: str
    """Names the day's workflow and its first run."""
    at: AwareDatetime | None
    """Market time of a replay; None for real time."""
    scheduled_for: AwareDatetime | None
    """Nominal time of the start by a schedule; None if it was started by hand."""


class Begun(_Message):
    """What kind of day it is."""

    session: date
    """The day."""
    outcome: DayOutcome | None = None
    """``no_session``, ``missed`` (started for an earlier day) or ``duplicate`` (another run has the day); None to go on."""
    over: bool = False
    """Whether the session's guarding is done, so that no guardian is needed."""


class MonitorState(_Message):
    """Where a guardian stands, for its next run when it continues as new."""

    at: AwareDatetime | None
    """Market time of a replay."""
    enter_at: AwareDatetime
    """When entries are to be decided next."""
    decided: bool = False
    """Whether nothing is left to decide."""
    asked: bool | None = None
    """Whether the day wants entries; None while it has not said."""
    filled: int = 0
    """Orders of the book that have fills."""
    cycles: int = 0
    """Cycles so far."""


class MonitorRequest(_Message):
    """Guards a book for a session.

    Raises:
        ValidationError: A pace that is negative or no number, or one without a replay.
    """

    spec: DaySpec
    """What to trade."""
    session: date
    """The session."""
    at: AwareDatetime | None = None
    """Where a replay begins; None for real time."""
    pace: _Pace = 0.0
    """Market seconds that pass in a real second of a replay; 0 for as fast as possible."""
    waits_for_day: bool = False
    """Whether a replay stands still at the time of entries until a day has said whether it wants any."""
    state: MonitorState | None = None
    """Where an earlier run of the workflow stopped; None at the beginning."""
    following: MonitorRequest | None = None
    """A later session that a day has asked to guard next."""

    @model_validator(mode="after")
    def _paced_in_a_replay_alone(self) -> Self:
        _refuse_pace_in_real_time(self.pace, self.at)
        return self


class EntriesAsked(_Message):
    """A day's word to its guardian."""

    request: MonitorRequest
    """Which book and session; an older guardian goes on with it once its own session is over."""
    allowed: bool
    """Whether the session's entries shall be decided."""


class StepRequest(_Message):
    """One step of a guardian."""

    spec: DaySpec
    """What to trade."""
    session: date
    """The session."""
    owner: str
    """Names the guardian and its first run."""
    at: AwareDatetime | None
    """Market time of a replay; None for real time."""


class GuardRequest(StepRequest):
    """Cycles of a guardian, one after another while they are seconds apart."""

    until: AwareDatetime | None = None
    """When the guardian has something else to do; None for nothing."""


class Stepped(_Message):
    """What a step came to."""

    now: AwareDatetime
    """Market time at its end."""
    next_at: AwareDatetime | None
    """When the next step of this kind is due; None if there is nothing left of it."""
    lost: bool = False
    """Whether another owner moves the book."""


class Guarded(_Message):
    """What a cycle came to."""

    now: AwareDatetime
    """Market time at its end."""
    next_at: AwareDatetime
    """When the next cycle is due."""
    lost: bool
    """Whether another owner moves the book."""
    over: bool
    """Whether the session's work is done, or belongs to another owner now."""
    cycles: int
    """Cycles of this call."""
    open_positions: int
    """Positions that hold contracts."""
    live_orders: int
    """Orders that may still come to something."""
    filled: int
    """Orders of the book that have fills."""
    notices: int = 0
    """Notices of the book that wait for the desk's notifiers; 0 where it has none."""
    beats: bool = False
    """Whether the desk wants signs of life; False in a replay."""


class DeliverRequest(_Message):
    """Brings notices of a book to people."""

    book_id: str
    """The book."""
    beat_at: AwareDatetime | None = None
    """End of the cycle that a sign of life tells of; None for no sign."""


class Delivered(_Message):
    """What came of it."""

    notices: int
    """Notices that still wait."""


class ReportRequest(_Message):
    """Names a book's session."""

    spec: DaySpec
    """What was traded."""
    session: date
    """The session."""


class DayReport(_Message):
    """What a day came to."""

    session: date
    """The day."""
    outcome: DayOutcome
    """What became of the entries."""
    over: bool = True
    """Whether the last reconciliation is done."""
    open_positions: int = 0
    """Positions still held."""
    needs_human: tuple[str, ...] = ()
    """Why a person must look, one line a position or cause."""


class ControlWish(_Message):
    """A person's wish, with the reason for the record."""

    reason: str = Field(default="", max_length=500)
    """Why, in words; halt and flatten need one."""


class ControlRequest(_Message):
    """Sets what people want of a book."""

    book_id: str
    """The book."""
    action: Literal["halt", "resume", "flatten"]
    """What is wanted."""
    reason: str
    """Why."""
    at: AwareDatetime | None
    """Market time of a replay; None for real time."""


class GuardStatus(_Message):
    """Where a guardian stands."""

    book_id: str
    """The book."""
    session: date | None
    """The session; None before the first step."""
    now: AwareDatetime | None
    """Market time of the last step."""
    next_at: AwareDatetime | None
    """When the next cycle is due."""
    cycles: int
    """Cycles so far."""
    open_positions: int
    """Positions that hold contracts."""
    live_orders: int
    """Orders that may still come to something."""
    decided: bool
    """Whether the session's entries are settled."""
    over: bool
    """Whether the session's work is done."""
