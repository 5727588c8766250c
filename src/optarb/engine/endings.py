"""Positions that end without an order: settlement, and what is closed before delivery or at the end of a run."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.domain.contracts import OptionContract, Settlement
from optarb.domain.legs import Leg
from optarb.domain.money import from_units, to_units
from optarb.engine.settlement import settlement_price, settles_on
from optarb.protocols.brokers import order_fees

if TYPE_CHECKING:
    from optarb.engine.session_state import SessionState
    from optarb.ledger.open_position import OpenPosition

__all__ = ["close_all", "close_physical", "settle"]

_ENDED_BY = {
    "settled": "expiry",
    "closed_before_delivery": "expiry",
    "closed_at_end": "end_of_backtest",
    "closed_at_last_mark": "end_of_backtest",
}


def settle(state: SessionState, kind: Settlement) -> None:
    """Settles every lot of a kind whose settlement session this is."""
    for position, contract, quantity in _ending(state, kind):
        at = _settlement_price(state, contract)
        if at is None:
            state.recorder.count("no_settlement_value")
            continue
        _end_lot(state, position, contract, quantity, at=contract.intrinsic(at), kind="settled", detail=f"on {at}")


def close_physical(state: SessionState) -> None:
    """Closes lots that would be exercised or assigned tonight: on their quotes, else at intrinsic value."""
    for position, contract, quantity in _ending(state, Settlement.PHYSICAL):
        at = state.closing_price(contract, quantity)
        detail = "closed on its last quote before delivery"
        if at is None:
            spot = _settlement_price(state, contract)
            if spot is None:
                state.recorder.count("no_settlement_value")
                continue
            at, detail = contract.intrinsic(spot), f"unquoted; closed at intrinsic value on {spot}"
        _end_lot(state, position, contract, quantity, at=at, kind="closed_before_delivery", detail=detail)


def _settlement_price(state: SessionState, contract: OptionContract) -> Decimal | None:
    return settlement_price(contract, state.engine.market, state.engine.data, state.engine.am_settlement)


def _ending(state: SessionState, kind: Settlement) -> list[tuple[OpenPosition, OptionContract, int]]:
    following = state.engine.next_session.get(state.view.session)
    return [
        (position, contract, lot.quantity)
        for position in list(state.book.positions.values())
        for lot in position.lots
        if lot.quantity
        and (contract := OptionContract.parse(lot.contract)).settlement is kind
        and settles_on(contract, state.view.session, following)
    ]


def _end_lot(
    state: SessionState,
    position: OpenPosition,
    contract: OptionContract,
    quantity: int,
    *,
    at: Decimal,
    kind: str,
    detail: str,
) -> None:
    fees = 0
    if kind != "settled":
        traded = [Leg(contract=contract, ratio=-1 if quantity > 0 else 1)]
        fees = state.book.charge(
            position.position_id,
            order_fees(state.engine.simulator.fees, traded, [at], abs(quantity), state.view.session),
        )
    premium, held = position.premium, position.held_sessions
    cash = state.book.settle(position.position_id, contract, at)
    state.recorder.add("events", position.position_id, kind, contract.symbol, quantity, to_units(at), cash - fees, detail)
    if position.position_id not in state.book.positions:
        reason = "no_bid" if position.kept_without_bid and kind == "settled" else _ENDED_BY[kind]
        state.recorder.add("exits", position.position_id, reason, position.proceeds, position.proceeds - premium, held)


def close_all(state: SessionState) -> None:
    """Ends everything in the last session: on its quotes, else at the last mark, which is counted."""
    for position in list(state.book.positions.values()):
        for lot in position.lots:
            if not lot.quantity:
                continue
            contract = OptionContract.parse(lot.contract)
            at = state.closing_price(contract, lot.quantity)
            if at is None:
                state.recorder.count("closed_unquoted")
                at = from_units(lot.mark)
                kind, detail = "closed_at_last_mark", "unquoted at the end"
            else:
                kind, detail = "closed_at_end", "closed on its quote"
            _end_lot(state, position, contract, lot.quantity, at=at, kind=kind, detail=detail)
