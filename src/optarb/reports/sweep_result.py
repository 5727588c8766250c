"""The result of a sweep, read from the books of its settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from optarb.domain.money import to_units
from optarb.errors import BookError, BookNotFound, UnknownName
from optarb.ledger.rows import TABLES, session_date
from optarb.reports.result import Result
from optarb.specs import BacktestSummary, SweepSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame, Series

    from optarb.desk import Desk
    from optarb.protocols import BacktestStore, BookInfo

__all__ = ["SweepResult", "load_sweep", "setting_books"]

_METRICS: Final = {
    "sessions": "Int64",
    "trades": "Int64",
    "final_equity_usd": "float64",
    "pnl_usd": "float64",
    "fees_usd": "float64",
    "max_drawdown": "float64",
    "sharpe": "float64",
    "modelled": "boolean",
    "digest": "str",
    "duration": "timedelta64[ns]",
}
"""Columns of the table that come from a summary."""

_LESS_IS_BETTER: Final = frozenset({"fees_usd", "max_drawdown"})
_COMPARABLE: Final = ("sharpe", "pnl_usd", "final_equity_usd", "max_drawdown", "fees_usd", "trades")
_SHOWN_ROWS: Final = 60
_EQUITY: Final = [column.name for column in TABLES["equity"].columns].index("equity")


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResult:
    """A sweep, finished or not. Everything is read from the store when it is asked for; no setting's ledger is held."""

    store: BacktestStore
    """Where the books are."""
    sweep: SweepSpec
    """What was swept, with its id."""

    @property
    def sweep_id(self) -> str:
        """The sweep's id; the book of setting ``n`` is ``<sweep_id>/<n>``."""
        return self.sweep.sweep_id or ""

    def table(self) -> DataFrame:
        """Returns one row a setting, with the index ``number``.

        First what the setting overrides, a column a path (empty where a setting leaves a path alone); then ``backtest_id``,
        ``status`` (``finished``, ``failed``, ``cancelled``, ``running``, or ``pending``: not begun), ``error``, and the figures
        of the summary. Settings that did not finish have no figures; columns and dtypes do not depend on that.
        """
        from pandas import DataFrame, RangeIndex, Series

        books = setting_books(self.store, self.sweep)
        numbers = RangeIndex(self.sweep.count, name="number")
        overrides = [self.sweep.overrides(number) for number in numbers]
        columns: dict[str, Series[Any]] = {
            path: _override_column([one.get(path) for one in overrides]) for path in self.sweep.paths
        }
        columns["backtest_id"] = Series([f"{self.sweep_id}/{number}" for number in numbers], dtype="str")
        columns["status"] = Series(["pending" if book is None else book.status for book in books], dtype="str")
        columns["error"] = Series([None if book is None else book.error for book in books], dtype="str")
        summaries = [_summary(book) for book in books]
        for name, dtype in _METRICS.items():
            columns[name] = Series([_figure(summary, name) for summary in summaries], dtype=dtype)
        return DataFrame(columns).set_index(numbers)

    def returns(self) -> DataFrame:
        """Returns the daily equity returns: one row a session, with the index ``session``, and one column a finished setting.

        A return is equity at the end of the session / equity at the end of the session before - 1; the first one is on the
        capital. Settings that did not finish have no column. NaN stands where a setting did not run in a session that
        another one ran in, and after its equity fell to zero or below.
        """
        from pandas import DataFrame, DatetimeIndex, Index, concat

        columns = [
            self._returns(number, summary)
            for number, book in enumerate(setting_books(self.store, self.sweep))
            if (summary := _summary(book)) is not None
        ]
        if not columns:
            return DataFrame(index=DatetimeIndex([], dtype="datetime64[ns]", name="session"), columns=Index([], dtype="int64"))
        frame = concat(columns, axis=1).sort_index()
        frame.columns.name = "number"
        return frame

    def result(self, number: int) -> Result:
        """Returns the whole result of one setting.

        Args:
            number: From the index of :meth:`table`.

        Raises:
            UnknownName: No such setting.
            BookError: It did not finish; the message tells its status and its error.
        """
        if not 0 <= number < self.sweep.count:
            raise UnknownName(f"sweep {self.sweep_id!r} has settings 0 to {self.sweep.count - 1}, not {number!r}")
        book = setting_books(self.store, self.sweep, number)[0]
        summary = _summary(book)
        if book is None or summary is None:
            status = "not begun" if book is None else f"{book.status}: {book.error}" if book.error else book.status
            raise BookError(f"setting {number} of sweep {self.sweep_id!r} is {status}; run the sweep again with its sweep_id")
        return Result(store=self.store, backtest_id=book.book_id, summary=summary)

    def best(self, by: str = "sharpe") -> int:
        """Returns the number of the best finished setting: the greatest figure, of drawdown and fees the smallest.

        The best of many is better than what it will earn: the more settings, the more by luck alone.

        Args:
            by: A figure of the table: ``sharpe``, ``pnl_usd``, ``final_equity_usd``, ``max_drawdown``, ``fees_usd`` or
                ``trades``. Of equal ones the first wins; settings without the figure do not count.

        Raises:
            UnknownName: No such figure.
            BookError: No setting has it.
        """
        if by not in _COMPARABLE:
            raise UnknownName.of("figure", by, _COMPARABLE)
        figures = self.table()[by].dropna()
        if figures.empty:
            raise BookError(f"no setting of sweep {self.sweep_id!r} has a {by}; see its table for statuses and errors")
        place = figures.argmin() if by in _LESS_IS_BETTER else figures.argmax()
        return int(figures.index[int(place)])

    def __str__(self) -> str:
        table = self._shown()
        return f"{self._headline(table)}\n\n{table.head(_SHOWN_ROWS).to_string()}{self._more(table)}"

    def _repr_html_(self) -> str:
        table = self._shown()
        rows = table.head(_SHOWN_ROWS).to_html(escape=True)
        return f"<p>{escape(self._headline(table))}</p>{rows}<p>{escape(self._more(table))}</p>"

    def _shown(self) -> DataFrame:
        """The columns that fit on a page; errors only where there are any."""
        table = self.table()
        hidden = ["backtest_id", "sessions", "final_equity_usd", "modelled", "digest", "duration"]
        return table.drop(columns=[*hidden, *(["error"] if table["error"].isna().all() else [])])

    def _headline(self, table: DataFrame) -> str:
        spec, finished = self.sweep.spec, int((table["status"] == "finished").sum())
        settings = f"{finished:,} of {len(table):,} settings finished"
        return f"Sweep {self.sweep_id}: {spec.strategy}, {spec.start} to {spec.end}, {settings}"

    def _more(self, table: DataFrame) -> str:
        left = len(table) - _SHOWN_ROWS
        return f"\n... and {left:,} more; see table()" if left > 0 else ""

    def _returns(self, number: int, summary: BacktestSummary) -> Series[float]:
        from pandas import DatetimeIndex, Series

        rows = self.store.rows(summary.backtest_id, "equity")
        curve = [to_units(summary.final_equity_usd - summary.pnl_usd), *(int(row[_EQUITY] or 0) for row in rows)]
        values = [after / before - 1.0 if before > 0 else float("nan") for before, after in pairwise(curve)]
        sessions = DatetimeIndex([session_date(int(row[0] or 0)) for row in rows], dtype="datetime64[ns]", name="session")
        return Series(values, index=sessions, dtype="float64", name=number)


