"""The broker's account against the books: what explains a difference is booked, what nothing explains is reported.

Expected is the sum over all books of the account. Only a book's own guardian books anything in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract, Right, Settlement
from optarb.domain.money import to_units
from optarb.engine.settlement import settlement_price
from optarb.errors import BrokerUnavailable, OptarbError
from optarb.protocols.trading import SupportsAccount
from optarb.trading.account_activities import collect_activities, compare_assignments, named_assignments
from optarb.trading.account_cash import AccountCash, other_books
from optarb.trading.account_shares import remember_shares, shares_come, watch_shares
from optarb.trading.adjusted import set_adjusted_aside, unknown_holdings
from optarb.trading.live_position import LivePosition, naked_units
from optarb.trading.order_state import OrderState

if TYPE_CHECKING:
    from optarb.trading.context import DayContext
    from optarb.trading.execution import Execution
    from optarb.trading.trading_state import TradingState

__all__ = ["AccountWatch", "other_books"]

_SHARES = 100
_EXERCISED_FROM = Decimal("0.01")
"""In the money by this much a share, what expires is exercised without being asked: the clearing house's rule."""

Difference = dict[OptionContract, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class AccountWatch:
    """One look at the broker's account."""

    context: DayContext
    """The day."""
    execution: Execution
    """The book at the broker."""

    _elsewhere: dict[OptionContract, int] = field(default_factory=dict["OptionContract", int], init=False)
    """Assigned contracts, as the difference shows them, that other books will book."""

    @property
    def cash(self) -> AccountCash:
        """The account's cash."""
        return AccountCash(context=self.context, execution=self.execution)

    def look(self) -> Mapping[OptionContract, int] | None:
        """Compares the account with the books, books what is explained and reports the rest.

        Orders must have been looked up before: what they filled is expected. Activities are asked for before positions, so that
        what they tell is in the positions.

        Returns:
            The contracts the account holds; None if the broker could not be asked.
        """
        live, now = self.execution.live, self.execution.now
        try:
            collect_activities(self.cash)
            unknown = unknown_holdings(self.context.broker)
            actual = dict(self.context.broker.positions())
            books = self._books()
            difference = self._difference(actual, books)
            self._prove_landed(difference)
            if difference:
                books, difference = self._judged(actual)
            unknown = set_adjusted_aside(self.execution, difference, unknown, books)
            compare_assignments(self.cash, difference, books)
            if difference:
                difference = self._explained(difference, books)
            watch_shares(self.cash, books)
        except BrokerUnavailable as error:
            live.note(now, "broker_unavailable", "positions", error=str(error))
            return None
        self._report(difference, unknown)
        self._naked(actual)
        return actual

    def check_cash(self) -> None:
        """Compares the cash, unless another book of the account has still to book what it was assigned."""
        if self._elsewhere:
            self.execution.live.note(self.execution.now, "cash_not_compared", "", assigned=list(self._elsewhere))
        else:
            self.cash.check()

    def remember(self) -> None:
        """Notes what the account has at a session's end, unless another book has still to book what it was assigned."""
        if self._elsewhere:
            return
        self.cash.remember()
        try:
            remember_shares(self.cash, self._books())
        except BrokerUnavailable as error:
            self.execution.live.note(self.execution.now, "broker_unavailable", "shares", error=str(error))

    # -- what is expected ----------------------------------------------------------------------------------------------------

    def _books(self) -> list[TradingState]:
        """All books of the account as they stand now, this one first."""
        return [self.execution.live.state, *other_books(self.context)]

    def _difference(self, actual: Mapping[OptionContract, int], books: Sequence[TradingState]) -> Difference:
        """What the account has more than all its books, signed, without contracts that are known to be adjusted."""
        left = dict(actual)
        adjusted = {symbol for state in books for symbol in state.memory.adjusted}
        for state in books:
            for contract, quantity in state.holdings().items():
                left[contract] = left.get(contract, 0) - quantity
        return {contract: quantity for contract, quantity in left.items() if quantity and contract.symbol not in adjusted}

    def _judged(self, actual: Mapping[OptionContract, int]) -> tuple[list[TradingState], Difference]:
        """Books and difference without what live orders may still explain, after every order of the day was looked up again."""
        self.execution.look_again()
        books = self._books()
        difference = self._difference(actual, books)
        patience = timedelta(seconds=self.execution.rules.judge_after_seconds)
        for state in books:
            for position in state.positions.values():
                for order in position.orders:
                    recent = order.sent_at is not None and self.execution.now - order.sent_at < patience
                    if order.is_live and order.sends and (recent or order.landed):
                        for leg in order.intent.legs:
                            difference.pop(leg.contract, None)
        return books, difference

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

    def _explained(self, difference: Difference, books: Sequence[TradingState]) -> Difference:
        rest = dict(difference)
        for contract, quantity in difference.items():
            rest[contract] -= self._expired(contract, quantity) or self._assigned(contract, quantity, books)
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
        ended = self._end(contract, quantity, contract.intrinsic(value), "settled", f"on {value}")
        exercised = contract.settlement is Settlement.PHYSICAL and contract.intrinsic(value) >= _EXERCISED_FROM
        if ended and exercised and isinstance(self.context.broker, SupportsAccount):
            self._delivered(contract, ended, value)
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

    def _assigned(self, contract: OptionContract, quantity: int, books: Sequence[TradingState]) -> int:
        """Explains shorts that vanished together with 100 shares a contract, or that the broker names as assigned.

        Each book books its own part: the oldest positions of the account are assigned first, whichever book looks first.

        Returns:
            How many are explained, by this book or by others.
        """
        if quantity <= 0 or contract.settlement is not Settlement.PHYSICAL:
            return 0
        symbol, sign = contract.underlying, -1 if contract.right is Right.CALL else 1
        claimed = sum(_shares_of(one, number) for one, number in self._elsewhere.items() if one.underlying == symbol)
        came = (shares_come(self.cash, symbol, books) - claimed) * sign // _SHARES
        number = min(quantity, max(came, named_assignments(contract, books), 0))
        mine = _my_part(contract, number, books)
        if number > mine:
            self._elsewhere[contract] = number - mine
        if mine:
            spot = self.context.spot(symbol, self.execution.now) or contract.strike
            self._end(contract, mine, contract.intrinsic(spot), "assigned", f"inferred; underlying at {spot}")
            self._delivered(contract, mine, spot)
        return number

    def _delivered(self, contract: OptionContract, ended: int, value: Decimal) -> None:
        """Remembers the shares that exercise or assignment brought: the book does not hold them, a person must close them.

        Args:
            contract: The contract.
            ended: Contracts of this book that ended: positive for shorts, negative for longs.
            value: The underlying's price that the book settled them on.
        """
        live = self.execution.live
        memory, shares = live.state.memory, _shares_of(contract, ended)
        memory.shares[contract.underlying] = memory.shares.get(contract.underlying, 0) + shares
        # The broker paid or got the strike; the book paid or got the value of the option.
        memory.share_cash += to_units(contract.intrinsic(value) * _SHARES * ended - contract.strike * shares)
        if ended > 0:
            memory.assigned[contract.symbol] = memory.assigned.get(contract.symbol, 0) + ended
            text = f"{ended} {contract.symbol} assigned: {shares:+d} {contract.underlying}, which no book holds"
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

    def _report(self, difference: Difference, unknown: Mapping[str, int]) -> None:
        live = self.execution.live
        day, memory = live.state.day, live.state.memory
        found = {contract.symbol: quantity for contract, quantity in difference.items()}
        found |= unknown
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
            if any(leg.contract.symbol in live.state.memory.adjusted for leg in position.legs):
                continue
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


def _shares_of(contract: OptionContract, number: int) -> int:
    """The shares that the assignment of so many short contracts brings, signed; negative contracts are exercised longs."""
    return number * (-_SHARES if contract.right is Right.CALL else _SHARES)


def _my_part(contract: OptionContract, number: int, books: Sequence[TradingState]) -> int:
    """How many of the assigned contracts fall on the first of the books, if the oldest positions of all are assigned first."""
    shorts: list[tuple[tuple[int, ...], str, int]] = []
    for state in books:
        for position_id in state.book.positions:
            held = state.held(position_id).get(contract, 0)
            if held < 0:
                age = tuple(int(part) for part in position_id.split("."))
                shorts.append((age, state.book.book_id, -held))
    mine, left = 0, number
    for _, book_id, short in sorted(shorts):
        part = min(short, left)
        left -= part
        mine += part if book_id == books[0].book.book_id else 0
    return mine
