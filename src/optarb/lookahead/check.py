"""Whether a component answers from what may be known alone."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from optarb._component import component_name
from optarb.backtesting.training import trained_part
from optarb.errors import ComponentError, ConfigurationError
from optarb.lookahead._attribution import first_row, reached_inputs
from optarb.lookahead._material import default_spec, gather
from optarb.lookahead._processes import FreshProcesses, ThisProcess, packed
from optarb.lookahead._roles import placed, role_of, subject_of
from optarb.lookahead._subjects import CHECKED
from optarb.lookahead._synthetic import synthetic_desk, synthetic_spec
from optarb.lookahead._tries import Tries
from optarb.lookahead.report import LookaheadFinding, LookaheadReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from optarb.desk import Desk
    from optarb.domain.legs import Structure
    from optarb.lookahead._material import Material
    from optarb.lookahead._processes import Place
    from optarb.protocols import Expert, Indicator, PolicyEngine, PositionManager
    from optarb.specs import BacktestSpec

__all__ = ["check_lookahead"]


def check_lookahead(
    component: Indicator | Expert | PolicyEngine | PositionManager | Structure | Callable[..., Any],
    *,
    desk: Desk | None = None,
    spec: BacktestSpec | None = None,
    sessions: int = 40,
    every: bool = False,
    seed: int = 0,
    processes: bool = True,
) -> LookaheadReport:
    """Asks a component many times, as a backtest does, with the future cut off or changed, and compares every answer.

    Answers are compared bit for bit. The future is cut off after every session (for an expert that trains: after
    ``sessions`` drawn ones); at ``sessions`` drawn ones it is also replaced, shuffled, shifted and set to NaN, the
    component is asked alone, and the memory behind arrays is changed. The whole is asked again, in reverse, in another
    process, with another clock and other random seeds.

    Args:
        component: An indicator, an expert, a policy, exits or a structure, or a function in the place of an expert
            (one parameter), of exits (two) or of a policy (three).
        desk: Data, calendar and indicators of one's own. None for a made-up market of SPX, SPY and VIX.
        spec: What a backtest would run: the range, and the strategy whose symbols are shown and whose other components
            play the other roles. None for the first strategy of the desk over its last 250 sessions.
        sessions: How many sessions to draw, 1 or more.
        every: Draw every session instead.
        seed: Of the sessions drawn, of what replaces the future, and of the made-up market.
        processes: Whether to ask in other processes, which start without what the component keeps in memory. On Linux and
            macOS only, and not for a component of a script or notebook; the report says where it was not done.

    Raises:
        ConfigurationError: It is no component, plays no role that can be checked, or does not fit the desk.
        DataError: The range holds no session, or data are missing or unusable.
        ComponentError: The component raised on the true market, or answered in no session, so that nothing was checked.
    """
    if sessions < 1:
        raise ConfigurationError(f"sessions must be 1 or more, got {sessions!r}")
    role = role_of(component)
    if spec is not None and desk is None:
        raise ConfigurationError("a spec needs the desk it is for; pass desk=")
    material = _material(component, role, desk, spec, seed)
    subject = subject_of(component, role)
    drawn = _drawn(material, len(material.sessions) if every else sessions, seed)
    asked = drawn if _trains(component, role) else material.sessions
    content = packed(subject, material) if processes else "processes=False"
    with ExitStack() as stack:
        here: Place
        elsewhere: Place
        if isinstance(content, str):
            here = elsewhere = ThisProcess(subject, material)
        else:
            here = stack.enter_context(FreshProcesses(content, hash_seed=1))
            elsewhere = stack.enter_context(FreshProcesses(content, hash_seed=2))
        tries = Tries(here, elsewhere, asked=asked, drawn=drawn, seed=seed, by_session=role != "indicator")
        tries.run_all()
        if isinstance(content, str):
            tries.not_tried["process"] = content
        findings = tuple(_located(tries, here, material, finding, role) for finding in tries.findings())
        answered = _answered(tries, role)
    if not answered and not findings:
        raise ComponentError(
            f"the {role} answered in none of {len(asked)} sessions, so that nothing was checked; give a desk and a spec whose "
            "range and strategy make it answer"
        )
    return LookaheadReport(
        component=component_name(component),
        role=role,
        first=asked[0],
        last=asked[-1],
        answered=answered,
        tried=tuple(tries.tried),
        not_tried=tuple(tries.not_tried.items()),
        findings=findings,
    )


def _material(component: object, role: str, desk: Desk | None, spec: BacktestSpec | None, seed: int) -> Material:
    if desk is None:
        chosen, wanted = synthetic_desk(seed), synthetic_spec()
    else:
        chosen, wanted = desk, spec or default_spec(desk)
    strategies = [placed(one, component, role) if one.name == wanted.strategy else one for one in chosen.strategies]
    return gather(dataclasses.replace(chosen, strategies=strategies), wanted, quotes=role != "indicator")


def _drawn(material: Material, count: int, seed: int) -> tuple[date, ...]:
    """Draws one session from each of ``count`` stretches of equal length, so that they are spread over the range."""
    total = len(material.sessions)
    edges = np.linspace(0, total, min(count, total) + 1).astype(int).tolist()
    rng = np.random.default_rng(seed)
    return tuple(material.sessions[int(rng.integers(low, high))] for low, high in pairwise(edges))


def _trains(component: object, role: str) -> bool:
    return role == "expert" and trained_part(CHECKED, component) is not None


def _answered(tries: Tries, role: str) -> int:
    """Counts the sessions in which the component was asked and said something."""
    begins = {"policy": "verdicts", "exits": "open_positions"}.get(role, "")
    return sum(
        any(name.startswith(begins) and not name.endswith(".model") for name in answer)
        for answer in tries.true_answers.values()
    )


def _located(tries: Tries, here: Place, material: Material, finding: LookaheadFinding, role: str) -> LookaheadFinding:
    """Names the first row of an indicator, and the inputs that reached past what may be known."""
    if finding.kind != "future":
        return finding
    inputs = reached_inputs(tries, material, whole_history=role == "indicator")
    finding = dataclasses.replace(finding, inputs=inputs)
    if role != "indicator":
        return finding
    row = first_row(here, material, tries.differences("future")[0])
    if row is None:
        return finding
    session, field, expected, got = row
    return dataclasses.replace(finding, session=session, field=field, expected=expected, got=got)
