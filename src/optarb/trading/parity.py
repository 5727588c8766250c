"""Whether a live day's decision comes out the same again: through the live path, and through the engine of a backtest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from optarb.brokers.simulator import SimulatedBroker
from optarb.engine.entries import entries
from optarb.engine.evaluation import ChosenSignal
from optarb.engine.judging import judge, warm_up_of
from optarb.engine.recorder import Recorder
from optarb.engine.session import SessionEngine
from optarb.engine.session_state import SessionState
from optarb.engine.view import View
from optarb.errors import BadData, BookError, ComponentError, ConfigurationError, OptarbError, StoreUnavailable
from optarb.ledger.rows import TABLES, session_number
from optarb.protocols.stores import SupportsTrading
from optarb.trading.context import market_of, setup_of
from optarb.trading.decision import ENTRIES, ask_experts, calls_of, decide, once_step
from optarb.trading.fingerprints import fingerprints, what_changed
from optarb.trading.recording import load_recording
from optarb.trading.trading_state import TradingState

if TYPE_CHECKING:
    from optarb.brokers.simulator import Simulator
    from optarb.desk.desk import Desk
    from optarb.domain.orders import OrderIntent, SubmitAnswer
    from optarb.ledger.book import Book
    from optarb.ledger.rows import Row
    from optarb.protocols.trading import TradingStore
    from optarb.trading.day_spec import DaySpec
    from optarb.trading.decision import Answer
    from optarb.trading.recording import Recording

__all__ = ["Parity", "Rerun", "check_parity"]

_Labelled = dict[str, dict[str, Any]]
"""Something to compare: fields by what it is called."""


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """What one path decides now on what was recorded."""

    intents: tuple[str, ...]
    """What it would open, in its order: canonical JSON of legs with signed quantities, limit, structure and units."""
    differences: tuple[str, ...]
    """What came out otherwise than recorded, a line each; empty if nothing did."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """What came of a check."""

    book_id: str
    """The book."""
    session: date
    """The session."""
    decided_at: datetime
    """When the day was decided, aware UTC."""
    intents: tuple[str, ...]
    """What was decided to open, in its order; written as in ``live.intents``, without ids and book."""
    live: Rerun
    """What the live path decides now."""
    backtest: Rerun
    """What the engine of a backtest decides now."""
    changed: tuple[str, ...]
    """Parameters and sources of the strategy that are not those of the day, by path. They alone are no difference."""

    @property
    def equal(self) -> bool:
        """Whether both paths come to the recorded signals, refusals and entries, with intents that are equal byte for byte."""
        if self.live.differences or self.backtest.differences:
            return False
        return self.intents == self.live.intents == self.backtest.intents


def check_parity(desk: Desk, book_id: str, session: date, *, spec: DaySpec | None = None) -> Parity:
    """Decides a day again on what was recorded of it, with the desk's present experts and policy.

    View, book and buying power are those of the day. Outside calls of experts get the answers that are stored; none is made.
    Nothing is sent and nothing is written.

    Args:
        desk: Whose strategies are asked, and in whose store the day is.
        book_id: The live book.
        session: The session.
        spec: What to decide by; None for the spec of the day.

    Raises:
        BookNotFound: There is no such live book.
        BookError: The book decided nothing in that session, or its decision was stored without a recording.
        BadData: The recording is damaged, gone, or of a version that is not known here.
        ConfigurationError: The spec is one of another book, an override does not fit, or the store keeps no live books.
        UnknownName: The desk has no such strategy, or an override names nothing.
        StoreUnavailable: The same call may work later.
    """
    store = _store(desk)
    answer = _stored_answer(store, book_id, session)
    recording = load_recording(store, book_id, session, answer.get("recording"))
    spec = spec or recording.spec
    if spec.book_id != book_id:
        raise ConfigurationError(f"the spec trades book {spec.book_id!r}, not {book_id!r}; give a spec of the book's own")
    check = _check(desk, book_id, recording, spec, store)
    engine = check.engine
    return Parity(
        book_id=book_id,
        session=session,
        decided_at=recording.at,
        intents=_intents(answer),
        live=_rerun(check, answer, _decide_live),
        backtest=_rerun(check, answer, _decide_as_backtest),
        changed=what_changed(recording.parameters, fingerprints(engine.strategy, engine.simulator)),
    )


def _store(desk: Desk) -> TradingStore:
    if not isinstance(desk.store, SupportsTrading):
        raise ConfigurationError(f"live days lie in a store that keeps live books, such as SqlStore, not {desk.store!r}")
    return desk.store.trading


def _stored_answer(store: TradingStore, book_id: str, session: date) -> Answer:
    store.load(book_id)  # raises BookNotFound
    stored = store.decided(book_id, session, ENTRIES)
    if stored is None:
        raise BookError(f"book {book_id!r} decided nothing on {session}, so there is nothing to compare; name another session")
    answer: Answer = json.loads(stored)
    return answer


# -- what is decided on ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Check:
    """A recorded day, ready to be decided again."""

    recording: Recording
    engine: SessionEngine
    view: View
    book_id: str
    store: TradingStore
    unanswered: list[str] = field(default_factory=list[str])
    """Outside calls of the path at work whose answers are not stored."""

    def book(self) -> Book:
        """The book as it stood before the decision; a new one each time, since a path may change it."""
        return TradingState.load(self.book_id, self.recording.state).book

    def answer(self, underlying: str, expert: str, key: str, call: Callable[[], bytes]) -> bytes:  # noqa: ARG002 - never made
        """Feeds the stored answer of an outside call."""
        step = once_step(underlying, expert, key)
        known = self.store.decided(self.book_id, self.recording.session, step)
        if known is None:
            told = f"the outside call {key!r} of {expert!r} on {underlying!r} was not made on the day, and is not made now"
            self.unanswered.append(told)
            raise ComponentError(told)
        return known


def _check(desk: Desk, book_id: str, recording: Recording, spec: DaySpec, store: TradingStore) -> _Check:
    strategy, simulator = setup_of(spec, desk)
    market = market_of(desk, recording.bars, (recording.previous, recording.session))
    engine = SessionEngine(
        strategy=strategy,
        simulator=simulator,
        market=market,
        data=desk.market_data,
        mark=spec.mark,
        am_settlement=spec.am_settlement,
        next_session={recording.session: recording.following},
    )
    view = View(
        at=recording.at,
        session=recording.session,
        bars_through=recording.previous,
        bars=market.bars,
        features=market.features,
        chains=recording.chains,
        underlyings=tuple(strategy.underlyings),
    )
    check = _Check(recording=recording, engine=engine, view=view, book_id=book_id, store=store)
    try:
        check.book()
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"the recorded state of book {book_id!r} cannot be read: {type(error).__name__}: {error}") from error
    return check


# -- the two paths -----------------------------------------------------------------------------------------------------------


def _rerun(check: _Check, answer: Answer, path: Callable[[_Check, Answer], Rerun]) -> Rerun:
    """Runs a path; what it raises is a difference, since the day was decided."""
    check.unanswered.clear()
    try:
        rerun = path(check, answer)
    except StoreUnavailable:
        raise
    except OptarbError as error:
        rerun = Rerun(intents=(), differences=(f"nothing can be decided now: {type(error).__name__}: {error}",))
    unanswered = tuple(dict.fromkeys(check.unanswered))
    return Rerun(intents=rerun.intents, differences=(*unanswered, *rerun.differences))


def _decide_live(check: _Check, answer: Answer) -> Rerun:
    """The path of a live day."""
    signals = ask_experts(check.engine.strategy, check.view, check.answer)
    decided = decide(check.engine, check.view, check.book(), signals, at_most_usd=check.recording.at_most_usd)
    now: Answer = json.loads(json.dumps(decided))
    differences = [
        *_differences(_rows("signals", answer["signals"]), _rows("signals", now["signals"])),
        *_differences(_rows("verdicts", answer["verdicts"]), _rows("verdicts", now["verdicts"])),
        *_differences(_numbered(answer["entries"]), _numbered(now["entries"])),
    ]
    return Rerun(intents=_intents(now), differences=tuple(differences))


def _decide_as_backtest(check: _Check, answer: Answer) -> Rerun:
    """The path of a backtest: its signals phase stores rows, its trade phase reads them and sends orders to its broker."""
    strategy, number = check.engine.strategy, session_number(check.view.session)
    stored: list[Row] = []
    for position, (name, expert) in enumerate(strategy.experts.items()):
        judged = judge(
            name,
            expert,
            check.view,
            strategy.underlyings,
            warm_up=warm_up_of(name, expert),
            once_of=partial(calls_of, check.answer, name),
        )
        stored += [signal.row(number, position * len(strategy.underlyings) + at) for at, signal in judged]
    broker, recorder = _NotingBroker(check.engine.simulator), Recorder()
    recorder.begin(number)

    def pump() -> bool:
        broker.advance(check.view)
        return False

    state = SessionState(engine=check.engine, view=check.view, book=check.book(), broker=broker, pump=pump, recorder=recorder)
    signals = [ChosenSignal.from_row(row) for row in stored]
    entries(state, signals, last_session=False, at_most_usd=check.recording.at_most_usd)
    refused = [row for row in recorder.rows["verdicts"] if row[4] == "denied"]
    intents = tuple(map(_intent_of_order, broker.sent))
    differences = [
        *_differences(_rows("signals", answer["signals"]), _rows("signals", stored)),
        *_differences(_rows("verdicts", answer["verdicts"]), _rows("verdicts", refused)),
        *_differences(_numbered(map(_unit, _intents(answer))), _numbered(map(_unit, intents))),
    ]
    return Rerun(intents=intents, differences=tuple(differences))


class _NotingBroker(SimulatedBroker):
    """A backtest's broker that notes what it is sent."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__(simulator)
        self.sent: list[OrderIntent] = []

    def submit(self, order: OrderIntent) -> SubmitAnswer:
        self.sent.append(order)
        return super().submit(order)


