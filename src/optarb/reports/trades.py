"""Round trips, folded from a book's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from optarb.domain.contracts import OptionContract
from optarb.domain.money import from_units, to_units
from optarb.ledger.margin import payoff_bounds
from optarb.ledger.rows import TABLES, session_date

if TYPE_CHECKING:
    from optarb.protocols import BacktestStore

__all__ = ["Trade", "named_rows", "read_trades"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One position from its opening to its end; money in ledger units of 1/10,000 dollar for the whole position."""

    trade_id: str
    """The position's id, such as ``"20140203.1"``: opening session and number."""
    expert: str
    """Name of the expert."""
    underlying: str
    """Symbol the signal was about."""
    direction: str
    """Expected direction."""
    structure: str
    """The structure, in words."""
    confidence: float
    """The signal's, 0..1."""
    units: int
    """Units opened."""
    legs: str
    """Contracts that were opened, in all, such as ``"+1 SPXW180131C02800000"``."""
    opened: date
    """Session of the last opening fill."""
    closed: date | None
    """Session in which the last contract went; None while the position is open."""
    held_sessions: int | None
    """Sessions from ``opened`` to ``closed``; None while open."""
    exit_reason: str
    """Why it ended; empty while open."""
    premium: int
    """Net cash paid at the opening before fees; positive for a debit, negative for a credit."""
    proceeds: int
    """Net cash received since, before fees."""
    fees: int
    """All fees."""
    max_loss: int | None
    """Largest loss the opened legs could make at expiry, before fees, zero or more; None if it is unbounded."""
    modelled: bool
    """Whether any fill was made on a modelled quote."""

    @property
    def gain(self) -> int:
        """Proceeds less premium, before fees; only final once the trade is closed."""
        return self.proceeds - self.premium

    @property
    def pnl(self) -> int:
        """Result after fees; only final once the trade is closed."""
        return self.gain - self.fees

    @property
    def return_on_premium(self) -> float | None:
        """Gain before fees as a fraction of the premium paid or the credit received; None if there was neither."""
        return self.gain / abs(self.premium) if self.premium else None

    @property
    def return_on_risk(self) -> float | None:
        """Gain before fees as a fraction of the premium paid, else of the maximum loss.

        None where that is unbounded or zero.
        """
        basis = self.premium if self.premium > 0 else self.max_loss
        return self.gain / basis if basis else None


@dataclass(slots=True)
class _Lot:
    """One contract of a position while its rows are folded."""

    opened: int = 0
    cost: int = 0
    """Sum of opening prices times contracts, ledger units a share."""
    held: int = 0


@dataclass(slots=True)
class _Fold:
    """A position while its rows are folded."""

    lots: dict[str, _Lot] = field(default_factory=dict[str, _Lot])
    opened: int = 0
    last: int = 0
    """The newest session in which contracts came or went."""
    premium: int = 0
    proceeds: int = 0
    fees: int = 0
    modelled: bool = False
    exit: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def fill(self, row: Mapping[str, Any]) -> None:
        lot = self.lots.setdefault(row["contract"], _Lot())
        quantity, cash = row["quantity"], row["cash"]
        self.fees += row["fees"]
        self.modelled |= bool(row["modelled"])
        if row["purpose"] == "open":
            self.opened = row["session"]
            self.premium -= cash
            lot.opened += quantity
            lot.cost += row["price"] * quantity
        else:
            self.proceeds += cash
        self._move(lot, quantity, row["session"])

    def event(self, row: Mapping[str, Any]) -> None:
        """Ends a lot without an order: the row's quantity is what was held, its cash what came in after fees."""
        gross = row["price"] * row["quantity"] * _multiplier(row["contract"])
        self.proceeds += gross
        self.fees += gross - row["cash"]
        self._move(self.lots[row["contract"]], -row["quantity"], row["session"])

    def _move(self, lot: _Lot, quantity: int, session: int) -> None:
        lot.held += quantity
        self.last = max(self.last, session)

    def max_loss(self) -> int | None:
        holdings = [
            (OptionContract.parse(symbol), lot.opened, from_units(lot.cost) / lot.opened)
            for symbol, lot in self.lots.items()
            if lot.opened
        ]
        bound = payoff_bounds(holdings).max_loss_usd
        return None if bound is None else to_units(bound)

    def trade(self, trade_id: str, signal: Mapping[str, Any], units: int) -> Trade:
        is_open = any(lot.held for lot in self.lots.values())
        return Trade(
            trade_id=trade_id,
            **{name: signal[name] for name in ("expert", "underlying", "direction", "structure", "confidence")},
            units=units,
            legs=" ".join(f"{lot.opened:+d} {symbol}" for symbol, lot in self.lots.items()),
            opened=session_date(self.opened),
            closed=None if is_open else session_date(self.last),
            held_sessions=None if is_open else self.exit["held_sessions"],
            exit_reason="" if is_open else self.exit["reason"],
            premium=self.premium,
            proceeds=self.proceeds,
            fees=self.fees,
            max_loss=self.max_loss(),
            modelled=self.modelled,
        )


def named_rows(
    store: BacktestStore, book_id: str, table: str, first: int | None = None, last: int | None = None
) -> Iterator[dict[str, Any]]:
    """Reads rows of a table as mappings from column names to stored values.

    Args:
        store: Where the book is.
        book_id: The book.
        table: A name in ``optarb.ledger.rows.TABLES``.
        first: First session, ``YYYYMMDD``, inclusive; None from the beginning.
        last: Last session, inclusive; None to the end.
    """
    names = [column.name for column in TABLES[table].columns]
    return (dict(zip(names, row, strict=True)) for row in store.rows(book_id, table, first, last))


def read_trades(store: BacktestStore, book_id: str) -> list[Trade]:
    """Folds signals, verdicts, fills, events and exits into round trips, in the order of opening.

    Args:
        store: Where the book is.
        book_id: The book.
    """
    folds: dict[str, _Fold] = {}
    for row in named_rows(store, book_id, "fills"):
        folds.setdefault(row["position_id"], _Fold()).fill(row)
    for row in named_rows(store, book_id, "events"):
        folds[row["position_id"]].event(row)
    for row in named_rows(store, book_id, "exits"):
        folds[row["position_id"]].exit = row
    signals = {(row["session"], row["expert"], row["underlying"]): row for row in named_rows(store, book_id, "signals")}
    return [
        folds[row["position_id"]].trade(
            row["position_id"], signals[row["session"], row["expert"], row["underlying"]], row["units"]
        )
        for row in named_rows(store, book_id, "verdicts")
        if row["position_id"] is not None
    ]


def _multiplier(symbol: str) -> int:
    return OptionContract.parse(symbol).multiplier
