"""What every phase of one run works with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from optarb.desk.intake import gather_inputs
from optarb.errors import DataChanged
from optarb.ledger.rows import session_date, session_number

if TYPE_CHECKING:
    from optarb.desk import Desk, Setup
    from optarb.protocols import BacktestStore
    from optarb.specs import BacktestSpec

__all__ = ["Block", "Plan", "RunContext", "Tick", "Training"]

Tick = Callable[[str, int, int], None]
"""Called with phase, units done and all units after each piece of work: carries heartbeat, progress, lease and cancellation.

May raise :class:`~optarb.errors.Cancelled` or :class:`~optarb.errors.Superseded`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive sessions that are committed at once."""

    sessions: tuple[date, ...]
    """Oldest first."""

    @property
    def first(self) -> int:
        """First session, ``YYYYMMDD``."""
        return session_number(self.sessions[0])

    @property
    def last(self) -> int:
        """Last session, ``YYYYMMDD``."""
        return session_number(self.sessions[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """One fit of one expert."""

    expert: str
    """Name of the expert."""
    underlying: str
    """Symbol the model is about."""
    cutoff: date
    """Last session whose bars the training sees."""

    @property
    def unit(self) -> str:
        """Names the fit in checkpoints."""
        return f"{self.expert}/{self.underlying}/{self.cutoff}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the claim fixed: the sessions and how they are cut."""

    sessions: tuple[date, ...]
    """Sessions to trade, oldest first."""
    before: date
    """The session before the first."""
    block_sessions: int
    """Sessions in a block; the last block may be shorter."""
    symbols: tuple[str, ...]
    """Underlyings, then references."""
    underlyings: tuple[str, ...]
    """Symbols with chains."""
    experts: tuple[str, ...]
    """Names of the experts in the strategy's order."""
    trainings: tuple[Training, ...] = ()
    """The fits of the experts that train."""

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks, oldest first."""
        size = self.block_sessions
        return tuple(Block(sessions=self.sessions[i : i + size]) for i in range(0, len(self.sessions), size))

    def to_json(self) -> str:
        """Writes the plan."""
        return json.dumps(
            {
                "sessions": [session_number(session) for session in self.sessions],
                "before": session_number(self.before),
                "block_sessions": self.block_sessions,
                "symbols": self.symbols,
                "underlyings": self.underlyings,
                "experts": self.experts,
                "trainings": [[one.expert, one.underlying, session_number(one.cutoff)] for one in self.trainings],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Reads a plan back."""
        fields: dict[str, Any] = json.loads(text)
        return cls(
            sessions=tuple(map(session_date, fields["sessions"])),
            before=session_date(fields["before"]),
            block_sessions=fields["block_sessions"],
            symbols=tuple(fields["symbols"]),
            underlyings=tuple(fields["underlyings"]),
            experts=tuple(fields["experts"]),
            trainings=tuple(
                Training(expert=expert, underlying=underlying, cutoff=session_date(cutoff))
                for expert, underlying, cutoff in fields["trainings"]
            ),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class RunContext:
    """One claimed run: its book, its plan and the desk."""

    desk: Desk
    """Data and infrastructure."""
    setup: Setup
    """Strategy and simulator with overrides."""
    book_id: str
    """The book."""
    epoch: int
    """Given with every write."""
    plan: Plan
    """What the claim fixed."""
    inputs: Mapping[str, Any]
    """Fingerprints that the claim fixed."""
    outside_calls: set[str] = field(default_factory=set[str])
    """Scopes in which this process made an outside call or found the reply of one; see :class:`OnceCalls`."""

    @property
    def sweep_id(self) -> str | None:
        """The sweep whose setting the run is; None for a run of its own."""
        sweep_id, found, _ = self.book_id.rpartition("/")
        return sweep_id if found else None

    @property
    def store(self) -> BacktestStore:
        """The desk's store."""
        return self.desk.store

    @property
    def spec(self) -> BacktestSpec:
        """The spec, with overrides of its own fields."""
        return self.setup.spec

    @classmethod
    def open(cls, desk: Desk, spec: BacktestSpec, book_id: str, epoch: int) -> RunContext:
        """Opens a claimed run in this process.

        Args:
            desk: Data and infrastructure.
            spec: The spec that was claimed.
            book_id: The book.
            epoch: From the claim.

        Raises:
            DataChanged: This process sees other data, code or libraries than those fixed at the claim.
        """
        setup = desk.setup(spec)
        documents = desk.store.book(book_id).documents
        inputs = json.loads(documents["inputs"])
        seen = json.loads(json.dumps(gather_inputs(desk, setup)))
        if seen != inputs:
            raise DataChanged(
                f"book {book_id!r}: {', '.join(_differences(inputs, seen))} differ from what the claim fixed; run all workers "
                "on the same data, code and libraries, or start a new backtest"
            )
        return cls(
            desk=desk,
            setup=setup,
            book_id=book_id,
            epoch=epoch,
            plan=Plan.from_json(documents["plan"]),
            inputs=inputs,
        )


def _differences(fixed: Mapping[str, Any], seen: Mapping[str, Any], path: str = "") -> list[str]:
    """Names what differs, such as ``data.SPX.bars``."""
    names = []
    for name in sorted({*fixed, *seen}):
        left, right = fixed.get(name), seen.get(name)
        if left == right:
            continue
        if isinstance(left, dict) and isinstance(right, dict) and "component" not in left:
            names.extend(_differences(left, right, f"{path}{name}."))
        else:
            names.append(path + name)
    return names
