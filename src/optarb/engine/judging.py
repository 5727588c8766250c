"""What one expert says of a view, underlying after underlying: the same in a backtest, in a live day and in its check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from optarb.engine.evaluation import evaluate_expert
from optarb.engine.view import ExpertView
from optarb.errors import ComponentError
from optarb.protocols.experts import SupportsWarmUp

if TYPE_CHECKING:
    from optarb.engine.evaluation import ChosenSignal
    from optarb.engine.view import Once, View
    from optarb.protocols import Model

__all__ = ["judge", "warm_up_of"]


def judge(
    name: str,
    expert: Any,
    view: View,
    underlyings: Sequence[str],
    *,
    warm_up: int,
    once_of: Callable[[str], Once],
    model_of: Callable[[str], Model | None] = lambda _: None,
    skipped: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[int, ChosenSignal]]:
    """Asks an expert about every underlying of a view and lets its structures choose.

    Args:
        name: The expert's name in the strategy.
        expert: The expert, or a function in its place.
        view: What may be known.
        underlyings: Symbols to ask about, in the strategy's order.
        warm_up: Bars that must be visible; see :func:`warm_up_of`.
        once_of: For an underlying, what makes the expert's outside calls.
        model_of: For an underlying, the newest model that may be known; None for an expert that does not train.
        skipped: Told why an underlying was not asked about: ``not_warmed_up`` or ``no_chain``.

    Yields:
        The place of the underlying and the signal, for each that the expert has an opinion on.

    Raises:
        ComponentError: The expert or its structure raised, or returned what it may not.
        TransientError: The expert asked for another try.
    """
    for place, underlying in enumerate(underlyings):
        if view.visible(underlying) < warm_up:
            skipped("not_warmed_up")
            continue
        if not view.chains:
            skipped("no_chain")
            continue
        seen = ExpertView(underlying=underlying, model=model_of(underlying), view=view, once_by_key=once_of(underlying))
        signal = evaluate_expert(name, expert, seen)
        if signal is not None:
            yield place, signal


def warm_up_of(name: str, expert: object) -> int:
    """Returns how many bars an expert needs, at least 1.

    Args:
        name: The expert's name in the strategy.
        expert: The expert, or a function in its place.

    Raises:
        ComponentError: It asks for something else than a number of bars.
    """
    if not isinstance(expert, SupportsWarmUp):
        return 1
    bars: object = expert.warm_up
    if not isinstance(bars, int) or bars < 0:
        raise ComponentError(f"expert {name!r}: warm_up must be a whole number of bars, got {bars!r}")
    return max(bars, 1)