# -- intents, and what differs -----------------------------------------------------------------------------------------------


def _intents(answer: Answer) -> tuple[str, ...]:
    return tuple(
        _intent(
            [[symbol, ratio * entry["units"]] for symbol, ratio in entry["legs"]],
            Decimal(entry["limit"]),
            entry["structure"],
            entry["units"],
        )
        for entry in answer["entries"]
    )


def _intent_of_order(order: OrderIntent) -> str:
    legs = [[leg.contract.symbol, leg.quantity] for leg in order.legs]
    return _intent(legs, order.limit, order.reason, order.units)


def _intent(legs: Sequence[Sequence[Any]], limit: Decimal | None, structure: str, units: int) -> str:
    fields = {"legs": legs, "limit": None if limit is None else str(limit), "structure": structure, "units": units}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def _unit(intent: str) -> dict[str, Any]:
    """Reads an intent with the legs of one unit, so that other units are told once and not at every leg."""
    fields: dict[str, Any] = json.loads(intent)
    return fields | {"legs": [[symbol, quantity // fields["units"]] for symbol, quantity in fields["legs"]]}


def _rows(table: str, rows: Sequence[Sequence[Any]]) -> _Labelled:
    """Rows of signals or verdicts, called by expert and underlying."""
    names = [column.name for column in TABLES[table].columns]
    kind = table.removesuffix("s")
    labelled: _Labelled = {}
    for row in rows:
        fields = dict(zip(names, row, strict=True))
        for place in ("session", "seq"):
            del fields[place]
        labelled[f"{kind} of {fields.pop('expert')!r} on {fields.pop('underlying')!r}"] = fields
    return labelled


def _numbered(found: Iterable[dict[str, Any]]) -> _Labelled:
    return {f"entry {number}": one for number, one in enumerate(found, 1)}


def _differences(recorded: _Labelled, now: _Labelled) -> Iterator[str]:
    """Says what differs between what was recorded and what comes out now."""
    for label in {**recorded, **now}:
        if label not in now:
            yield f"{label}: was {_shown(recorded[label])}, there is none now"
        elif label not in recorded:
            yield f"{label}: there was none, is {_shown(now[label])}"
        else:
            before, after = recorded[label], now[label]
            for name in {**before, **after}:
                if before.get(name) != after.get(name):
                    yield f"{label}: {name} was {_plain(before.get(name))}, is {_plain(after.get(name))}"


def _shown(fields: Mapping[str, Any]) -> str:
    """Writes a signal, a verdict or an entry in short."""
    if "verdict" in fields:
        return f"{fields['verdict']} ({fields['reason']})"
    if "direction" in fields:
        return f"{fields['direction']} {fields['confidence']} with {fields['legs'] or fields['no_fit']}"
    return f"{fields['units']} x {fields['structure']} at {fields['limit']}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
