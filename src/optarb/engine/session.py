"""One session, for both halves: settle, exit, enter, mark, settle."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from optarb.decisions import Candidate, Decision, Denial, Entry, Review
from optarb.domain.contracts import OptionContract, Settlement
from optarb.domain.money import from_units, to_units
from optarb.domain.orders import OrderIntent, OrderLeg, Purpose, Rejected
from optarb.engine.candidates import Refusal, price_signal
from optarb.engine.execution import Pump, work_orders
from optarb.engine.settlement import settlement_price, settles_on
from optarb.errors import ComponentError, OptarbError, TransientError
from optarb.ledger.book import PositionPlan
from optarb.ledger.rows import session_number
from optarb.protocols.policies import SupportsEntryCheck

if TYPE_CHECKING:
    from optarb.brokers.simulator import Simulator
    from optarb.domain.legs import Leg
    from optarb.domain.quotes import Quote
    from optarb.engine.evaluation import ChosenSignal
    from optarb.engine.market import Market
    from optarb.engine.recorder import Recorder
    from optarb.engine.view import View
    from optarb.ledger.book import Book, OpenPosition
    from optarb.protocols import BrokerAdapter, MarketData
    from optarb.strategy import Strategy

__all__ = ["SessionEngine"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SessionEngine:
    """Runs one session of a strategy on a book, through a broker.

    The order inside a session: settle what settled at the opening; exits; entries; marks; settle what expires at the close.
    Exits fill before the policy looks at the account.
    """

    strategy: Strategy
    """Policy and exits."""
    simulator: Simulator
    """Fill and fee models: what candidates are priced with."""
    market: Market
    """Bars for settlement; views are given."""
    data: MarketData
    """Asked for settlement values."""
    mark: Literal["closing_side", "mid"]
    """At what positions are valued."""
    am_settlement: Literal["open", "previous_close"]
    """What AM-settled contracts settle on where no value is supplied."""
    next_session: Mapping[date, date]
    """For each session of the run the one after; the last is absent."""

    def run(
        self,
        view: View,
        signals: Sequence[ChosenSignal],
        *,
        book: Book,
        broker: BrokerAdapter,
        pump: Pump,
        recorder: Recorder,
        last_session: bool,
    ) -> None:
        """Runs the session of a view.

        Args:
            view: What may be known.
            signals: The session's signals in the order of experts, then of underlyings.
            book: The book, as the session before left it.
            broker: Takes the orders.
            pump: Lets the broker's market move.
            recorder: Takes the rows.
            last_session: Whether everything is closed now and nothing opened.

        Raises:
            ComponentError: The policy, the position manager or a model raised or returned what it may not.
        """
        session = session_number(view.session)
        book.begin_session(session)
        recorder.begin(session)
        desk = _Session(self, view, book, broker, pump, recorder)
        desk.settle(Settlement.AM)
        desk.mark()
        if view.chains:
            desk.exits()
            desk.entries(signals, last_session=last_session)
        else:
            recorder.count("sessions_without_chain")
        desk.mark()
        desk.settle(Settlement.PM)
        desk.close_physical()
        if last_session:
            desk.close_all()
        desk.record_marks()


class _Session:
    """The steps of one session, sharing what they work on."""

    def __init__(
        self, engine: SessionEngine, view: View, book: Book, broker: BrokerAdapter, pump: Pump, recorder: Recorder
    ) -> None:
        self.engine = engine
        self.view = view
        self.book = book
        self.broker = broker
        self.pump = pump
        self.recorder = recorder

    # -- settlement and marks --------------------------------------------------------------------------------------------

    def settle(self, kind: Settlement) -> None:
        """Settles every lot of a kind whose settlement session this is."""
        for position, contract, quantity in self._ending(kind):
            at = settlement_price(
                contract, self.view.session, self.engine.market, self.engine.data, self.engine.am_settlement
            )
            if at is None:
                self.recorder.count("no_settlement_value")
                continue
            self._end_lot(position, contract, quantity, contract.intrinsic(at), "settled", f"on {at}")

    def close_physical(self) -> None:
        """Closes lots that would be exercised or assigned tonight: on their quotes, else at intrinsic value."""
        for position, contract, quantity in self._ending(Settlement.PHYSICAL):
            at = self._closing_price(contract, quantity)
            detail = "closed on its last quote before delivery"
            if at is None:
                spot = settlement_price(
                    contract, self.view.session, self.engine.market, self.engine.data, self.engine.am_settlement
                )
                if spot is None:
                    self.recorder.count("no_settlement_value")
                    continue
                at, detail = contract.intrinsic(spot), f"unquoted; closed at intrinsic value on {spot}"
            self._end_lot(position, contract, quantity, at, "closed_before_delivery", detail)

    def _ending(self, kind: Settlement) -> list[tuple[OpenPosition, OptionContract, int]]:
        following = self.engine.next_session.get(self.view.session)
        return [
            (position, contract, lot.quantity)
            for position in list(self.book.positions.values())
            for lot in position.lots
            if lot.quantity
            and (contract := OptionContract.parse(lot.contract)).settlement is kind
            and settles_on(contract, self.view.session, following)
        ]

    def _end_lot(
        self, position: OpenPosition, contract: OptionContract, quantity: int, at: Decimal, kind: str, detail: str
    ) -> None:
        fees = 0
        if kind != "settled":
            traded = [_leg(contract, -1 if quantity > 0 else 1)]
            fees = self.book.charge(
                position.position_id, self.engine.simulator.fees.fees(traded, abs(quantity), self.view.session)
            )
        premium, held = position.premium, position.held_sessions
        cash = self.book.settle(position.position_id, contract, at)
        self.recorder.add(
            "events", position.position_id, kind, contract.symbol, quantity, to_units(at), cash - fees, detail
        )
        if position.position_id not in self.book.positions:
            reason = "no_bid" if position.kept_without_bid else _ENDED_BY[kind]
            self.recorder.add(
                "exits", position.position_id, reason, position.proceeds, position.proceeds - premium, held
            )

    def mark(self) -> None:
        """Marks everything open on the view's quotes."""
        self.book.mark(self._mark_price)

    def _mark_price(self, contract: OptionContract, quantity: int) -> Decimal | None:
        quote = self._quote(contract)
        if quote is None:
            return None
        if self.engine.mark == "mid":
            return quote.mid
        return quote.bid if quantity > 0 else quote.ask

    def _closing_price(self, contract: OptionContract, quantity: int) -> Decimal | None:
        quote = self._quote(contract)
        return None if quote is None else self.engine.simulator.fills.fill_price(quote, -quantity)

    def _quote(self, contract: OptionContract) -> Quote | None:
        chain = self.view.chains.get(contract.underlying)
        return None if chain is None else chain.quote(contract)

    def record_marks(self) -> None:
        """Writes the marks of what stays open, and the equity row."""
        unquoted = 0
        for position in self.book.positions.values():
            for lot in position.lots:
                if lot.quantity:
                    unquoted += not lot.quoted
                    self.recorder.add(
                        "marks", position.position_id, lot.contract, lot.quantity, lot.mark, int(lot.quoted)
                    )
        if unquoted:
            self.recorder.count("unquoted_marks", unquoted)
        book, value = self.book, self.book.value()
        invested = 0
        if book.positions:
            invested = to_units(book.account(self.view.at).invested_usd)
        self.recorder.add(
            "equity",
            book.cash,
            value,
            book.cash + value,
            book.realised,
            invested,
            len(book.positions),
            unquoted,
            int(bool(self.view.chains)),
        )

    # -- exits -------------------------------------------------------------------------------------------------------------

    def exits(self) -> None:
        """Asks the position manager and closes what it says."""
        if not self.book.positions:
            return
        account = self.book.account(self.view.at)
        manager: Any = self.engine.strategy.exits
        review = _asked("exits", getattr(manager, "review", manager), account, self.view)
        reasons = self._checked_review(review)
        for position_id, notes in review.notes.items():
            self.book.note(position_id, notes)
            self.recorder.add("notes", position_id, json.dumps(dict(notes), sort_keys=True))
        self._close_positions(reasons)

    def _checked_review(self, review: object) -> dict[str, str]:
        if not isinstance(review, Review):
            raise ComponentError(f"exits must return a Review, got {review!r}")
        named = [*(one.position_id for one in review.exits), *review.notes]
        unknown = [position_id for position_id in named if position_id not in self.book.positions]
        if unknown:
            raise ComponentError(f"exits named positions that are not open: {unknown}; open: {list(self.book.positions)}")
        for notes in review.notes.values():
            if not all(isinstance(key, str) and isinstance(value, str) for key, value in notes.items()):
                raise ComponentError(f"notes must map text to text, got {dict(notes)!r}")
        return {one.position_id: one.reason for one in review.exits}

    def _close_positions(self, reasons: Mapping[str, str]) -> None:
        orders: list[OrderIntent] = []
        for position_id, reason in reasons.items():
            position = self.book.positions[position_id]
            lots = [lot for lot in position.lots if lot.quantity]
            closing = [self._closing_price(OptionContract.parse(lot.contract), lot.quantity) for lot in lots]
            if None in closing:
                self.recorder.count("exits_without_quote")
                continue
            if len(lots) == 1 and lots[0].quantity > 0 and not closing[0]:
                position.kept_without_bid = True
                self.recorder.count("exits_without_bid")
                continue
            position.kept_without_bid = False
            orders.append(self._closing_order(position, reason))
            self._record_exit(position, reason)
        for order in orders:
            self.book.place(order)
        work_orders(
            orders, book=self.book, broker=self.broker, view=self.view, pump=self.pump, recorder=self.recorder
        )

    def _closing_order(self, position: OpenPosition, reason: str) -> OrderIntent:
        return OrderIntent(
            book_id=self.book.book_id,
            position_id=position.position_id,
            purpose=Purpose.CLOSE,
            attempt=1,
            legs=tuple(
                OrderLeg(contract=OptionContract.parse(lot.contract), quantity=-lot.quantity)
                for lot in position.lots
                if lot.quantity
            ),
            units=position.units,
            reason=reason,
        )

    def _record_exit(self, position: OpenPosition, reason: str) -> None:
        value = position.proceeds + sum(
            lot.mark * lot.quantity * OptionContract.parse(lot.contract).multiplier for lot in position.lots
        )
        self.recorder.add(
            "exits", position.position_id, reason, value, value - position.premium, position.held_sessions
        )

    def close_all(self) -> None:
        """Ends everything in the last session: on its quotes, else at the last mark, which is counted."""
        for position in list(self.book.positions.values()):
            for lot in position.lots:
                if not lot.quantity:
                    continue
                contract = OptionContract.parse(lot.contract)
                at = self._closing_price(contract, lot.quantity)
                if at is None:
                    self.recorder.count("closed_unquoted")
                    at = from_units(lot.mark)
                    self._end_lot(position, contract, lot.quantity, at, "closed_at_last_mark", "unquoted at the end")
                else:
                    self._end_lot(position, contract, lot.quantity, at, "closed_at_end", "closed on its quote")

    # -- entries -----------------------------------------------------------------------------------------------------------

    def entries(self, signals: Sequence[ChosenSignal], *, last_session: bool) -> None:
        """Prices the signals, asks the policy and opens what it says."""
        candidates: list[Candidate] = []
        for signal in signals:
            priced = _asked(
                "fill or fee model",
                price_signal,
                signal,
                self.view,
                self.engine.simulator.fills,
                self.engine.simulator.fees,
                last_session=last_session,
            )
            if isinstance(priced, Refusal):
                self._verdict(signal.expert, signal.underlying, "denied", priced.rule, priced.reason, priced.numbers)
            elif (denial := self._refused_by_exits(priced)) is not None:
                self._deny(denial)
            else:
                candidates.append(priced)
        if not candidates:
            return
        account = self.book.account(self.view.at)
        policy: Any = self.engine.strategy.policy
        decision = _asked("policy", getattr(policy, "decide", policy), tuple(candidates), account, self.view)
        _check_decision(decision, candidates)
        for denial in decision.denials:
            self._deny(denial)
        self._open(decision.entries)

    def _refused_by_exits(self, candidate: Candidate) -> Denial | None:
        exits = self.engine.strategy.exits
        if not isinstance(exits, SupportsEntryCheck):
            return None
        denial = _asked("exits", exits.refuse, candidate)
        if denial is not None and not isinstance(denial, Denial):
            raise ComponentError(f"exits.refuse must return a Denial or None, got {denial!r}")
        return denial

    def _open(self, entries: Sequence[Entry]) -> None:
        orders: list[OrderIntent] = []
        for entry in entries:
            order = self._opening_order(entry)
            self.book.place(
                order,
                PositionPlan(
                    expert=entry.candidate.expert,
                    underlying=entry.candidate.underlying,
                    structure=entry.candidate.structure,
                    unit_margin_usd=entry.candidate.margin_usd,
                ),
            )
            orders.append(order)
        rejected = work_orders(
            orders, book=self.book, broker=self.broker, view=self.view, pump=self.pump, recorder=self.recorder
        )
        for entry, order in zip(entries, orders, strict=True):
            self._record_entry(entry, order, rejected.get(order.order_id))

    def _opening_order(self, entry: Entry) -> OrderIntent:
        candidate = entry.candidate
        return OrderIntent(
            book_id=self.book.book_id,
            position_id=self.book.next_position_id(),
            purpose=Purpose.OPEN,
            attempt=1,
            legs=tuple(OrderLeg(contract=leg.contract, quantity=leg.ratio * entry.units) for leg in candidate.legs),
            limit=candidate.premium_usd / candidate.legs[0].contract.multiplier,
            units=entry.units,
            reason=candidate.structure,
        )

    def _record_entry(self, entry: Entry, order: OrderIntent, refusal: Rejected | None) -> None:
        candidate = entry.candidate
        numbers = {
            "confidence": str(candidate.confidence),
            "premium": str(candidate.premium_usd),
            "max_loss": str(candidate.max_loss_usd),
        }
        who = (candidate.expert, candidate.underlying)
        if refusal is not None:
            self._verdict(*who, "rejected", refusal.code, refusal.reason, numbers, units=entry.units)
        elif order.position_id in self.book.positions:
            self._verdict(*who, "entered", "", "", numbers, units=entry.units, position_id=order.position_id)
        else:
            self._verdict(*who, "unfilled", "unfilled", "the order did not fill", numbers, units=entry.units)

    def _deny(self, denial: Denial) -> None:
        candidate = denial.candidate
        self._verdict(candidate.expert, candidate.underlying, "denied", denial.rule, denial.reason, denial.numbers)

    def _verdict(
        self,
        expert: str,
        underlying: str,
        verdict: str,
        rule: str,
        reason: str,
        numbers: Mapping[str, str],
        *,
        units: int = 0,
        position_id: str | None = None,
    ) -> None:
        told = json.dumps({str(name): str(value) for name, value in numbers.items()})
        self.recorder.add("verdicts", expert, underlying, verdict, rule, reason, told, units, position_id)


