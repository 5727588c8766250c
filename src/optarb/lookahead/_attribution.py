"""Which inputs reached past what may be known: one at a time is made other, and each as late as still makes a difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING, Literal

import numpy as np

from optarb.lookahead._answers import Answer, ModelSeen, differing
from optarb.lookahead._changes import BAR_COLUMNS, CHAIN_COLUMNS, Change, Source
from optarb.lookahead._tasks import Task
from optarb.lookahead.report import ReachedInput

if TYPE_CHECKING:
    from optarb.lookahead._material import Material
    from optarb.lookahead._processes import Place
    from optarb.lookahead._tries import Difference, Tries

__all__ = ["first_row", "reached_inputs"]

_SESSIONS = 5
"""Differing sessions to look at before giving up: at one of them a change of one input may happen to make no difference."""


def reached_inputs(tries: Tries, material: Material, *, whole_history: bool) -> tuple[ReachedInput, ...]:
    """Finds the inputs behind the differences of kind ``future``.

    Args:
        tries: Once all are run.
        material: The market.
        whole_history: Whether the component sees bars through the session itself, as an indicator does, and no chains.

    Returns:
        In the order of symbols and columns; empty if no single input makes a difference.
    """
    sessions = {one.session: one for one in reversed(tries.differences("future"))}
    for session in sorted(sessions)[:_SESSIONS]:
        known = _known_through(material, sessions[session], whole_history=whole_history)
        control = tries.asked_alone(session, None)
        # The symbols of an indicator have nothing to do with each other: its first field says which it is about.
        field = sessions[session].fields[0] if whole_history else None

        def differs(
            source: Source,
            first: date | None,
            day: date = session,
            control: Answer = control,
            field: str | None = field,
        ) -> bool:
            for number in (0, 1):  # higher values, then lower ones: a comparison may notice one of them alone
                change = Change(name="replace", seed=number, only=source, first=first)
                fields = differing(control, tries.asked_alone(day, change))
                if fields if field is None else field in fields:
                    return True
            return False

        found = tuple(_reached(material, known, differs, whole_history=whole_history))
        if found:
            return found
    return ()


def _known_through(material: Material, difference: Difference, *, whole_history: bool) -> tuple[date, date]:
    """Returns through which sessions bars and chains may be known: of a model, through its cut-off."""
    model = difference.expected.get(difference.fields[0])
    if isinstance(model, ModelSeen):
        return model.cutoff, model.cutoff
    session = difference.session
    return (session if whole_history else material.through(session)), session


def _reached(
    material: Material, known: tuple[date, date], differs: Callable[[Source, date | None], bool], *, whole_history: bool
) -> Iterator[ReachedInput]:
    for source in _sources(material, whole_history=whole_history):
        of_bars = source.kind == "bars"
        through = known[0] if of_bars else known[1]
        dates = material.bars[source.symbol].dates if of_bars else _chain_dates(material, source.symbol)
        coming = [day for day in dates if day > through]
        if not coming or not differs(source, None):
            continue
        low, high = 0, len(coming)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if differs(source, coming[middle]) else (low, middle)
        kind: Literal["bars", "chain"] = "bars" if of_bars else "chain"
        yield ReachedInput(symbol=source.symbol, source=kind, column=source.column, known_through=through, reached=coming[low])


def _sources(material: Material, *, whole_history: bool) -> list[Source]:
    found = [Source(symbol, "bars", name) for symbol in material.bars for name in BAR_COLUMNS]
    if not whole_history:
        found += [Source(symbol, "chain", name) for symbol in material.chains for name in CHAIN_COLUMNS]
    return found


def _chain_dates(material: Material, symbol: str) -> list[date]:
    days: list[date] = material.chains[symbol].sessions.tolist()
    return days


def first_row(place: Place, material: Material, difference: Difference) -> tuple[date, str, str, str] | None:
    """Finds the first row of an indicator's column that a change of the future changes.

    Args:
        place: Where to compute.
        material: The market.
        difference: The first one found.

    Returns:
        Session, field and the two values; None if a fresh computation of that session alone shows none.
    """
    change = Change(name=difference.name)
    true = place.run(Task(sessions=(difference.session,), whole=True)).columns
    other = place.run(Task(sessions=(difference.session,), whole=True, change=change)).columns
    found: list[tuple[date, str, str, str]] = []
    for field in difference.fields:
        if field not in true or field not in other:
            continue
        dates = material.bars[field.partition(".")[0]].dates
        rows = material.bars[field.partition(".")[0]].rows[difference.session] + 1
        left, right = true[field][:rows], other[field][:rows]
        differs = (left.view(np.int64) != right.view(np.int64)) & ~(np.isnan(left) & np.isnan(right))
        if differs.any():
            row = int(np.argmax(differs))
            found.append((dates[row], field, repr(float(left[row])), repr(float(right[row]))))
    return min(found, key=lambda one: one[0]) if found else None
