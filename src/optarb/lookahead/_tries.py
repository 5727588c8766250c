"""The tries of a check: pairs of runs that differ in one thing alone, compared session by session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from optarb.lookahead._answers import Answer, Answers, differing, shown
from optarb.lookahead._changes import REARRANGED, Change
from optarb.lookahead._tasks import Task
from optarb.lookahead.report import LookaheadFinding, LookaheadTry

if TYPE_CHECKING:
    from optarb.lookahead._processes import Place
    from optarb.lookahead.report import CheckKind

__all__ = ["Difference", "Tries"]

_DAYS_AHEAD = 4001
_ELSEWHERE: tuple[CheckKind, ...] = ("randomness", "clock", "process")


class Difference(NamedTuple):
    """A session in which two answers differ."""

    name: str
    """The try."""
    session: date
    expected: Answer
    got: Answer
    fields: Sequence[str]


class Tries:
    """Runs all tries of one component and collects the differences."""

    def __init__(
        self,
        here: Place,
        elsewhere: Place,
        *,
        asked: tuple[date, ...],
        drawn: tuple[date, ...],
        seed: int,
        by_session: bool,
    ) -> None:
        """Runs nothing yet.

        Args:
            here: Where runs happen.
            elsewhere: Another interpreter, with another hash seed; or the same place, if there is no other.
            asked: Sessions to ask about, oldest first.
            drawn: Some of them, for what is tried at a few sessions.
            seed: Of what replaces the future.
            by_session: Whether the component is asked session by session; an indicator sees all at once.
        """
        self._here = here
        self._elsewhere = elsewhere
        self._asked = asked
        self._drawn = drawn
        self._seed = seed
        self._by_session = by_session
        self._controls: Answers = {}
        self._differences: dict[CheckKind, list[Difference]] = {}
        self.tried: list[LookaheadTry] = []
        self.not_tried: dict[str, str] = {}
        self.true_answers: Answers = {}

    def run_all(self) -> None:
        """Runs them all, as far as answers stay the same while nothing changes."""
        first = self._here.run(Task(sessions=self._asked, again=self._drawn[::-1]))
        for place in (self._here, self._elsewhere):
            place.start_from(first.kept)
        self.true_answers = first.answers
        self._compare("repetition", "repetition", first.answers, first.again)
        if self._is_steady():
            self._order()
            self._alone()
            self._future()
            return
        for name in ("order", "blocks", "cut", *REARRANGED, "memory"):
            self.not_tried[name] = "answers differ while nothing is changed"

    def findings(self) -> tuple[LookaheadFinding, ...]:
        """Returns what the differences come to: one finding a kind, without inputs."""
        return tuple(_finding(kind, found) for kind, found in self._differences.items())

    def differences(self, kind: CheckKind) -> Sequence[Difference]:
        """Returns the differences of a kind in the order of sessions."""
        return sorted(self._differences.get(kind, ()), key=lambda one: one.session)

    def asked_alone(self, session: date, change: Change | None) -> Answer:
        """Asks about one session, where nothing was asked before."""
        return self._here.run(Task(sessions=(session,), change=change)).answers[session]

    def _is_steady(self) -> bool:
        """Asks with another clock, other seeds and in another interpreter at once; only if that differs, in which of them.

        Returns:
            Whether answers are the same while nothing is changed at all, so that other comparisons can mean something.
        """
        everything = Task(sessions=self._asked, seed=1, days_ahead=_DAYS_AHEAD)
        elsewhere = self._elsewhere.run(everything).answers
        if not _differ(self.true_answers, elsewhere):
            separate = self._elsewhere is not self._here
            self.tried += [LookaheadTry(name=name, sessions=len(self._asked)) for name in _ELSEWHERE[: 2 + separate]]
            return True
        again = self._here.run(Task(sessions=self._asked)).answers
        if _differ(self.true_answers, again):
            # In this process the first run may have left something behind; in a fresh one it is chance.
            kind: CheckKind = "repetition" if self._elsewhere is self._here else "randomness"
            self._compare(kind, kind, self.true_answers, again)
            return False
        seeded, later = Task(sessions=self._asked, seed=1), Task(sessions=self._asked, days_ahead=_DAYS_AHEAD)
        self._compare("randomness", "randomness", self.true_answers, self._here.run(seeded).answers)
        self._compare("clock", "clock", self.true_answers, self._here.run(later).answers)
        if self._elsewhere is not self._here:
            self._compare("process", "process", self.true_answers, self._elsewhere.run(Task(sessions=self._asked)).answers)
        if not self._differences.keys() & set(_ELSEWHERE):  # they differ together alone, or seldom
            self._compare("process", "clock, seeds and process", self.true_answers, elsewhere)
        return True

    def _order(self) -> None:
        backwards = self._here.run(Task(sessions=self._asked[::-1]))
        self._compare("order", "order", self.true_answers, backwards.answers)

    def _alone(self) -> None:
        if self._by_session:
            self._controls = {session: self.asked_alone(session, None) for session in self._drawn}
            self._compare("blocks", "blocks", self.true_answers, self._controls)
        else:
            self._controls = {session: self.true_answers[session] for session in self._drawn}

    def _future(self) -> None:
        # One process goes forward through time and never sees a later value: what a component keeps holds no future either.
        cut = self._here.run(Task(sessions=self._asked, change=Change(name="cut"))).answers
        self._compare("future", "cut", self.true_answers, cut)
        for name in REARRANGED:
            changes = {session: Change(name=name, seed=self._seed + i) for i, session in enumerate(self._drawn)}
            got = {session: self.asked_alone(session, change) for session, change in changes.items()}
            self._compare("future", name, self._controls, got, may_refuse=name == "nan")
        self._memory(cut)

    def _memory(self, cut: Answers) -> None:
        change = Change(name="memory", seed=self._seed)
        got = {session: self.asked_alone(session, change) for session in self._drawn}
        suspects = [session for session in self._drawn if differing(cut[session], got[session])]
        controls = {session: self.asked_alone(session, Change(name="cut")) for session in suspects}
        self._compare("memory", "memory", {**cut, **controls}, got)

    def _compare(
        self,
        kind: CheckKind,
        name: str,
        expected: Mapping[date, Answer],
        got: Mapping[date, Answer],
        *,
        may_refuse: bool = False,
    ) -> None:
        """Compares the answers of two runs in the sessions of the second.

        Args:
            kind: What a difference means.
            name: The try.
            expected: Answers of the one.
            got: Answers of the other.
            may_refuse: Whether the component may raise in the other, without that being a difference.
        """
        refused = 0
        for session, answer in got.items():
            fields = differing(expected[session], answer)
            if may_refuse and "raised" in answer and "raised" not in expected[session]:
                refused += 1
            elif fields:
                difference = Difference(name, session, expected[session], answer, fields)
                self._differences.setdefault(kind, []).append(difference)
        self.tried.append(LookaheadTry(name=name, sessions=len(got) - refused, refused=refused))


def _differ(expected: Answers, got: Answers) -> bool:
    return any(differing(expected[session], answer) for session, answer in got.items())


def _finding(kind: CheckKind, found: Sequence[Difference]) -> LookaheadFinding:
    first = min(found, key=lambda one: one.session)
    field = first.fields[0]
    expected, got = shown(first.expected, first.got, field)
    names = tuple(dict.fromkeys(one.name for one in found))
    return LookaheadFinding(
        kind=kind,
        session=first.session,
        field=field,
        expected=expected,
        got=got,
        tries=names,
        sessions=max(sum(one.name == name for one in found) for name in names),
    )
