"""What experts and policy say on one view and one book: pure, so that the live day and its check afterwards call the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from optarb._component import nested
from optarb.engine.entries import decide_entries
from optarb.engine.judging import judge, warm_up_of
from optarb.engine.recorder import Recorder
from optarb.engine.session_state import SessionState
from optarb.errors import ConfigurationError
from optarb.ledger.rows import session_number
from optarb.protocols import SupportsTraining

if TYPE_CHECKING:
    from optarb.brokers.simulator import Simulator
    from optarb.decisions import Entry
    from optarb.domain.quotes import Chain, Quote
    from optarb.engine.evaluation import ChosenSignal
    from optarb.engine.session import SessionEngine
    from optarb.engine.view import Once, View
    from optarb.ledger.book import Book
    from optarb.strategy import Strategy

__all__ = ["ENTRIES", "Answer", "Answers", "ask_experts", "calls_of", "decide", "once_step"]

ENTRIES = "entries"
"""The step of a session under which its decision is stored."""

Answer = dict[str, Any]
"""A decision as JSON values: ``at``, rows of ``signals`` and ``verdicts``, and ``entries``."""
Answers = Callable[[str, str, str, Callable[[], bytes]], bytes]
"""Answers an outside call of an expert: underlying, expert, key, and what makes the call."""


def once_step(underlying: str, expert: str, key: str) -> str:
    """Names the step of a session under which the answer of an outside call is stored."""
    return f"once/{underlying}/{expert}/{key}"


def ask_experts(strategy: Strategy, view: View, answers: Answers) -> list[ChosenSignal]:
    """Asks every expert about every underlying, in the order of the strategy.

    Args:
        strategy: With overrides.
        view: What may be known.
        answers: Answers the experts' outside calls.

    Raises:
        ConfigurationError: An expert trains, or one that it wraps.
        ComponentError: An expert raised, or returned what it may not.
        TransientError: An expert asked for another try.
    """
    found: list[ChosenSignal] = []
    for name, expert in strategy.experts.items():
        if any(isinstance(part, SupportsTraining) for _, part in nested(expert, name)):
            raise ConfigurationError(f"expert {name!r} trains; a live day has no models for it yet")
        judged = judge(
            name,
            expert,
            view,
            strategy.underlyings,
            warm_up=warm_up_of(name, expert),
            once_of=partial(calls_of, answers, name),
        )
        found.extend(signal for _, signal in judged)
    return found


def calls_of(answers: Answers, expert: str, underlying: str) -> Once:
    """Returns what answers the outside calls of one expert about one underlying."""
    return partial(answers, underlying, expert)


def decide(
    engine: SessionEngine, view: View, book: Book, signals: Sequence[ChosenSignal], *, at_most_usd: Decimal | None
) -> Answer:
    """Asks the policy about the signals. The book is read and not changed; no broker is asked.

    Args:
        engine: Strategy, simulator and the session after.
        view: What may be known.
        book: As it stands.
        signals: In the order of experts, then of underlyings.
        at_most_usd: What the broker lets new positions bind; None where it does not say.

    Raises:
        ComponentError: The policy or a model raised, or returned what it may not.
        TransientError: The policy asked for another try.
    """
    number = session_number(view.session)
    recorder = Recorder()
    recorder.begin(number)
    state = SessionState(engine=engine, view=view, book=book, broker=engine.simulator.broker(), pump=_still, recorder=recorder)
    chosen = decide_entries(state, signals, last_session=False, at_most_usd=at_most_usd)
    return {
        "at": view.at.isoformat(),
        "signals": [signal.row(number, seq) for seq, signal in enumerate(signals)],
        "verdicts": recorder.rows["verdicts"],
        "entries": [_entry(entry, engine.simulator, view.chains) for entry in chosen],
    }


def _entry(entry: Entry, simulator: Simulator, chains: Mapping[str, Chain]) -> Answer:
    """Everything an entry's orders are made of, so that nothing is read from newer quotes."""
    candidate = entry.candidate
    priced = zip(candidate.legs, candidate.quotes, strict=True)
    prices = [_leg_price(simulator.fills.fill_price(quote, leg.ratio), quote) for leg, quote in priced]
    return {
        "expert": candidate.expert,
        "underlying": candidate.underlying,
        "structure": candidate.structure,
        "legs": [[leg.contract.symbol, leg.ratio] for leg in candidate.legs],
        "prices": [str(price) for price in prices],
        "limit": str(candidate.premium_usd / candidate.legs[0].contract.multiplier),
        "units": entry.units,
        "margin": str(candidate.margin_usd),
        "capital": str(candidate.capital_usd),
        "requirement": None if candidate.requirement_usd is None else str(candidate.requirement_usd),
        "numbers": candidate.numbers,
        "spots": {symbol: str(chain.underlying_price) for symbol, chain in chains.items()},
    }


def _leg_price(price: Decimal | None, quote: Quote) -> Decimal:
    return quote.mid if price is None else price


def _still() -> bool:
    """The market moves by itself."""
    return False
