"""How much of a replay hangs on which extreme of a session is taken to come first, which daily data do not say."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from optarb.ledger.rows import session_number
from optarb.trading.replaying import plan_replay, replay, replay_desk

if TYPE_CHECKING:
    from optarb.desk.desk import Desk
    from optarb.protocols.trading import TradingStore
    from optarb.trading.day_spec import DaySpec
    from optarb.trading.running import DayResult

__all__ = ["OrdersCompared", "changed_trades", "compare_orders"]

_OF_A_FILL = slice(2, 8)
"""Position to fees: neither the quotes beside a fill nor their time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersCompared:
    """Two replays of the same sessions: with the high of each first, and with the low."""

    high_first: tuple[DayResult, ...]
    """What each session came to with its high first."""
    low_first: tuple[DayResult, ...]
    """With its low first."""
    trades: tuple[str, ...]
    """Ids of the positions that either replay opened."""
    changed: tuple[str, ...]
    """Those of which fills, settlements or the exit differ, or that one replay alone has."""


def compare_orders(
    spec: DaySpec,
    desk: Desk,
    session: date,
    *,
    through: date | None = None,
    volatility: str | None = "VIX",
    cash_usd: Decimal = Decimal(1_000_000),
) -> OrdersCompared:
    """Replays sessions in this process twice, each in a new store in memory, and counts the trades that change.

    Args:
        spec: What to trade.
        desk: The desk to try; its daily data are replayed, whatever its feed.
        session: The first session.
        through: The last; None for that one alone.
        volatility: The index that moves volatilities; None for none.
        cash_usd: What the accounts begin with, dollars.

    Raises:
        ConfigurationError: As for :func:`~optarb.trading.replaying.plan_replay`.
        UnknownName: As for :func:`~optarb.trading.replaying.plan_replay`.
        DataError: As for :func:`~optarb.trading.replaying.replay`.
    """
    desks = [
        replay_desk(desk, volatility=volatility, order=order, cash_usd=cash_usd, am_settlement=spec.am_settlement)
        for order in ("high_first", "low_first")
    ]
    high_first, low_first = (replay(spec, one, session, through=through) for one in desks)
    plans = [plan_replay(spec, one, high_first[-1].session) for one in desks]
    stores = [plan.account.store.trading for plan in plans]
    trades, changed = changed_trades(*stores, book_id=plans[0].spec.book_id, first=session, last=high_first[-1].session)
    return OrdersCompared(high_first=high_first, low_first=low_first, trades=trades, changed=changed)


def changed_trades(
    one: TradingStore, other: TradingStore, *, book_id: str, first: date, last: date
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Compares the trades of one book in two stores over some sessions.

    Args:
        one: A store.
        other: Another.
        book_id: The book.
        first: First session.
        last: Last session.

    Returns:
        The ids of all positions that either has, and of those that differ, each in their order.
    """
    here, there = (_trades(store, book_id, first, last) for store in (one, other))
    ids = sorted({*here, *there}, key=_place)
    return tuple(ids), tuple(name for name in ids if here.get(name) != there.get(name))


def _trades(store: TradingStore, book_id: str, first: date, last: date) -> dict[str, list[Hashable]]:
    found: dict[str, list[Hashable]] = {}
    for table, part in (("fills", _OF_A_FILL), ("events", slice(2, None)), ("exits", slice(2, None))):
        for row in store.rows(book_id, table, session_number(first), session_number(last)):
            found.setdefault(str(row[2]), []).append((table, row[0], *row[part]))
    return found


def _place(position_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in position_id.split("."))
