"""The broker's cash against that of the books: what trading, assigned shares and the broker explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.money import from_units, to_units
from optarb.errors import BrokerUnavailable
from optarb.protocols.trading import SupportsAccount
from optarb.trading.trading_state import TradingState

if TYPE_CHECKING:
    from optarb.trading.context import DayContext
    from optarb.trading.execution import Execution

__all__ = ["AccountCash", "other_books"]

_TOLERANCE_USD = Decimal(1)


@dataclass(frozen=True, kw_only=True, eq=False)
class AccountCash:
    """The account's cash, less that of its books and what assigned shares moved: it should not change by itself."""

    context: DayContext
    """The day."""
    execution: Execution
    """The book at the broker."""

    def check(self) -> None:
        """Compares cash with what it was when last reconciled, and the books' capital with the account's equity.

        More than a dollar that the broker did not name as dividend, fee, interest or transfer stops entries.
        """
        broker, live = self.context.broker, self.execution.live
        if not isinstance(broker, SupportsAccount):
            return
        try:
            account = broker.account()
        except BrokerUnavailable:
            return
        states = (live.state, *other_books(self.context))
        capital = sum(state.book.initial for state in states)
        if from_units(capital) > account.equity_usd:
            text = f"books of account {live.state.account!r} have {from_units(capital)} of capital, it has {account.equity_usd}"
            live.state.day.stops["capital"] = text
            live.tell(self.execution.now, "alarm", "capital", "", title="More capital in books than in the account", text=text)
        memory, offset = live.state.memory, _offset(account.cash_usd, states)
        if memory.cash_offset is not None:
            memory.cash_unexplained = offset - memory.cash_offset - memory.cash_named
        memory.cash_offset, memory.cash_named = offset, 0
        self._judge()

    def name(self, cash: int) -> None:
        """Takes what the broker names as moved without trading, in ledger units: of what was asked or will be."""
        memory = self.execution.live.state.memory
        missing = memory.cash_unexplained
        if missing and abs(missing - cash) < abs(missing):
            memory.cash_unexplained = missing - cash
            self._judge()
        else:
            memory.cash_named += cash

    def remember(self) -> None:
        """Notes what the cash is when everything is reconciled: not while orders move, nor when something has expired today.

        Brokers pay for what expired in the evening, and the book is settled in the next session.
        """
        broker, live = self.context.broker, self.execution.live
        if not isinstance(broker, SupportsAccount):
            return
        states = (live.state, *other_books(self.context))
        expired = any(contract.expiry <= self.context.session for state in states for contract in state.holdings())
        if expired or any(state.is_moving for state in states):
            return
        try:
            memory, cash_usd = live.state.memory, broker.account().cash_usd
        except BrokerUnavailable:
            return
        memory.cash_offset, memory.cash_named, memory.cash_unexplained = _offset(cash_usd, states), 0, 0

    def moved(self, states: Sequence[TradingState]) -> int | None:
        """What the cash has moved by since it was reconciled and nobody named, in ledger units; None if that is not known.

        Raises:
            BrokerUnavailable: The broker cannot be asked.
        """
        broker, memory = self.context.broker, self.execution.live.state.memory
        if memory.cash_offset is None or not isinstance(broker, SupportsAccount):
            return None
        return _offset(broker.account().cash_usd, states) - memory.cash_offset - memory.cash_named

    def _judge(self) -> None:
        live = self.execution.live
        missing = from_units(live.state.memory.cash_unexplained)
        if abs(missing) > _TOLERANCE_USD:
            text = f"{missing} dollars of the account's cash are not explained by its books"
            live.state.day.stops["cash"] = text
            live.tell(self.execution.now, "alarm", "cash", "", title="Unexplained cash", text=text)
        elif live.state.day.stops.pop("cash", None) is not None:
            text = "the broker has named what moved it; entries are let go again"
            live.tell(self.execution.now, "info", "cash_explained", "", title="Cash is explained", text=text)


def _offset(cash_usd: Decimal, states: Sequence[TradingState]) -> int:
    # What books have made, not what they have: a new book brings no cash into the account.
    return to_units(cash_usd) - sum(state.book.cash - state.book.initial + state.memory.share_cash for state in states)


def other_books(context: DayContext) -> list[TradingState]:
    """Loads the other books of the account, as they were stored last."""
    prefix = f"{context.spec.account}."
    found: list[TradingState] = []
    for book_id in context.store.live_books():
        if book_id != context.book_id and book_id.startswith(prefix):
            document = context.store.load(book_id).document
            if document:
                found.append(TradingState.load(book_id, document))
    return found
