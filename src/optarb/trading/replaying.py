"""Historical days, replayed through the whole live day against a simulated broker."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from optarb.brokers.stored_account import StoredAccount
from optarb.desk.desk import Desk
from optarb.domain.time import NEW_YORK
from optarb.errors import ConfigurationError, DataError
from optarb.protocols.stores import SupportsTrading
from optarb.stores import SqlStore
from optarb.trading.clocks import PacedClock, SimulatedClock
from optarb.trading.context import DayContext, setup_of
from optarb.trading.replay_feed import ReplayFeed
from optarb.trading.running import DayResult, run_day
from optarb.trading.settlement_values import SettlementValues

if TYPE_CHECKING:
    from optarb.protocols import BacktestStore
    from optarb.protocols.trading import QuoteFeed
    from optarb.trading.day_spec import DaySpec

__all__ = ["Replay", "plan_replay", "replay", "replay_desk"]

_PREFIX = "replay-"
_LONGEST_ACCOUNT = 40
_EARLY = timedelta(minutes=5)
"""How long before the open a replayed session begins."""
_OWNER = "replay"
"""Runs of this name share a lease, so that one that was interrupted is gone on with by the next."""


def replay_desk(
    desk: Desk,
    *,
    store: BacktestStore | None = None,
    feed: QuoteFeed | None = None,
    volatility: str | None = "VIX",
    order: Literal["by_date", "high_first", "low_first"] = "by_date",
    cash_usd: Decimal = Decimal(1_000_000),
    am_settlement: Literal["open", "previous_close"] = "open",
) -> Desk:
    """Returns a desk for historical days: strategies, data, calendar and simulator of another, and nothing that reaches out.

    Its broker is a simulated account in its own store; the other's broker, feed and store, and whatever it tells people by,
    are left behind. Its books carry names of their own, see :func:`plan_replay`, so that even in one store they never meet
    live ones.

    Args:
        desk: The desk to try.
        store: Where the replayed books and the account are kept; None for a new store in memory, which ends with this process.
            On Temporal it must be a shared one, such as ``SqlStore(url="sqlite:///replay.db")``.
        feed: Quotes of historical sessions; None for a :class:`~optarb.trading.replay_feed.ReplayFeed` on the desk's data.
        volatility: For that feed: the index that moves volatilities; None for none.
        order: For that feed: which extreme of a session comes first.
        cash_usd: What the account begins with, dollars.
        am_settlement: What AM-settled contracts settle on; as in the days' spec.

    Raises:
        ConfigurationError: The store keeps no live books, or a parameter does not fit.
    """
    kept = SqlStore(url="sqlite://", name=f"replay-{uuid.uuid4().hex}") if store is None else store
    if not isinstance(kept, SupportsTrading):
        raise ConfigurationError(f"a replay needs a store that keeps live books, such as SqlStore, not {kept!r}")
    data, calendar = desk.market_data, desk.calendar
    values = SettlementValues(market_data=data, calendar=calendar, am_settlement=am_settlement)
    # Everything is named here: what a desk will learn to hold besides must not come along unasked.
    return Desk(
        strategies=desk.strategies,
        market_data=data,
        store=kept,
        cache=desk.cache,
        simulator=desk.simulator,
        calendar=calendar,
        indicators=desk.indicators,
        broker=StoredAccount(store=kept, simulator=desk.simulator, cash_usd=cash_usd, values=values),
        feed=feed or ReplayFeed(market_data=data, calendar=calendar, volatility=volatility, order=order),
    )


@dataclass(frozen=True, kw_only=True)
class Replay:
    """Sessions to replay, checked; made by :func:`plan_replay`."""

    spec: DaySpec
    """What to trade, in an account of its own name."""
    desk: Desk
    """On what, with the spec's overrides of fills and fees in its broker."""
    account: StoredAccount
    """The desk's broker."""
    feed: QuoteFeed
    """The desk's feed."""
    sessions: tuple[date, ...]
    """Which, oldest first."""

    def begins_at(self, session: date) -> datetime:
        """Returns where a session's replay begins: five minutes before its open, or where an earlier run of it was broken off.

        Args:
            session: One of the sessions.

        Raises:
            ConfigurationError: The account has seen a later session.
            BrokerUnavailable: The store cannot be reached.
        """
        start = self.desk.calendar.opens_at(session) - _EARLY
        if not self.account.exists():
            return start
        seen = self.account.now()
        if seen.astimezone(NEW_YORK).date() > session:
            raise ConfigurationError(
                f"the simulated account in {self.desk.store!r} has seen {seen:%Y-%m-%d %H:%M} UTC, so {session} cannot be "
                "replayed on it; go on from there, or name another store"
            )
        return max(start, seen)

    def has_quotes(self, session: date) -> bool:
        """Whether every underlying of the strategy has a chain in a session.

        Args:
            session: One of the sessions.

        Raises:
            BadData: The source cannot be read, or has no bar in the session.
        """
        return not self._unquoted(session)

    def _unquoted(self, session: date) -> list[str]:
        at = self.desk.calendar.closes_at(session)
        underlyings = setup_of(self.spec, self.desk)[0].underlyings
        return [symbol for symbol in underlyings if self.feed.chain(symbol, at) is None]


