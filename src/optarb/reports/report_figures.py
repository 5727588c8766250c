"""Figures that stand at the head of the HTML report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from optarb.domain.money import UNITS_PER_DOLLAR, to_units
from optarb.reports.equity_curve import buy_and_hold
from optarb.reports.metrics import drawdown, sharpe

if TYPE_CHECKING:
    from optarb.reports.summary_table import Facts
    from optarb.reports.trades import Trade

__all__ = [
    "CurveFigures",
    "TradeFigures",
    "capital_of",
    "curve_figures",
    "exposures",
    "held_instead",
    "monthly_returns",
    "trade_figures",
]

_DAYS_A_YEAR = 365.25
_LEAST_DAYS = 360
"""From the first session of a calendar year to its last there are at least so many."""
_SESSIONS_A_YEAR = 252


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveFigures:
    """Figures of an equity curve."""

    total_return: float
    """Of the capital, a fraction."""
    annual_return: float | None
    """Compound growth a year, a fraction; None for less than a year, which is not to be scaled up, or if all is lost."""
    volatility: float | None
    """Standard deviation (ddof 1) of daily returns times the square root of 252; None for fewer than two returns, or where
    the curve is zero or below before its end."""
    sharpe: float | None
    """As in the summary."""
    drawdown: float
    """Largest fall from the running peak, a fraction of the peak, zero or more."""
    drawdown_usd: float
    """The same in dollars; it may be at another place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFigures:
    """Figures of round trips; money in ledger units, after fees."""

    count: int
    """Round trips."""
    won: int
    """Round trips with a gain."""
    pnl: int
    """Sum."""
    fees: int
    """Fees of all."""
    profit_factor: float | None
    """Sum of gains by sum of losses; None without a loss."""
    best: int | None
    """Largest result; None without trades."""
    worst: int | None
    """Smallest result; None without trades."""
    held: float | None
    """Mean number of sessions held; None if none was closed."""

    @property
    def win_rate(self) -> float | None:
        """Share with a gain, 0..1; None without trades."""
        return self.won / self.count if self.count else None

    @property
    def average(self) -> int | None:
        """Mean result in ledger units; None without trades."""
        return round(self.pnl / self.count) if self.count else None


def curve_figures(curve: Sequence[float], first: date, last: date) -> CurveFigures:
    """Measures a curve.

    Args:
        curve: Dollars, one a session, beginning with the capital.
        first: The first session.
        last: The last session.
    """
    days = (last - first).days
    growth = curve[-1] / curve[0]
    fall = drawdown(curve)
    return CurveFigures(
        total_return=growth - 1,
        annual_return=growth ** (_DAYS_A_YEAR / days) - 1 if days >= _LEAST_DAYS and growth > 0 else None,
        volatility=_volatility(curve),
        sharpe=sharpe(curve),
        drawdown=fall.fraction,
        drawdown_usd=fall.usd,
    )


def _volatility(curve: Sequence[float]) -> float | None:
    if len(curve) < 3 or min(curve[:-1]) <= 0:
        return None
    returns = [after / before - 1 for before, after in itertools.pairwise(curve)]
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    return math.sqrt(variance * _SESSIONS_A_YEAR)


def trade_figures(trades: Iterable[Trade]) -> TradeFigures:
    """Adds up round trips.

    Args:
        trades: The round trips.
    """
    trades = list(trades)
    results = [trade.pnl for trade in trades]
    losses = -sum(result for result in results if result < 0)
    held = [trade.held_sessions for trade in trades if trade.held_sessions is not None]
    return TradeFigures(
        count=len(trades),
        won=sum(result > 0 for result in results),
        pnl=sum(results),
        fees=sum(trade.fees for trade in trades),
        profit_factor=sum(result for result in results if result > 0) / losses if losses else None,
        best=max(results, default=None),
        worst=min(results, default=None),
        held=sum(held) / len(held) if held else None,
    )


def held_instead(facts: Facts) -> Mapping[str, list[float]]:
    """Values the capital in each underlying over the run, in dollars, beginning with the capital; NaN where no close is known.

    Args:
        facts: What is stored.
    """
    capital = capital_of(facts) / UNITS_PER_DOLLAR
    return {symbol: [capital, *buy_and_hold(capital, closes)] for symbol, closes in facts.report["buy_and_hold"].items()}


def exposures(facts: Facts) -> list[float | None]:
    """Computes what open positions bind as a fraction of the equity, one a session; None where the equity is not positive.

    Args:
        facts: What is stored.
    """
    return [invested / equity if equity > 0 else None for invested, equity in zip(facts.invested, facts.equity, strict=True)]


def monthly_returns(facts: Facts) -> dict[int, dict[int, float | None]]:
    """Computes the return of each month that has a session, and of each year as month 0.

    Args:
        facts: What is stored.

    Returns:
        Fractions by year and month; None where the equity was not positive at the beginning.
    """
    ends: dict[tuple[int, int], int] = {}
    for session, equity in zip(facts.sessions, facts.equity, strict=True):
        ends[session.year, session.month] = ends[session.year, 0] = equity
    months: dict[int, dict[int, float | None]] = {}
    before_month = before_year = capital_of(facts)
    for (year, month), equity in sorted(ends.items()):
        before = before_month if month else before_year
        months.setdefault(year, {})[month] = equity / before - 1 if before > 0 else None
        if month:
            before_month = equity
        else:
            before_year = equity
    return months


def capital_of(facts: Facts) -> int:
    """Computes what the book began with, in ledger units.

    Args:
        facts: What is stored.
    """
    return to_units(facts.summary.final_equity_usd - facts.summary.pnl_usd)
