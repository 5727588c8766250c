"""Specs: what to run, small enough to travel."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from optarb.errors import ConfigurationError, UnknownName

__all__ = ["BacktestSpec", "BacktestSummary", "ExecutionSpec", "OverrideValue", "Progress", "SweepSpec", "SweepSummary"]

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
    backtest_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[0-9]{1,5})?$")
    """Id of the book; None gives a new one at each call. A given id resumes its unfinished run or returns its finished one.
    ``<sweep>/<number>`` is the book of a sweep's setting."""
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
        return cls(**_plain(_from_toml(source)))

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


class SweepSpec(_Frozen):
    """Settings to backtest: a base spec, and what each setting overrides.

    Raises:
        ConfigurationError: Neither or both of grid and settings, an empty axis, more than :attr:`MOST` settings, or a field
            that does not fit.
    """

    MOST: ClassVar[int] = 10_000
    """Most settings of one sweep."""

    spec: BacktestSpec
    """What all settings have in common; its own overrides stay beneath theirs. It names no book and replaces none."""
    sweep_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    """Id of the sweep; None gives a new one at each call. A given one resumes its unfinished sweep or returns its finished."""
    grid: Mapping[str, tuple[OverrideValue, ...]] = Field(default_factory=dict)
    """Values by override path; the settings are all combinations, in this order, the last path varying fastest."""
    settings: tuple[Mapping[str, OverrideValue], ...] = ()
    """Explicit settings, in the place of a grid: overrides by path."""

    @model_validator(mode="after")
    def _checked(self) -> SweepSpec:
        if self.spec.backtest_id is not None or self.spec.on_existing != "resume":
            raise ValueError(
                "a sweep names the books of its settings itself: leave backtest_id and on_existing out of its spec"
            )
        if bool(self.grid) == bool(self.settings):
            raise ValueError("a sweep needs either a grid of values by override path or a sequence of settings")
        for path, values in self.grid.items():
            if not values:
                raise ValueError(f"grid: {path!r} has no values; give at least one, or leave it out")
        if self.count > self.MOST:
            shown = " x ".join(str(len(values)) for values in self.grid.values()) or "the sequence"
            raise ValueError(
                f"{shown} makes {self.count:,} settings, at most {self.MOST:,} are run in one sweep; coarsen the grid"
            )
        return self

    @classmethod
    def of(
        cls,
        spec: BacktestSpec,
        grid: Mapping[str, Iterable[Any]] | Iterable[Mapping[str, Any]],
        sweep_id: str | None = None,
    ) -> SweepSpec:
        """Builds one from a mapping (a grid) or a sequence (explicit settings).

        Decimals and dates are taken as text, numbers of numpy as Python's.

        Raises:
            ConfigurationError: See the class; or something else than a mapping of sequences or a sequence of mappings.
        """
        if isinstance(grid, Mapping):
            axes = cast("Mapping[str, Any]", grid)  # a mapping is an iterable too, which type checkers cannot tell apart here
            return cls(spec=spec, sweep_id=sweep_id, grid={path: _axis(path, values) for path, values in axes.items()})
        if not _is_sequence(grid):
            raise ConfigurationError(f"a grid maps override paths to values, or is a sequence of mappings, got {grid!r}")
        return cls(spec=spec, sweep_id=sweep_id, settings=tuple(map(_setting, grid)))

    @property
    def count(self) -> int:
        """How many settings there are."""
        return len(self.settings) or math.prod(map(len, self.grid.values()))

    @property
    def paths(self) -> tuple[str, ...]:
        """Every override path of the settings, in the order in which they first appear."""
        return tuple(dict.fromkeys(path for one in self.settings for path in one)) or tuple(self.grid)

    def overrides(self, number: int) -> dict[str, OverrideValue]:
        """Returns what one setting overrides.

        Args:
            number: From 0.

        Raises:
            UnknownName: No such setting.
        """
        if not 0 <= number < self.count:
            raise UnknownName(f"the sweep has settings 0 to {self.count - 1}, not {number!r}")
        if self.settings:
            return dict(self.settings[number])
        chosen: list[tuple[str, OverrideValue]] = []
        for path, values in reversed(list(self.grid.items())):
            number, place = divmod(number, len(values))
            chosen.append((path, values[place]))
        return dict(reversed(chosen))

    def setting(self, number: int) -> BacktestSpec:
        """Returns the spec of one setting, with its book's id if the sweep has one.

        Args:
            number: From 0.
        """
        execution = self.spec.execution
        if execution.block_sessions == ExecutionSpec().block_sessions:
            execution = execution.model_copy(update={"block_sessions": _SWEEP_BLOCK_SESSIONS})
        return self.spec.model_copy(
            update={
                "backtest_id": None if self.sweep_id is None else f"{self.sweep_id}/{number}",
                "overrides": dict(sorted({**self.spec.overrides, **self.overrides(number)}.items())),
                "execution": execution,
            }
        )


_SWEEP_BLOCK_SESSIONS = 252
"""A year in a transaction, where the spec leaves the default: many settings write at once, and a setting is soon done again."""


def _is_sequence(values: object) -> bool:
    return isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping)


def _axis(path: str, values: Any) -> tuple[Any, ...]:
    if not _is_sequence(values):
        raise ConfigurationError(f"grid: {path!r} needs a sequence of values, got {values!r}; write [{values!r}]")
    return tuple(map(_plain_value, values))


def _setting(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"a setting must be a mapping of override paths to values, got {given!r}")
    return {path: _plain_value(value) for path, value in given.items()}


def _plain_value(value: Any) -> Any:
    """Decimals and dates as text, as overrides take them; numbers of numpy as Python's."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    item = getattr(value, "item", None)
    return item() if callable(item) else value


class SweepSummary(_Frozen):
    """What a sweep came to."""

    sweep_id: str
    """The sweep."""
    settings: int
    """How many there are."""
    finished: int
    """Settings that ran to their end."""
    failed: int
    """Settings whose component raised; their errors stand in the table."""


def _from_toml(source: str | Path) -> dict[str, Any]:
    """Reads TOML from a path, or from the text itself if it is a ``str`` with a line break."""
    text = source
    if isinstance(source, Path) or "\n" not in source:
        try:
            text = Path(source).read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot read spec {str(source)!r}: {error.strerror}") from error
    try:
        return tomllib.loads(str(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"spec {str(source)[:80]!r} is not TOML: {error}") from error


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
    """How far a backtest or a sweep is."""

    backtest_id: str
    """The book, or the sweep."""
    phase: str
    """Phase at work, ``"settings"`` for a sweep, ``"finished"`` at the end."""
    done: int
    """Units of the phase that are committed: sessions, times experts in the signals phase, symbols, or settings."""
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
