"""What a check for look-ahead found, and what it tried."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

__all__ = ["LookaheadFinding", "LookaheadReport", "LookaheadTry", "ReachedInput"]

CheckKind = Literal["future", "memory", "repetition", "order", "blocks", "randomness", "clock", "process"]
"""What an answer depends on that it must not depend on."""

_MEANS: dict[CheckKind, str] = {
    "future": "answers change with what comes later",
    "memory": "answers change with the memory behind an array",
    "repetition": "asked again, it answers otherwise",
    "order": "answers change with the order of the calls",
    "blocks": "asked about a session alone, it answers otherwise: what was asked before stays behind",
    "randomness": "answers change although nothing was changed, or with the global random seeds",
    "clock": "answers change with the date and time of the run",
    "process": "another interpreter, with another hash seed, answers otherwise",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachedInput:
    """An input whose later values alone change the answer."""

    symbol: str
    """Symbol, such as ``"SPX"``."""
    source: Literal["bars", "chain"]
    """Daily bars or option quotes."""
    column: str
    """``open``, ``high``, ``low``, ``close`` or ``volume`` of bars; ``bids``, ``asks`` or ``underlying_price`` of a chain."""
    known_through: date
    """Last session that may be known of it."""
    reached: date
    """A session after that whose value the answer depends on: the latest one found."""

    def __str__(self) -> str:
        return f"{self.symbol} {self.source}.{self.column} of {self.reached} (known through {self.known_through})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookaheadFinding:
    """One way in which a component does not answer from what may be known alone."""

    kind: CheckKind
    """``future``, ``memory``, ``repetition``, ``order``, ``blocks``, ``randomness``, ``clock`` or ``process``."""
    session: date
    """First session whose answer differs."""
    field: str
    """First field that differs there: a symbol and a column of an indicator or a field of a signal, such as
    ``"SPX.confidence"``, ``"SPX.model"``; or a row of the ledger, such as ``"verdicts[0].units"``."""
    expected: str
    """Its value in the run that the other is compared with; of a long text the place that differs."""
    got: str
    """Its value in the other run."""
    tries: tuple[str, ...]
    """The tries that showed it, such as ``("cut", "shuffle")``."""
    sessions: int
    """How many of the sessions tried differ, in the try that shows the most."""
    inputs: tuple[ReachedInput, ...] = ()
    """For ``future``: the inputs that reached past what may be known, one at a time; empty if no single one does."""

    def __str__(self) -> str:
        differ = f"{_counted(self.sessions, 'session')} differ{'s' * (self.sessions == 1)}"
        lines = [
            f"{self.kind}: {_MEANS[self.kind]}",
            f"  first session  {self.session}, {self.field}: {self.expected} becomes {self.got}",
            f"  shown by       {', '.join(self.tries)}; {differ}",
        ]
        told = [str(one) for one in self.inputs]
        if self.kind == "future" and not told:
            told = ["no single input alone: the number of later sessions, or several inputs at once"]
        lines += [f"  {'' if number else 'reaches':<14} {one}" for number, one in enumerate(told)]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookaheadTry:
    """One thing that was tried."""

    name: str
    """``cut``, ``replace``, ``shuffle``, ``shift``, ``nan``, ``memory``, ``repetition``, ``order``, ``blocks``,
    ``randomness``, ``clock`` or ``process``; ``clock, seeds and process`` where these differ only together."""
    sessions: int
    """Sessions whose answers were compared."""
    refused: int = 0
    """Sessions left out because the component raised on later values of NaN, which no data that pass the ingest have."""


@dataclass(frozen=True, kw_only=True)
class LookaheadReport:
    """What was tried on a component, and what was found. Nothing found is no proof: see ``not_tried`` and the docs."""

    component: str
    """Its class or function, ``module:name``."""
    role: str
    """``indicator``, ``expert``, ``policy``, ``exits`` or ``structure``."""
    first: date
    """First session asked about."""
    last: date
    """Last session asked about."""
    answered: int
    """Sessions with an answer other than none. Where it is small, little was tested."""
    tried: tuple[LookaheadTry, ...]
    """What was tried, in order."""
    not_tried: tuple[tuple[str, str], ...]
    """What was not tried, and why."""
    findings: tuple[LookaheadFinding, ...]
    """What was found, one of a kind; empty if nothing."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __str__(self) -> str:
        verdict = "no look-ahead found" if self.ok else f"{_counted(len(self.findings), 'problem')} found"
        lines = [
            f"{self.component} ({self.role}): {verdict}",
            f"sessions {self.first} to {self.last}, {self.answered} of them with an answer",
            "tried " + ", ".join(_told(one) for one in self.tried),
        ]
        lines += [f"not tried: {name}, since {why}" for name, why in self.not_tried]
        for finding in self.findings:
            lines += ["", str(finding)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Returns the report as JSON values: dates as ISO 8601 text, ``ok`` beside the fields."""
        return {"ok": self.ok, **_plain(asdict(self))}


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _told(one: LookaheadTry) -> str:
    return f"{one.name} ({one.sessions}{f', {one.refused} refused' if one.refused else ''})"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value
