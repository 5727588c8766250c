"""One run of a component over some sessions, and what comes out of it."""

from __future__ import annotations

import random
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from optarb.lookahead._answers import Answers
from optarb.lookahead._clock import clock_ahead

if TYPE_CHECKING:
    from optarb.lookahead._changes import Change
    from optarb.lookahead._material import Material

__all__ = ["Keep", "Load", "Outcome", "Subject", "Task", "perform"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What one run asks about, and under which circumstances."""

    sessions: tuple[date, ...]
    """In the order in which they are asked about."""
    change: Change | None = None
    """Done to the market anew for each session; None for the market as it is."""
    again: tuple[date, ...] = ()
    """Sessions to ask about once more in the end."""
    seed: int = 0
    """Of the global random generators."""
    days_ahead: int = 0
    """How far the clock is put forward."""
    whole: bool = False
    """Whether columns are wanted value by value."""


@dataclass(kw_only=True)
class Outcome:
    """What came out of a run."""

    answers: Answers = field(default_factory=dict)
    """By session."""
    again: Answers = field(default_factory=dict)
    """The second answers."""
    columns: dict[str, Any] = field(default_factory=dict[str, Any])
    """Whole columns by field, if they were wanted."""
    kept: Any = None
    """What later runs start from, such as the book before each session; from the first run alone."""
    imported: list[str] = field(default_factory=list[str])
    """Modules that were loaded on the way."""


class Subject(Protocol):
    """A component and how it is asked."""

    @property
    def component(self) -> object:
        """The component."""
        ...

    def run(self, material: Material, task: Task, kept: Any) -> Outcome:
        """Asks it.

        Args:
            material: The market.
            task: What to ask.
            kept: From the first run; None in that run, which goes through all sessions as they are.
        """
        ...


class Load(NamedTuple):
    """Message to a fresh interpreter: what its processes ask, and with what. It does not ask itself."""

    subject: Subject
    material: Material


class Keep(NamedTuple):
    """Message to a fresh interpreter: what the first run kept."""

    kept: Any


def perform(subject: Subject, material: Material, task: Task, kept: Any) -> Outcome:
    """Runs a task under its circumstances, and leaves clock and generators as they were."""
    with _seeded(task.seed), clock_ahead(subject.component, task.days_ahead):
        return subject.run(material, task, kept)


@contextmanager
def _seeded(seed: int) -> Generator[None]:
    python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - components may use the global one
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(of_numpy)  # noqa: NPY002
