"""Phase 2b: experts that train are fitted at their cut-offs. A model belongs to its cut-off, never to a block."""

from __future__ import annotations

import hashlib
import json
import threading
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from optarb._component import nested
from optarb.backtesting.arrow import digest_of
from optarb.backtesting.commit import commit_unit
from optarb.backtesting.ingest import ingested
from optarb.backtesting.market_loader import load_market
from optarb.desk.intake import component_identity, library_versions
from optarb.engine.calling import called
from optarb.engine.view import ExpertView
from optarb.errors import ComponentError, ConfigurationError, DataChanged
from optarb.protocols.experts import SupportsTraining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optarb.backtesting.context import RunContext, Tick, Training
    from optarb.strategy import Strategy

__all__ = ["PHASE", "ModelShelf", "TrainedModel", "fit_model", "planned_trainings"]

PHASE = "training"

T = TypeVar("T")

_loaded: dict[tuple[str, str], Any] = {}
_lock = threading.Lock()
_KEPT = 256
"""Loaded models kept in a process."""


def trained_part(name: str, expert: object) -> tuple[str, SupportsTraining] | None:
    """Finds the component that trains in an expert, which may be the expert itself or one it wraps.

    Args:
        name: The expert's name.
        expert: The expert.

    Returns:
        Its path and itself; None if nothing trains.

    Raises:
        ConfigurationError: More than one trains; a view shows one model.
    """
    found = [(path, part) for path, part in nested(expert, name) if isinstance(part, SupportsTraining)]
    if len(found) > 1:
        raise ConfigurationError(
            f"expert {name!r}: {', '.join(path for path, _ in found)} all train, but a view shows one model; make them experts"
        )
    return found[0] if found else None


def planned_trainings(strategy: Strategy, history: Sequence[date], last: date) -> tuple[tuple[str, str, date], ...]:
    """Asks every expert that trains for its cut-offs.

    Args:
        strategy: The strategy.
        history: Sessions from ``history_start`` to the end of the run.
        last: Last session whose bar a view of the run shows; later cut-offs are left out.

    Returns:
        Expert, underlying and cut-off of every fit, in the order of experts, underlyings and time.

    Raises:
        ComponentError: A cut-off that is no session, or out of order.
    """
    planned: list[tuple[str, str, date]] = []
    for name, expert in strategy.experts.items():
        part = trained_part(name, expert)
        if part is None:
            continue
        cutoffs = list(called(f"cutoffs of {part[0]!r}", part[1].cutoffs, tuple(history)))
        if any(cutoff not in set(history) for cutoff in cutoffs) or cutoffs != sorted(set(cutoffs)):
            raise ComponentError(f"cutoffs of {part[0]!r} must be sessions of the history in order, each once, got {cutoffs}")
        planned.extend((name, symbol, one) for symbol in strategy.underlyings for one in cutoffs if one <= last)
    return tuple(planned)


def fit_model(context: RunContext, training: Training, tick: Tick) -> bool:
    """Fits one model, or finds it in the cache.

    Args:
        context: The run, after its features.
        training: Which.
        tick: Called when it is done.

    Returns:
        True if this call did the work, False if it was done before.

    Raises:
        ComponentError: The expert raised, or returned something other than bytes.
    """
    if (training.unit, 0) in context.store.done(context.book_id, PHASE):
        return False
    content = _fitted(context, training)
    tick(PHASE, 1, 1)
    return commit_unit(context, PHASE, training.unit, {"digest": digest_of(content)})


def _fitted(context: RunContext, training: Training) -> bytes:
    part = trained_part(training.expert, context.setup.strategy.experts[training.expert])
    assert part is not None  # noqa: S101 - the plan names experts that train
    key = _key(context, training, part[1])
    cached = None if key is None else context.desk.cache.get(key)
    if cached is not None:
        return bytes(cached)
    view = ExpertView(
        underlying=training.underlying,
        model=None,
        view=load_market(context).view_at_cutoff(training.cutoff),
        once_by_key=lambda _, call: call(),
    )
    content = called(f"training of {part[0]!r} on {training.underlying!r}, cut-off {training.cutoff}", part[1].fit, view)
    if not isinstance(content, bytes):
        raise ComponentError(f"fit of {part[0]!r} must return bytes, got {type(content).__name__}")
    if key is not None:
        context.desk.cache.put(key, content)
    return content


def _key(context: RunContext, training: Training, part: object) -> str | None:
    """Cache key of a model: everything its view could show, and the code that fits it."""
    identity = component_identity(part)
    indicators = [component_identity(one) for one in context.desk.indicators]
    if any(one["source"] is None for one in (identity, *indicators)):
        return None
    bars = {symbol: facts["bars"]["digest"] for symbol, facts in ingested(context).items()}
    parts = [identity, indicators, bars, training.underlying, str(training.cutoff), library_versions()]
    return "model/" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model as an expert sees it."""

    cutoff: date
    """Last session whose bars the training saw."""
    digest: str
    """SHA-256 of the content."""
    content: Callable[[], bytes]
    """Reads the bytes."""

    def load(self, loader: Callable[[bytes], T]) -> T:
        """Turns the bytes into the expert's own object, once per process; see :class:`optarb.Model`."""
        key = (self.digest, f"{loader.__module__}:{loader.__qualname__}")
        with _lock:
            if key not in _loaded:
                while len(_loaded) >= _KEPT:
                    del _loaded[next(iter(_loaded))]
                _loaded[key] = loader(self.content())
            found: T = _loaded[key]
        return found


class ModelShelf:
    """The models of one expert, by underlying and cut-off."""

    def __init__(self, context: RunContext, expert: str) -> None:
        """Reads which models were fitted.

        Args:
            context: The run, after its training.
            expert: Name of the expert.
        """
        self.expert = expert
        digests = {
            checkpoint.key.unit: json.loads(checkpoint.state)["digest"]
            for checkpoint in context.store.checkpoints(context.book_id, PHASE)
        }
        self._context = context
        self._models: dict[str, list[TrainedModel]] = {}
        for training in context.plan.trainings:
            if training.expert == expert:
                self._models.setdefault(training.underlying, []).append(self._model(training, digests[training.unit]))

    def newest(self, underlying: str, through: date) -> TrainedModel | None:
        """Returns the newest model whose cut-off is not after a session, or None."""
        models = self._models.get(underlying, [])
        number = bisect_right([model.cutoff for model in models], through)
        return models[number - 1] if number else None

    def _model(self, training: Training, digest: str) -> TrainedModel:
        def content() -> bytes:
            found = _fitted(self._context, training)
            if digest_of(found) != digest:
                raise DataChanged(
                    f"fitting {training.unit} again gives another model; fit must give the same bytes for the same view"
                )
            return found

        return TrainedModel(cutoff=training.cutoff, digest=digest, content=content)
