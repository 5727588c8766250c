"""What ``optarb doctor`` looks at on a desk that trades live days. Nothing is sent: no order, no notice, no sign of life."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from optarb.cli._checks import Check, Finding
from optarb.errors import BrokerUnavailable
from optarb.protocols.brokers import SupportsAdvance
from optarb.protocols.trading import SupportsAccount, SupportsMarketClock

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.protocols import BrokerAdapter
    from optarb.protocols.trading import QuoteFeed

__all__ = ["checks_of_live_desk"]

_CLOCK_WARN: Final = timedelta(seconds=2)
_CLOCK_STOP: Final = timedelta(seconds=5)


def checks_of_live_desk(desk: Desk) -> dict[str, Check]:
    """Returns the checks of what a desk trades live days with; none for a desk that trades none.

    Args:
        desk: The desk.
    """
    checks: dict[str, Check] = {}
    if desk.broker is not None:
        checks["broker"] = partial(_broker, desk.broker)
    if desk.feed is not None:
        checks["feed"] = partial(_feed, desk, desk.feed)
    if checks:
        checks["notices"] = partial(_notices, desk)
    return checks


def _broker(broker: BrokerAdapter) -> Iterator[Finding]:
    can = broker.capabilities
    kind = "real money" if getattr(broker, "live", False) else "no real money"
    yield Finding(
        level="ok",
        message=f"{type(broker).__name__}, {kind}: multi_leg={can.multi_leg}, cross_underlying={can.cross_underlying}, "
        f"uncovered_shorts={can.uncovered_shorts}, unique_client_ids={can.unique_client_ids}, end_of_day={can.end_of_day}",
    )
    try:
        if not isinstance(broker, SupportsAdvance):
            yield _clock(broker)
        yield _account(broker)
    except BrokerUnavailable as error:
        yield Finding(level="problem", message=f"it cannot be asked: {error}", hint="see the broker's status page and the keys")


def _clock(broker: BrokerAdapter) -> Finding:
    skew = abs(broker.now() - datetime.now(UTC))
    told = f"its clock differs by {skew.total_seconds():.1f} s from this machine's"
    if skew <= _CLOCK_WARN:
        return Finding(level="ok", message=told)
    hint = "set this machine's clock by NTP; from 5 s on a day enters nothing"
    return Finding(level="problem" if skew > _CLOCK_STOP else "warning", message=told, hint=hint)


def _account(broker: BrokerAdapter) -> Finding:
    held = broker.positions()
    told = f"{len(held)} contracts held"
    if isinstance(broker, SupportsAccount):
        account = broker.account()
        told += f", equity {account.equity_usd:,.2f} USD, buying power {account.buying_power_usd:,.2f} USD"
    if isinstance(broker, SupportsMarketClock):
        told += ", market open" if broker.is_open() else ", market closed"
    return Finding(level="ok", message=told)


def _feed(desk: Desk, feed: QuoteFeed) -> Iterator[Finding]:
    symbols = dict.fromkeys(symbol for strategy in desk.strategies for symbol in strategy.underlyings)
    now = datetime.now(UTC)
    for symbol in symbols:
        try:
            price = feed.underlying_price(symbol, now)
        except BrokerUnavailable as error:
            yield Finding(
                level="problem", message=f"{symbol}: it cannot be asked: {error}", hint="see the feed's status and keys"
            )
            continue
        if price is None:
            yield Finding(level="warning", message=f"{symbol}: no price now", hint="look again in a session")
        else:
            yield Finding(level="ok", message=f"{symbol} at {price}")


def _notices(desk: Desk) -> Iterator[Finding]:
    names = ", ".join(desk.notifiers)
    if names:
        yield Finding(level="ok", message=f"notices go through {names}")
    else:
        yield Finding(level="warning", message="alarms reach nobody", hint="give the desk notifiers={'chat': ...}")
    if desk.heartbeat is None:
        yield Finding(
            level="warning", message="nobody outside notices if all workers die", hint="give the desk heartbeat=HeartbeatUrl()"
        )
