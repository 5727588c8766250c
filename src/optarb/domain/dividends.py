"""Cash dividends of a share, and what those to come will probably be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

__all__ = ["Dividend", "with_estimates"]

_YEAR = timedelta(days=370)
_SAME = timedelta(days=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dividend:
    """One cash dividend.

    Raises:
        ValueError: The amount is not a positive Decimal.
    """

    ex_date: date
    """First session on which the share trades without it; who holds it on the evening before is paid."""
    amount: Decimal
    """Dollars a share, positive."""
    announced: bool = True
    """Whether it is announced or was paid; False for an estimate."""

    def __post_init__(self) -> None:
        amount: object = self.amount
        if not isinstance(amount, Decimal) or not amount.is_finite() or amount <= 0:
            raise ValueError(f"a dividend must be a positive Decimal of dollars a share, got {amount!r}")


def with_estimates(known: Iterable[Dividend], through: date) -> Sequence[Dividend]:
    """Adds estimates of what is not announced yet: what was paid within a year comes again each year.

    It comes in the same month on the same weekday of the same week (a third Friday on a third Friday), with the same amount.
    What would come up to 20 days after the last one that is known counts as that one. A special dividend is repeated too: a
    source that knows better gives estimates of its own.

    Args:
        known: In any order.
        through: Last ex-date of an estimate.

    Returns:
        Known ones and estimates by ex-date; nothing where nothing is known.
    """
    found = sorted(known, key=lambda one: one.ex_date)
    if not found:
        return ()
    last = found[-1].ex_date
    cycle = [one for one in found if one.ex_date > last - _YEAR]
    for years in range(1, through.year - last.year + 2):
        for one in cycle:
            again = _same_weekday(one.ex_date, one.ex_date.year + years)
            if last + _SAME < again <= through:
                found.append(Dividend(ex_date=again, amount=one.amount, announced=False))
    return tuple(sorted(found, key=lambda one: one.ex_date))


def _same_weekday(day: date, year: int) -> date:
    """The date of the same weekday of the same week in the same month; of the last week where that month has one less."""
    first = date(year, day.month, 1)
    same = first + timedelta(days=(day.weekday() - first.weekday()) % 7 + (day.day - 1) // 7 * 7)
    return same if same.month == day.month else same - timedelta(days=7)
