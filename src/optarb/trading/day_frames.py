"""A session's report as pandas frames; pandas is imported at the first call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from optarb.reports.frames import frame_of

if TYPE_CHECKING:
    from pandas import DataFrame

    from optarb.trading.day_report import HeldContract, SessionReport

__all__ = ["frames_of"]

_ORDER: Final = ("position_id", "purpose", "attempt", "units", "legs", "limit", "reason")
_HELD: Final = ("position_id", "contract", "quantity", "mark_usd", "price")


def frames_of(report: SessionReport) -> dict[str, DataFrame]:
    """Makes the frames of a session.

    Args:
        report: The session.
    """
    orders = [
        {"order_id": one.order_id, "decided_at": one.decided_at, "state": one.state}
        | {name: one.content.get(name) for name in _ORDER}
        for one in report.orders
    ]
    steps = [
        {"order_id": one.order_id, "at": step.at, "kind": step.kind, "detail": dict(step.detail)}
        for one in report.orders
        for step in one.steps
    ]
    marks = [
        {"at": mark.at, "cash_usd": mark.cash_usd, "equity_usd": mark.equity_usd} | _held(one)
        for mark in report.marks
        for one in mark.held
    ]
    return {
        **{table: frame_of(table, rows, exact=True) for table, rows in report.rows.items()},
        "orders": _frame(("order_id", "decided_at", "state", *_ORDER), orders, ("decided_at",)),
        "steps": _frame(("order_id", "at", "kind", "detail"), steps),
        "marks": _frame(("at", "cash_usd", "equity_usd", *_HELD), marks),
        "open_positions": _frame(_HELD, map(_held, report.open_positions), ()),
        "alarms": _frame(("at", "severity", "kind", "title", "text"), map(_fields, report.alarms)),
        "controls": _frame(("at", "halted", "flatten", "reason"), map(_fields, report.controls)),
    }


def _held(one: HeldContract) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _HELD}


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in type(one).__slots__}


def _frame(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], instants: Sequence[str] = ("at",)) -> DataFrame:
    """One row a mapping; the columns and the kind of instants do not depend on what is in it."""
    from pandas import DataFrame, to_datetime

    found = list(rows)
    frame = DataFrame({name: [row[name] for row in found] for name in columns}, columns=list(columns), dtype="object")
    return frame.assign(**{name: to_datetime(frame[name], utc=True).astype("datetime64[ns, UTC]") for name in instants})
