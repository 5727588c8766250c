"""Specs: what to run, small enough to travel."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from optarb.errors import ConfigurationError

__all__ = ["BacktestSpec", "BacktestSummary", "ExecutionSpec", "OverrideValue", "Progress"]

OverrideValue = bool | int | float | str | list[bool | int | float | str]
"""A value an override may have."""
_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_timedelta="iso8601")

    if not TYPE_CHECKING:  # a type checker must go on seeing the fields as arguments

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise ConfigurationError(_said(error)) from error


class ExecutionSpec(_Frozen):
    """How a backtest is run. Nothing here changes what it computes; a resumed run may have another."""

    max_in_flight: int = Field(default=30, ge=1, le=1000)
    """Most activities of one phase at a time."""
    block_sessions: int = Field(default=30, ge=1)
    """Sessions committed at once; fixed when the book is claimed."""
    parallelism: int = Field(default=2, ge=1, le=1000)
    """Workers the signals phase is cut for: an activity takes ``sessions / (4 x parallelism)``."""
    time_slice_seconds: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    """The trade phase goes on in one activity until this time is used up; 0 commits one block an activity."""
    heartbeat_timeout_seconds: _Seconds = 30.0
    """After this long without a heartbeat an activity is given to another worker."""
    start_to_close_seconds: _Seconds = 3600.0
    """Longest one activity may take."""
    lease_seconds: _Seconds = 60.0
    """How long the owner of a book counts as alive without renewing."""
    max_attempts: int = Field(default=5, ge=1)
    """Tries of an activity whose error may pass, such as a store that is away."""
    retry_interval_seconds: _Seconds = 1.0
    """Wait before the second try; it doubles with each further one, up to a minute."""
    task_queues: Mapping[str, str] = Field(default_factory=dict)
    """Task queue by phase, such as ``{"signals": "cpu"}``; a phase not named runs on the workflow's own."""


class BacktestSpec(_Frozen):
    """What to backtest: everything that decides the ledger besides the desk, and how to run it.

    Raises:
        ConfigurationError: A field is missing, unknown or does not fit; the message names each with its value.
    """

    strategy: str = Field(min_length=1)
    """Name of a strategy of the desk."""
    start: date
    """First session to trade, inclusive; it need not be a session itself."""
    end: date
    """Last session to trade, inclusive."""
    backtest_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    """Id of the book; None gives a new one at each call. A given id resumes its unfinished run or returns its finished one."""
    on_existing: Literal["resume", "replace"] = "resume"
    """What to do with a book of that id: ``resume`` refuses one of another spec, data or code; ``replace`` clears it."""
    capital: Decimal = Field(default=Decimal(20_000), gt=0)
    """Dollars the book begins with."""
    bars: Literal["previous_session", "same_session"] = "previous_session"
    """Whether a view's bars end at the session before or at the session itself. ``same_session`` is refused unless every quote
    was taken at or after the close."""
    history_start: date | None = None
    """Where features begin; None is the first bar in the data."""
    mark: Literal["closing_side", "mid"] = "closing_side"
    """At what open positions are valued: the side they would be closed at, or the mid."""
    am_settlement: Literal["open", "previous_close"] = "open"
    """What AM-settled contracts settle on where no settlement value is supplied: the index's open if it differs from the close
    before by more than 2 basis points (else the contract is not settled and the run says so), or the close before."""
    allow_gaps: bool = False
    """Whether sessions without a bar are counted instead of refused. An underlying is not traded in its gaps: they are sessions
    without a chain."""
    overrides: Mapping[str, OverrideValue] = Field(default_factory=dict)
    """Parameters of the strategy's components by path, such as ``{"dip.drop": 0.05, "exits.stop_loss": -0.4}``."""
    execution: ExecutionSpec = ExecutionSpec()
    """How to run it."""

    @field_validator("overrides")
    @classmethod
    def _sorted(cls, value: Mapping[str, OverrideValue]) -> Mapping[str, OverrideValue]:
        return {path: value[path] for path in sorted(value)}

    @model_validator(mode="after")
    def _in_order(self) -> BacktestSpec:
        if self.start > self.end:
            raise ValueError(f"start {self.start} is after end {self.end}; swap them")
        return self

    @classmethod
    def from_toml(cls, source: str | Path) -> BacktestSpec:
        """Reads a spec from TOML.

        Args:
            source: A path, or the text itself if it is a ``str`` with a line break.

        Raises:
            ConfigurationError: The file cannot be read, is no TOML, or a field is missing, unknown or does not fit.
        """
        text = source
        if isinstance(source, Path) or "\n" not in source:
            try:
                text = Path(source).read_text(encoding="utf-8")
            except OSError as error:
                raise ConfigurationError(f"cannot read spec {str(source)!r}: {error.strerror}") from error
        try:
            fields = tomllib.loads(str(text))
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"spec {str(source)[:80]!r} is not TOML: {error}") from error
        return cls(**_plain(fields))

    def to_toml(self) -> str:
        """Writes the spec as TOML, every field with its value; :meth:`from_toml` reads it back to an equal spec."""
        import tomli_w

        fields = self.model_dump(mode="json", exclude_none=True)
        fields["start"], fields["end"] = self.start, self.end
        if self.history_start is not None:
            fields["history_start"] = self.history_start
        return tomli_w.dumps(fields)

    def ledger_fields(self) -> dict[str, Any]:
        """Returns the fields that can change the ledger, as JSON values; ``execution`` and the id are not among them."""
        fields = self.model_dump(mode="json", exclude={"execution", "backtest_id", "on_existing"})
        return {**fields, "capital": str(self.capital.normalize())}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Lets overrides be written as nested tables: ``[overrides.dip] drop = 0.05``."""
    overrides = fields.get("overrides")
    if isinstance(overrides, dict):
        fields["overrides"] = dict(_flattened(overrides, ""))
    return fields


def _flattened(table: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in table.items():
        path = f"{prefix}.{name}" if prefix else name
        flat.extend(_flattened(value, path) if isinstance(value, dict) else [(path, value)])
    return flat


def _said(error: ValidationError) -> str:
    parts = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        given = "" if problem["type"] in {"missing", "value_error"} else f", got {problem['input']!r}"
        parts.append(f"{where or 'spec'}: {problem['msg'].removeprefix('Value error, ')}{given}")
    return "; ".join(parts)


class Progress(_Frozen):
    """How far a backtest is."""

    backtest_id: str
    """The book."""
    phase: str
    """Phase at work, ``"finished"`` at the end."""
    done: int
    """Units of the phase that are committed: sessions, times experts in the signals phase, or symbols."""
    total: int
    """All units of the phase."""


class BacktestSummary(_Frozen):
    """What a finished backtest came to, in a few figures."""

    backtest_id: str
    """The book."""
    strategy: str
    """Name of the strategy."""
    sessions: int
    """Sessions traded."""
    trades: int
    """Round trips closed."""
    final_equity_usd: Decimal
    """Cash at the end; everything is closed."""
    pnl_usd: Decimal
    """Final equity less capital."""
    fees_usd: Decimal
    """Fees paid."""
    max_drawdown: float
    """Largest fall of marked equity from its running peak, as a fraction of it; above 1 where equity fell below zero."""
    sharpe: float | None
    """Annual Sharpe ratio of daily equity returns; None where they do not vary."""
    modelled: bool
    """Whether any fill came from a modelled quote."""
    digest: str
    """SHA-256 of the ledger."""
    blocks_computed: Mapping[str, int] = Field(default_factory=dict)
    """Blocks this book computed, by phase; it is no part of the digest."""
    duration: timedelta | None = None
    """Wall time from claim to close."""
