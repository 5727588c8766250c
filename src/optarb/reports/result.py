"""The result of a backtest, read from its book."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optarb.domain.money import to_units
from optarb.errors import BookError
from optarb.ledger.rows import session_date
from optarb.reports.csv_files import write_csv_files
from optarb.reports.equity_curve import equity_frame
from optarb.reports.explain import Explanation, explain_trade
from optarb.reports.frames import frame_of, trades_frame
from optarb.reports.summary_table import Facts, Section, sections_html, sections_of, sections_text
from optarb.reports.trades import named_rows, read_trades
from optarb.specs import BacktestSummary

if TYPE_CHECKING:
    from pandas import DataFrame

    from optarb.desk import Desk
    from optarb.protocols import BacktestStore

__all__ = ["Result", "load_result"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """A finished backtest. Everything is read from the store when it is asked for.

    Frames keep their columns and dtypes when they are empty. Sessions are ``datetime64``, instants are in UTC. Columns
    of money end in ``_usd``: prices are dollars a share, everything else dollars; floats, or ``Decimal`` with
    ``exact=True``.
    """

    store: BacktestStore
    """Where the book is."""
    backtest_id: str
    """The book."""
    summary: BacktestSummary
    """The figures."""

    def trades(self, *, exact: bool = False) -> DataFrame:
        """Returns one row a position, in the order of opening, with the index ``trade_id``.

        ``pnl_usd`` is after fees. ``return_on_premium`` and ``return_on_risk`` are before fees, as exits see them:
        fractions of the premium paid or received, and of the premium paid or else the maximum loss (NaN where that is
        unbounded). ``modelled`` says whether any fill came from a modelled quote.

        Args:
            exact: Whether money is ``Decimal``.
        """
        return trades_frame(read_trades(self.store, self.backtest_id), exact=exact)

    def equity(self, *, exact: bool = False) -> DataFrame:
        """Returns one row a session, with the index ``session``, as the book stood at the end of it.

        ``drawdown`` (a fraction, zero or more) and ``drawdown_usd`` are the fall of ``equity_usd`` from its running
        peak, which begins with the capital. ``buy_and_hold_<symbol>_usd`` is what the capital had become in the
        underlying, bought at the first session's close. ``unquoted`` counts contracts that kept an older mark,
        ``has_chain`` says whether the session had quotes at all.

        Args:
            exact: Whether money is ``Decimal``.
        """
        report = self.report()
        rows = named_rows(self.store, self.backtest_id, "equity")
        return equity_frame(rows, self._capital, report["buy_and_hold"], exact=exact)

    def denials(self) -> DataFrame:
        """Returns every candidate that did not become a position, and why.

        ``verdict`` is ``denied`` (by the engine, the exits or the policy), ``rejected`` (by the broker) or
        ``unfilled``; ``rule`` the short name, ``reason`` the words and ``numbers`` a dict of the figures that decided,
        as text.
        """
        rows = named_rows(self.store, self.backtest_id, "verdicts")
        return frame_of("verdicts", (row for row in rows if row["position_id"] is None))

    def signals(self) -> DataFrame:
        """Returns every signal: its best proposal with the legs that fit, or ``no_fit`` with the reason why none does.

        ``reasons`` is a list of the expert's words; ``proposals`` a list of direction, structure and confidence.
        """
        return self._frame("signals")

    def intents(self, *, exact: bool = False) -> DataFrame:
        """Returns every order as it was sent. ``limit_usd`` is the worst net price of one unit a share.

        Args:
            exact: Whether money is ``Decimal``.
        """
        return self._frame("intents", exact=exact)

    def fills(self, *, exact: bool = False) -> DataFrame:
        """Returns every fill of a leg with the quote it was made on, when that was taken and whether it was modelled.

        Args:
            exact: Whether money is ``Decimal``.
        """
        return self._frame("fills", exact=exact)

    def events(self, *, exact: bool = False) -> DataFrame:
        """Returns what ended contracts without an order, such as a settlement. ``cash_usd`` is after fees.

        Args:
            exact: Whether money is ``Decimal``.
        """
        return self._frame("events", exact=exact)

    def exits(self, *, exact: bool = False) -> DataFrame:
        """Returns every decision to end a position, with value and gain before fees.

        An exit that did not fill stands here again in the session of the next try.

        Args:
            exact: Whether money is ``Decimal``.
        """
        return self._frame("exits", exact=exact)

    def marks(self, *, exact: bool = False) -> DataFrame:
        """Returns what every contract held at the end of a session was marked at; not ``quoted``: at an older mark.

        Args:
            exact: Whether money is ``Decimal``.
        """
        return self._frame("marks", exact=exact)

    def notes(self) -> DataFrame:
        """Returns the position manager's notes, each a dict."""
        return self._frame("notes")

    def report(self) -> dict[str, Any]:
        """Returns the stored provenance: spec, data digests, components, libraries, counts by kind and assumptions."""
        documents = self.store.book(self.backtest_id).documents
        return {**json.loads(documents["report"]), "spec": json.loads(documents["spec"])}

    def explain(self, trade_id: str) -> Explanation:
        """Tells a trade's story: signals, verdicts, orders, quotes at the fills, marks day by day and the exit.

        Args:
            trade_id: From the index of :meth:`trades`.

        Raises:
            UnknownName: No such trade.
        """
        return explain_trade(self.store, self.backtest_id, trade_id)

    def to_csv(self, folder: str | Path) -> tuple[Path, ...]:
        """Writes one CSV file a table, money exact; equal ledgers give equal bytes.

        Args:
            folder: Made if it does not exist; files of the same names in it are replaced.

        Returns:
            The files.

        Raises:
            ConfigurationError: The folder cannot be made or written to.
        """
        frames = {
            "trades": self.trades(exact=True),
            "equity": self.equity(exact=True),
            "denials": self.denials(),
            **{table: self._frame(table, exact=True) for table in _LEDGER_FILES},
        }
        return write_csv_files(folder, frames)

    def to_html(self, path: str | Path) -> Path:
        """Writes a report to look at and to send: one file of about 5 MB that needs no network.

        It holds the figures, charts of equity, trades and exposure, monthly returns, all trades, what was quoted and
        what was modelled, the assumptions and the provenance. Equal books give equal bytes with one version of plotly.

        Args:
            path: The file; it is replaced, and its folder is made if it does not exist.

        Returns:
            The file.

        Raises:
            MissingExtra: plotly is not installed.
            ConfigurationError: The file cannot be written.
        """
        from optarb.reports.html_report import write_html_report

        return write_html_report(path, self._facts())

    def __str__(self) -> str:
        return sections_text(self._sections())

    def _repr_html_(self) -> str:
        return sections_html(self._sections())

    def _frame(self, table: str, *, exact: bool = False) -> DataFrame:
        return frame_of(table, named_rows(self.store, self.backtest_id, table), exact=exact)

    @property
    def _capital(self) -> int:
        return to_units(self.summary.final_equity_usd - self.summary.pnl_usd)

    def _sections(self) -> tuple[Section, ...]:
        return sections_of(self._facts())

    def _facts(self) -> Facts:
        equity = list(named_rows(self.store, self.backtest_id, "equity"))
        fills = named_rows(self.store, self.backtest_id, "fills")
        return Facts(
            summary=self.summary,
            report=self.report(),
            trades=read_trades(self.store, self.backtest_id),
            sessions=[session_date(row["session"]) for row in equity],
            equity=[row["equity"] for row in equity],
            invested=[row["invested"] for row in equity],
            open_positions=[row["open_positions"] for row in equity],
            unquoted=sum(row["unquoted"] for row in equity),
            fills=[(row["taken_at"], bool(row["modelled"])) for row in fills],
        )


_LEDGER_FILES = ("signals", "intents", "fills", "events", "exits", "marks", "notes")


def load_result(desk: Desk, backtest_id: str) -> Result:
    """Reads the result of a finished backtest.

    Args:
        desk: Whose store holds the book.
        backtest_id: The book.

    Raises:
        BookNotFound: No such book.
        BookError: The book is not finished, or is a sweep's.
    """
    info = desk.store.book(backtest_id)
    if "sweep" in info.documents:
        raise BookError(f"book {backtest_id!r} is a sweep; read it with load_sweep, or name one of its settings")
    if info.status != "finished":
        raise BookError(f"book {backtest_id!r} is {info.status}, not finished; run it again with its backtest_id")
    summary = BacktestSummary.model_validate_json(info.documents["summary"])
    return Result(store=desk.store, backtest_id=backtest_id, summary=summary)