def setting_books(store: BacktestStore, sweep: SweepSpec, number: int | None = None) -> Sequence[BookInfo | None]:
    """Returns the books of a sweep's settings in their order; None for those not begun.

    Args:
        store: Where they are.
        sweep: The sweep, with its id.
        number: Only this setting; None for all.
    """
    numbers = range(sweep.count) if number is None else (number,)
    return [_book(store, f"{sweep.sweep_id}/{one}") for one in numbers]


def load_sweep(desk: Desk, sweep_id: str) -> SweepResult:
    """Reads a sweep, finished or not.

    Args:
        desk: Whose store holds its books.
        sweep_id: The sweep.

    Raises:
        BookNotFound: No such sweep.
        BookError: The book of that id belongs to a single backtest.
    """
    document = desk.store.book(sweep_id).documents.get("sweep")
    if document is None:
        raise BookError(f"book {sweep_id!r} is a single backtest, not a sweep; read it with load_result")
    return SweepResult(store=desk.store, sweep=SweepSpec(**json.loads(document)))


def _book(store: BacktestStore, book_id: str) -> BookInfo | None:
    try:
        return store.book(book_id)
    except BookNotFound:
        return None


def _summary(book: BookInfo | None) -> BacktestSummary | None:
    if book is None or book.status != "finished":
        return None
    return BacktestSummary.model_validate_json(book.documents["summary"])


def _figure(summary: BacktestSummary | None, name: str) -> Any:
    if summary is None:
        return None
    value = getattr(summary, name)
    if name.endswith("_usd"):
        return float(value)
    return value


def _override_column(values: list[Any]) -> Series[Any]:
    """One dtype for values of one type, whole numbers among floats included; else objects as they are."""
    from pandas import Series

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and float in kinds:
        return Series(values, dtype="float64")
    for kind, dtype in ((bool, "boolean"), (int, "Int64"), (str, "str")):
        if kinds == {kind}:
            return Series(values, dtype=dtype)
    return Series(values, dtype="object")
