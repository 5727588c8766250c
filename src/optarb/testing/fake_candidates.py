"""A candidate for trying a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optarb.brokers import Simulator
from optarb.domain.signals import Direction, Signal
from optarb.engine.candidates import Refusal, price_signal
from optarb.engine.evaluation import evaluate_expert
from optarb.structures import LongCall
from optarb.testing.fake_views import fake_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optarb.decisions import Candidate
    from optarb.domain.legs import Structure
    from optarb.engine.view import ExpertView

__all__ = ["fake_candidate"]


def fake_candidate(
    structure: Structure | None = None,
    *,
    view: ExpertView | None = None,
    expert: str = "fake",
    direction: Direction = Direction.BULLISH,
    confidence: float = 0.7,
    reasons: Sequence[str] = ("made up",),
    simulator: Simulator | None = None,
) -> Candidate:
    """Prices a structure on a view as the engine does.

    Args:
        structure: What the signal would trade; None for an at-the-money call of about 30 days.
        view: Whose chains to price on; None for ``fake_view()``.
        expert: Name of the expert.
        direction: Expected direction.
        confidence: 0..1.
        reasons: The expert's reasons.
        simulator: Fill, fee and margin models; None for the defaults.

    Raises:
        ValueError: The engine would refuse the signal, such as for want of quotes.
    """
    seen = fake_view() if view is None else view
    models = Simulator() if simulator is None else simulator
    signal = Signal.one(direction, structure or LongCall(dte=30, moneyness=1.0), confidence=confidence, reasons=reasons)
    chosen = evaluate_expert(expert, lambda _: signal, seen)
    if chosen is None:
        raise AssertionError("a signal was given")
    priced = price_signal(chosen, seen.view, models.fills, models.fees, models.margin, last_session=False)
    if isinstance(priced, Refusal):
        raise ValueError(  # noqa: TRY004 - the value does not fit, not its type
            f"the engine refuses this candidate ({priced.rule}): {priced.reason}"
        )
    return priced