def plan_replay(spec: DaySpec, desk: Desk, session: date, *, through: date | None = None) -> Replay:
    """Checks that sessions can be replayed, and gives the books names of their own: account ``paper`` becomes ``replay-paper``.

    So neither a store nor a Temporal server ever takes them for the books of live days. In process :func:`replay` does the
    rest. On Temporal start a day for each session with ``spec``, ``replay_from=begins_at(session)`` and a worker on ``desk``,
    on a task queue where no worker with a real broker listens.

    Args:
        spec: What to trade.
        desk: From :func:`replay_desk`.
        session: The first session; it must have quotes. A later one without is run too, as a day whose feed is silent.
        through: The last; None for that one alone.

    Raises:
        ConfigurationError: The desk's broker is no simulated account in its own store, the account has seen a later session, or
            ``through`` is before ``session``.
        UnknownName: The desk has no such strategy, or an override names nothing.
        DataError: ``session`` is none, or it has no quotes.
        BadData: The source has no quotes at all, or no bar in one of the sessions.
    """
    account, feed = desk.broker, desk.feed
    own: object = desk.store
    if not isinstance(account, StoredAccount) or feed is None or account.store is not own:
        raise ConfigurationError(
            f"a replay trades in a simulated account of its own, not with {account!r}; use replay_desk(desk)"
        )
    last = session if through is None else through
    if last < session:
        raise ConfigurationError(f"through {last} lies before {session}; name the last session to replay")
    sessions = desk.calendar.sessions(session, last)
    if session not in sessions:
        near = desk.calendar.sessions(session, session + timedelta(days=14))
        raise DataError(f"{session} is no session of the calendar" + (f"; the next one is {near[0]}" if near else ""))
    name = spec.account if spec.account.startswith(_PREFIX) else (_PREFIX + spec.account)[:_LONGEST_ACCOUNT]
    account = dataclasses.replace(account, simulator=setup_of(spec, desk)[1])
    planned = Replay(
        spec=spec.model_copy(update={"account": name}),
        desk=dataclasses.replace(desk, broker=account),
        account=account,
        feed=feed,
        sessions=sessions,
    )
    if isinstance(feed, ReplayFeed):
        feed.check_bars(setup_of(spec, desk)[0].underlyings, sessions)
    unquoted = planned._unquoted(session)  # noqa: SLF001 - its own module
    if unquoted:
        raise DataError(
            f"no quotes of {', '.join(map(repr, unquoted))} on {session}; choose a session for which there are some"
        )
    planned.begins_at(session)
    return planned


def replay(
    spec: DaySpec,
    desk: Desk,
    session: date,
    *,
    through: date | None = None,
    pace: float = 0.0,
    after_step: Callable[[DayContext, datetime], None] | None = None,
) -> tuple[DayResult, ...]:
    """Replays historical sessions in this process, one after another, each from before its open to its last reconciliation.

    Positions are carried from session to session, and what expires is settled, exercised or assigned between them. What a
    replay leaves is in the desk's store, under the book ``replay-<account>.<strategy>``. Called again from the session in which
    it was broken off, it goes on there.

    Args:
        spec: What to trade.
        desk: From :func:`replay_desk`.
        session: The first session.
        through: The last; None for that one alone.
        pace: Market seconds that pass in a real second; 0 for as fast as possible.
        after_step: Called after every step with the instant, for progress.

    Returns:
        What each session came to.

    Raises:
        ConfigurationError: As for :func:`plan_replay`; the pace is negative or no number; or on what a contract settled is not
            known.
        UnknownName: As for :func:`plan_replay`.
        DataError: As for :func:`plan_replay`.
        BrokerUnavailable: The store cannot be reached.
    """
    if pace and not 0.0 < pace < float("inf"):
        raise ConfigurationError(f"pace must be 0 or a positive number, got {pace!r}")
    planned = plan_replay(spec, desk, session, through=through)
    return tuple(_replayed(planned, one, pace, after_step) for one in planned.sessions)


def _replayed(
    planned: Replay, session: date, pace: float, after_step: Callable[[DayContext, datetime], None] | None
) -> DayResult:
    start = planned.begins_at(session)
    return run_day(
        planned.spec,
        planned.desk,
        broker=planned.account,
        store=planned.account.store.trading,
        feed=planned.feed,
        clock=PacedClock(start, pace) if pace else SimulatedClock(start),
        owner=_OWNER,
        after_step=after_step,
    )
