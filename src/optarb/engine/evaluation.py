"""One expert's answer on one view, checked and with the contracts its structure chose."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optarb.domain.contracts import OptionContract
from optarb.domain.legs import Leg, NoFit
from optarb.domain.signals import Direction, Proposal, Signal
from optarb.engine.calling import called
from optarb.errors import ComponentError

if TYPE_CHECKING:
    from optarb.engine.view import ExpertView
    from optarb.ledger.rows import Row
    from optarb.protocols import Expert

__all__ = ["ChosenSignal", "describe", "evaluate_expert"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenSignal:
    """The best proposal of a signal, with its legs or the reason why none fits."""

    expert: str
    """Name of the expert."""
    underlying: str
    """Symbol it is about."""
    direction: Direction
    """Expected direction."""
    confidence: float
    """0..1."""
    structure: str
    """The structure, in words."""
    legs: tuple[Leg, ...]
    """What one unit trades; empty if nothing fits."""
    no_fit: str | None
    """Why nothing fits; None if something does."""
    reasons: tuple[str, ...]
    """The expert's reasons."""
    proposals: tuple[tuple[str, str, float], ...]
    """Direction, structure and confidence of every proposal, the best among them."""

    def row(self, session: int, seq: int) -> Row:
        """Writes the signal as a row of the table ``signals``."""
        return (
            session,
            seq,
            self.expert,
            self.underlying,
            str(self.direction),
            self.confidence,
            self.structure,
            legs_text(self.legs),
            self.no_fit,
            json.dumps(self.reasons),
            json.dumps(self.proposals),
        )

    @classmethod
    def from_row(cls, row: Row) -> ChosenSignal:
        """Reads a row of the table ``signals`` back."""
        values: tuple[Any, ...] = row[2:]
        expert, underlying, direction, confidence, structure, legs, no_fit, reasons, proposals = values
        return cls(
            expert=expert,
            underlying=underlying,
            direction=Direction(direction),
            confidence=confidence,
            structure=structure,
            legs=legs_from_text(legs),
            no_fit=no_fit,
            reasons=tuple(json.loads(reasons)),
            proposals=tuple(tuple(one) for one in json.loads(proposals)),
        )


def legs_text(legs: tuple[Leg, ...]) -> str:
    """Writes legs as ``"+1 SPXW180131C02800000 -10 SPY180131C00280000"``."""
    return " ".join(f"{leg.ratio:+d} {leg.contract.symbol}" for leg in legs)


def legs_from_text(text: str) -> tuple[Leg, ...]:
    """Reads legs back from :func:`legs_text`."""
    words = text.split()
    return tuple(
        Leg(contract=OptionContract.parse(symbol), ratio=int(ratio))
        for ratio, symbol in zip(words[::2], words[1::2], strict=True)
    )


def describe(structure: object) -> str:
    """Names a structure in words, with the fields that differ from their defaults."""
    name = type(structure).__name__
    if not dataclasses.is_dataclass(structure) or isinstance(structure, type):
        return name
    told = []
    for field in dataclasses.fields(structure):
        value = getattr(structure, field.name)
        if field.default is dataclasses.MISSING or value != field.default:
            told.append(f"{field.name}={value}")
    return f"{name}({', '.join(told)})"


def evaluate_expert(name: str, expert: Expert | Callable[..., Signal | None], view: ExpertView) -> ChosenSignal | None:
    """Asks an expert and lets its structure choose contracts.

    Args:
        name: The expert's name in the strategy.
        expert: The expert, or a function in its place.
        view: What may be known.

    Returns:
        The chosen signal, or None if the expert has no opinion.

    Raises:
        ComponentError: The expert or its structure raised, or returned what it may not.
        TransientError: The expert asked for another try.
    """
    where = f"expert {name!r} on {view.underlying!r}, session {view.session}"
    ask: Callable[..., Any] = getattr(expert, "evaluate", expert)  # type: ignore[arg-type]
    signal = called(where, ask, view)
    if signal is None:
        return None
    if not isinstance(signal, Signal):
        raise ComponentError(f"{where} must return a Signal or None, got {signal!r}")
    best, structure = signal.best, ""
    proposals: list[tuple[str, str, float]] = []
    for proposal in signal.proposals:
        words = describe(proposal.structure)
        proposals.append((str(proposal.direction), words, float(proposal.confidence)))
        if proposal is best:
            structure = words
    legs, no_fit = _legs(f"{where}, structure {structure}", best, view)
    return ChosenSignal(
        expert=name,
        underlying=view.underlying,
        direction=Direction(best.direction),
        confidence=float(best.confidence),
        structure=structure,
        legs=legs,
        no_fit=no_fit,
        reasons=tuple(str(reason) for reason in best.reasons),
        proposals=tuple(proposals),
    )


def _legs(where: str, proposal: Proposal, view: ExpertView) -> tuple[tuple[Leg, ...], str | None]:
    chains: Mapping[str, Any] = view.view.chains
    if view.underlying not in chains:
        return (), f"no quotes of {view.underlying} on {view.session}"
    chosen = called(where, proposal.structure.choose, chains, view.underlying)
    if isinstance(chosen, NoFit):
        return (), chosen.reason
    if not isinstance(chosen, tuple) or not chosen or not all(isinstance(leg, Leg) for leg in chosen):
        raise ComponentError(f"{where}: the structure must return a tuple of legs or NoFit, got {chosen!r}")
    if len({leg.contract for leg in chosen}) != len(chosen):
        raise ComponentError(f"{where}: the structure chose a contract twice: {legs_text(chosen)}")
    return chosen, None
