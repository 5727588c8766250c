"""The result of a backtest, read from its book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optarb.errors import BookError
from optarb.specs import BacktestSummary

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.protocols import BacktestStore

__all__ = ["Result", "load_result"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A finished backtest. Everything is read from the store when it is asked for."""

    store: BacktestStore
    """Where the book is."""
    backtest_id: str
    """The book."""
    summary: BacktestSummary
    """The figures."""


def load_result(desk: Desk, backtest_id: str) -> Result:
    """Reads the result of a finished backtest.

    Args:
        desk: Whose store holds the book.
        backtest_id: The book.

    Raises:
        BookNotFound: No such book.
        BookError: The book is not finished.
    """
    info = desk.store.book(backtest_id)
    if info.status != "finished":
        raise BookError(f"book {backtest_id!r} is {info.status}, not finished; run it again with its backtest_id")
    summary = BacktestSummary.model_validate_json(info.documents["summary"])
    return Result(store=desk.store, backtest_id=backtest_id, summary=summary)
