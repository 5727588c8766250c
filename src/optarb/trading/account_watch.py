"""The broker's account against the books: what explains a difference is booked, what nothing explains is reported.

Expected is the sum over all books of the account. Only a book's own guardian books anything in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract, Right, Settlement
from optarb.domain.money import from_units, to_units
from optarb.engine.settlement import settlement_price
from optarb.errors import BrokerUnavailable, OptarbError
from optarb.protocols.trading import SupportsAccount
from optarb.trading.live_position import LivePosition, naked_units
from optarb.trading.order_state import OrderState
from optarb.trading.trading_state import TradingState

if TYPE_CHECKING:
    from optarb.trading.context import DayContext
    from optarb.trading.execution import Execution

__all__ = ["AccountWatch", "other_books"]

_CASH_TOLERANCE_USD = Decimal(1)
_SHARES = 100
_CLOCK_WARN, _CLOCK_STOP = timedelta(seconds=2), timedelta(seconds=5)

Difference = dict[OptionContract, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class AccountWatch:
    """One look at the broker's account."""

    context: DayContext
    """The day."""
    execution: Execution
    """The book at the broker."""

    def look(self) -> Mapping[OptionContract, int] | None:
        """Compares the account with the books, books what is explained and reports the rest.

        Orders must have been looked up before: what they filled is expected.

        Returns:
            The contracts the account holds; None if the broker could not be asked.
        """
        live, now = self.execution.live, self.execution.now
        try:
            actual = dict(self.context.broker.positions())
            difference = self._difference(actual)
            self._prove_landed(difference)
            if difference:
                difference = self._judged(actual)
            if difference:
                difference = self._explained(difference)
        except BrokerUnavailable as error:
            live.note(now, "broker_unavailable", "positions", error=str(error))
            return None
        self._report(difference)
        self._naked(actual)
        return actual

    # -- what is expected ----------------------------------------------------------------------------------------------------

    def _difference(self, actual: Mapping[OptionContract, int]) -> Difference:
        """What the account has more than all its books, signed."""
        left = dict(actual)
        for state in (self.execution.live.state, *other_books(self.context)):
            for contract, quantity in state.holdings().items():
                left[contract] = left.get(contract, 0) - quantity
        return {contract: quantity for contract, quantity in left.items() if quantity}

    def _judged(self, actual: Mapping[OptionContract, int]) -> Difference:
        """The difference without what live orders may still explain, after every order of the day was looked up again."""
        self.execution.look_again()
        difference = self._difference(actual)
        patience = timedelta(seconds=self.execution.rules.judge_after_seconds)
        for state in (self.execution.live.state, *other_books(self.context)):
            for position in state.positions.values():
                for order in position.orders:
                    recent = order.sent_at is not None and self.execution.now - order.sent_at < patience
                    if order.is_live and order.sends and (recent or order.landed):
                        for leg in order.intent.legs:
                            difference.pop(leg.contract, None)
        return difference

    def _prove_landed(self, difference: Mapping[OptionContract, int]) -> None:
        """Marks orders in doubt whose fills stand in the account although they cannot be found."""
        for position in self.execution.live.state.positions.values():
            for order in position.orders:
                if order.state is OrderState.UNKNOWN:
                    left = {OptionContract.parse(symbol): quantity for symbol, quantity in order.left().items()}
                    order.landed = all(
                        difference.get(contract, 0) * quantity > 0 or not quantity for contract, quantity in left.items()
                    )

    # -- what explains a difference ------------------------------------------------------------------------------------------

    def _explained(self, difference: Difference) -> Difference:
        rest = dict(difference)
        for contract, quantity in difference.items():
            booked = self._expired(contract, quantity) or self._assigned(contract, quantity)
            if booked:
                rest[contract] -= booked
        return {contract: quantity for contract, quantity in rest.items() if quantity}

    def _expired(self, contract: OptionContract, quantity: int) -> int:
        """Settles what is gone because its last day is over; that explains all of it, whichever book held it."""
        live, now, session = self.execution.live, self.execution.now, self.context.session
        if contract.expiry > session or (contract.expiry == session and now < self.context.trades_until(contract)):
            return 0
        value = self._settlement_value(contract)
        if value is None:
            if contract.expiry < session:
                text = f"{contract} is gone from the account, and the value it settled on is not known yet"
                live.tell(now, "warning", "settlement", contract.symbol, title="No settlement value", text=text)
            return quantity
        self._end(contract, quantity, contract.intrinsic(value), "settled", f"on {value}")
        return quantity

    def _settlement_value(self, contract: OptionContract) -> Decimal | None:
        market = self.context.market
        if market is None or contract.expiry >= self.context.session:
            return None
        try:
            return settlement_price(contract, market, self.context.data, self.context.spec.am_settlement)
        except OptarbError as error:
            self.execution.live.note(self.execution.now, "settlement_failed", contract.symbol, error=str(error))
            return None

    def _assigned(self, contract: OptionContract, quantity: int) -> int:
        """Books shorts that vanished together with 100 shares a contract as assigned; returns how many."""
        broker = self.context.broker
        if quantity <= 0 or contract.settlement is not Settlement.PHYSICAL or not isinstance(broker, SupportsAccount):
            return 0
        symbol, sign = contract.underlying, -1 if contract.right is Right.CALL else 1
        books = (self.execution.live.state, *other_books(self.context))
        known = sum(state.memory.shares.get(symbol, 0) for state in books)
        came = (broker.shares().get(symbol, 0) - known) * sign // _SHARES
        number = min(quantity, max(came, 0))
        if not number:
            return 0
        spot = self.context.spot(symbol, self.execution.now) or contract.strike
        booked = self._end(contract, number, contract.intrinsic(spot), "assigned", f"inferred; underlying at {spot}")
        if booked:
            self._delivered(contract, sign * booked * _SHARES, spot)
        return booked

    def _delivered(self, contract: OptionContract, shares: int, spot: Decimal) -> None:
        """Remembers the shares an assignment brought: the book does not hold them, a person must close them."""
        live = self.execution.live
        memory = live.state.memory
        memory.shares[contract.underlying] = memory.shares.get(contract.underlying, 0) + shares
        if memory.cash_offset is not None:
            # The broker paid or got the strike, the book paid the value of the option.
            moved = contract.intrinsic(spot) * abs(shares) - contract.strike * shares
            memory.cash_offset += to_units(moved)
        text = f"{abs(shares) // _SHARES} {contract.symbol} assigned: {shares:+d} {contract.underlying}, which no book holds"
        live.tell(self.execution.now, "alarm", "assigned", contract.symbol, title="Short options were assigned", text=text)

    def _end(self, contract: OptionContract, quantity: int, at: Decimal, kind: str, detail: str) -> int:
        """Ends up to a quantity of a contract in this book's positions, oldest first.

        Args:
            contract: The contract.
            quantity: What the account has more than expected: positive ends shorts, negative longs.
            at: Price per share.
            kind: Of the event.
            detail: Of the event.

        Returns:
            What was ended, signed like ``quantity``.
        """
        live, left = self.execution.live, quantity
        for position_id in list(live.book.positions):
            opened = live.book.positions[position_id]
            held = live.state.held(position_id).get(contract, 0)
            if not left or held * left >= 0:
                continue
            ended = -min(abs(held), abs(left)) if left > 0 else min(abs(held), abs(left))
            position = live.state.positions[position_id]
            position.turn_flat("expiry" if kind == "settled" else "assignment", may_market=kind != "settled")
            cash = live.book.settle(position_id, contract, at, quantity=ended)
            live.recorder.add("events", position_id, kind, contract.symbol, ended, to_units(at), cash, detail)
            live.note(self.execution.now, kind, position_id, contract=contract.symbol, quantity=ended, price=str(at))
            if position_id not in live.book.positions:
                gain = opened.proceeds - opened.premium
                live.recorder.add("exits", position_id, position.close_reason, opened.proceeds, gain, opened.held_sessions)
            self.execution.settle_stage(position)
            left += ended
        return quantity - left

    # -- what nothing explains -----------------------------------------------------------------------------------------------

    def _report(self, difference: Difference) -> None:
        live = self.execution.live
        day, memory = live.state.day, live.state.memory
        found = {contract.symbol: quantity for contract, quantity in difference.items()}
        for symbol, quantity in found.items():
            if memory.foreign.get(symbol) != quantity:
                text = f"the account has {quantity:+d} {symbol} that no book explains; nothing is traded because of it"
                subject = f"{symbol}{quantity:+d}"
                live.tell(self.execution.now, "alarm", "foreign", subject, title="Foreign contracts in the account", text=text)
        memory.foreign = found
        if found:
            day.stops["foreign"] = f"the account holds what no book explains: {found}"
        else:
            day.stops.pop("foreign", None)

    def _naked(self, actual: Mapping[OptionContract, int]) -> None:
        """Alarms for shorts whose longs are not there, by the book or by the broker, and closes them."""
        live = self.execution.live
        for position in live.state.positions.values():
            held = dict(live.state.held(position.position_id))
            for contract, quantity in held.items():
                if quantity > 0:
                    held[contract] = min(quantity, max(actual.get(contract, 0), 0))
            naked = naked_units(position.legs, held)
            if naked:
                position.turn_flat("unwind", may_market=True)
            self._naked_alarm(position, naked)

    def _naked_alarm(self, position: LivePosition, naked: int) -> None:
        self.execution.live.episode(
            self.execution.now,
            f"naked:{position.position_id}",
            lasts=naked > 0,
            title="Naked short options",
            text=f"{position.position_id} has {naked} short units without the longs they are paired with; they are closed",
        )

    # -- the account's figures -----------------------------------------------------------------------------------------------

    def check_clock(self) -> None:
        """Warns of a broker's clock that differs by more than 2 s, and stops entries from 5 s on."""
        live, now = self.execution.live, self.execution.now
        try:
            skew = abs(self.context.broker.now() - now)
        except BrokerUnavailable:
            return
        if skew > _CLOCK_WARN:
            text = f"the broker's clock differs by {skew.total_seconds():.1f} s"
            live.tell(now, "warning", "clock", "", title="Clocks differ", text=text)
        if skew > _CLOCK_STOP:
            live.state.day.stops["clock"] = f"the broker's clock differs by {skew.total_seconds():.1f} s"
        else:
            live.state.day.stops.pop("clock", None)

    def check_cash(self) -> None:
        """Compares the broker's cash with the books', against what it was when last reconciled; and capital with equity."""
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
        before, offset = live.state.memory.cash_offset, self._offset(account.cash_usd)
        if before is not None and abs(from_units(offset - before)) > _CASH_TOLERANCE_USD:
            text = f"{from_units(offset - before)} dollars of the account's cash are not explained by its books"
            live.state.day.stops["cash"] = text
            live.tell(self.execution.now, "alarm", "cash", "", title="Unexplained cash", text=text)
        live.state.memory.cash_offset = offset

    def remember_cash(self) -> None:
        """Notes what the cash is when everything is reconciled."""
        broker = self.context.broker
        if isinstance(broker, SupportsAccount) and not self.execution.live.state.is_moving:
            try:
                self.execution.live.state.memory.cash_offset = self._offset(broker.account().cash_usd)
            except BrokerUnavailable:
                return

    def _offset(self, cash_usd: Decimal) -> int:
        books = (self.execution.live.state, *other_books(self.context))
        return to_units(cash_usd) - sum(state.book.cash for state in books)


def other_books(context: DayContext) -> list[TradingState]:
    """Loads the other books of the account, as they were stored last."""
    prefix = f"{context.spec.account}."
    found = []
    for book_id in context.store.live_books():
        if book_id != context.book_id and book_id.startswith(prefix):
            document = context.store.load(book_id).document
            if document:
                found.append(TradingState.load(book_id, document))
    return found
