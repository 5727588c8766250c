"""Trying an expert out: one view, one answer."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import date
from typing import TYPE_CHECKING, Literal

from optarb.backtesting.claim import claim_book
from optarb.backtesting.context import RunContext
from optarb.backtesting.ingest import ingest_symbol
from optarb.backtesting.market_loader import load_market
from optarb.engine.evaluation import ChosenSignal, evaluate_expert
from optarb.engine.view import ExpertView
from optarb.errors import ConfigurationError
from optarb.specs import BacktestSpec
from optarb.stores import SqlStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from optarb.desk import Desk
    from optarb.domain.signals import Signal
    from optarb.protocols import Expert, MarketView

__all__ = ["evaluate", "view"]


def view(
    desk: Desk,
    underlying: str,
    session: date,
    *,
    strategy: str | None = None,
    bars: Literal["previous_session", "same_session"] = "previous_session",
) -> ExpertView:
    """Returns what an expert would see, exactly as in a backtest, without running one.

    Args:
        desk: Data and infrastructure. Its store is not touched.
        underlying: Symbol to be asked about.
        session: The session; must be one.
        strategy: Whose symbols the view shows; None for the first strategy that trades the underlying.
        bars: As in :class:`BacktestSpec`.

    Raises:
        ConfigurationError: No strategy trades the underlying.
        DataError: The session is none, or lies outside the data.
    """
    name = strategy or next((one.name for one in desk.strategies if underlying in one.underlyings), None)
    if name is None or underlying not in desk.strategy(name).underlyings:
        raise ConfigurationError(
            f"no strategy {'' if strategy is None else repr(strategy) + ' '}of the desk trades {underlying!r}; traded: "
            f"{sorted({symbol for one in desk.strategies for symbol in one.underlyings})}"
        )
    token = uuid.uuid4().hex
    aside = dataclasses.replace(desk, store=SqlStore(url="sqlite://", name=f"trial-{token}"))
    spec = BacktestSpec(strategy=name, start=session, end=session, backtest_id=token, bars=bars, allow_gaps=True)
    claim = claim_book(aside, spec, token, token)
    context = RunContext.open(aside, spec, token, claim.epoch)
    for symbol in context.plan.symbols:
        ingest_symbol(context, symbol, lambda *_: None)
    return ExpertView(
        underlying=underlying,
        model=None,
        view=load_market(context).view(session),
        once_by_key=lambda _, call: call(),
    )


def evaluate(expert: Expert | Callable[[MarketView], Signal | None], view: ExpertView) -> ChosenSignal | None:
    """Asks an expert about a view and lets its structure choose contracts, with the engine's checks.

    Args:
        expert: An expert or a function in its place.
        view: From :func:`view` or :func:`optarb.testing.fake_view`.

    Returns:
        The chosen signal with its legs or the reason why none fits; None if the expert has no opinion.

    Raises:
        ComponentError: The expert raised or returned what it may not.
    """
    return evaluate_expert(type(expert).__name__, expert, view)