_ENDED_BY = {
    "settled": "expiry",
    "closed_before_delivery": "expiry",
    "closed_at_end": "end_of_backtest",
    "closed_at_last_mark": "end_of_backtest",
}


def _leg(contract: OptionContract, ratio: int) -> Leg:
    from optarb.domain.legs import Leg

    return Leg(contract=contract, ratio=ratio)


def _check_decision(decision: object, candidates: Sequence[Candidate]) -> None:
    """Every candidate must stand in exactly one of entries and denials."""
    if not isinstance(decision, Decision):
        raise ComponentError(f"policy must return a Decision, got {decision!r}")
    left = list(candidates)
    for answer in (*decision.entries, *decision.denials):
        if not isinstance(answer, Entry | Denial) or answer.candidate not in left:
            raise ComponentError(f"policy answered for what it was not asked, or twice: {answer!r}")
        left.remove(answer.candidate)
    if left:
        raise ComponentError(
            f"policy left out {[(one.expert, one.underlying) for one in left]}; every candidate needs an entry or a denial"
        )


def _asked(who: str, function: Callable[..., Any], *arguments: object, **named: object) -> Any:
    """Calls a component; what it raises becomes a ComponentError that names it."""
    try:
        return function(*arguments, **named)
    except TransientError:
        raise
    except OptarbError as error:
        raise type(error)(f"{who}: {error}") from error
    except Exception as error:
        raise ComponentError(f"{who} raised {type(error).__name__}: {error}") from error
