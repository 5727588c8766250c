"""``optarb replay``."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from optarb.cli.desks import DeskOption, load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.cli.options import InProcessOption, RunAddressOption
from optarb.cli.output import JsonOption, print_json, print_table

if TYPE_CHECKING:
    from datetime import date

    from optarb.cli._course import ReplayedDay
    from optarb.cli._replaying import HowToReplay
    from optarb.desk import Desk
    from optarb.stores import SqlStore
    from optarb.trading.day_spec import DaySpec
    from optarb.trading.replaying import Replay

__all__ = ["replay"]


def replay(
    session: Annotated[
        datetime, typer.Argument(metavar="SESSION", formats=["%Y-%m-%d"], help="The session, such as 2018-02-05.")
    ],
    desk: DeskOption,
    *,
    through: Annotated[
        datetime | None,
        typer.Option("--through", metavar="SESSION", formats=["%Y-%m-%d"], help="Last session; by default that one alone."),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="NAME", help="Which strategy, in place of the spec's.")
    ] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", metavar="DAY.toml", help="Capital, limits and rules of the days.")
    ] = None,
    order: Annotated[
        Literal["by_date", "high_first", "low_first", "both"],
        typer.Option("--order", help="Which extreme of a session comes first; both to count the trades that hang on it."),
    ] = "by_date",
    volatility: Annotated[
        str, typer.Option("--volatility", metavar="SYMBOL", help="Index that moves volatilities over the day, or none.")
    ] = "VIX",
    pace: Annotated[
        float, typer.Option("--pace", min=0.0, help="Market seconds in a real second; 0 for as fast as possible.")
    ] = 0.0,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="FILE", help="SQLite file for the replayed book; by default it is thrown away."),
    ] = None,
    in_process: InProcessOption = False,
    address: RunAddressOption = None,
    json: JsonOption = False,
) -> None:
    """Replay historical days through the live day, against a simulated broker.

    Quotes within a session are made of its daily chain and bars, and marked as modelled; a desk whose feed is an IntradayFeed
    is replayed on that. Nothing of the desk's own broker, feed, store or notifiers is used.
    """
    if in_process and address is not None:
        raise typer.BadParameter("--in-process uses no server; leave --address or --in-process out")
    if order == "both" and store is not None:
        raise typer.BadParameter("--order both replays twice, each in a store of its own; leave --store out")
    from optarb.cli._replaying import HowToReplay

    how = HowToReplay(in_process=in_process, address=address, pace=pace, quiet=json)
    asked = _Asked(session=session.date(), through=None if through is None else through.date(), volatility=volatility, how=how)
    with load_desk(desk) as loaded:
        chosen = _chosen(loaded, spec, strategy)
        if order == "both":
            days = _both(asked, loaded, chosen, json=json)
        else:
            with _kept(store, in_process=in_process) as kept:
                planned, days = _run(asked, loaded, chosen, kept, order)
            _print(planned, days, order, json=json)
    if any(day.outcome == "failed" for day in days):
        raise typer.Exit(ExitCode.FAILED)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line names."""

    session: date
    through: date | None
    volatility: str
    how: HowToReplay


def _chosen(desk: Desk, path: Path | None, strategy: str | None) -> DaySpec:
    from optarb.trading.day_spec import DaySpec

    names = [one.name for one in desk.strategies]
    if path is not None:
        spec = DaySpec.from_toml(path)
        return spec if strategy is None else spec.model_copy(update={"strategy": strategy})
    if strategy is None and len(names) > 1:
        raise typer.BadParameter(f"the desk has several strategies; name one with --strategy: {', '.join(names)}")
    return DaySpec(strategy=strategy or names[0])


@contextmanager
def _kept(path: Path | None, *, in_process: bool) -> Generator[SqlStore | None]:
    """The store of a replay: the file that is named, one that is thrown away, or none where memory will do."""
    from optarb.stores import SqlStore

    if path is not None:
        with _closing(SqlStore(url=f"sqlite:///{path}")) as store:
            yield store
    elif in_process:
        yield None
    else:
        with (
            TemporaryDirectory(prefix="optarb-replay-") as folder,
            _closing(SqlStore(url=f"sqlite:///{folder}/replay.db")) as store,
        ):
            yield store


@contextmanager
def _closing(store: SqlStore) -> Generator[SqlStore]:
    try:
        yield store
    finally:
        store.close()


def _run(
    asked: _Asked, desk: Desk, spec: DaySpec, store: SqlStore | None, order: Literal["by_date", "high_first", "low_first"]
) -> tuple[Replay, list[ReplayedDay]]:
    from optarb.cli._replaying import run_replay
    from optarb.trading.intraday_feed import IntradayFeed
    from optarb.trading.replaying import plan_replay, replay_desk

    replayed = replay_desk(
        desk,
        store=store,
        feed=desk.feed if isinstance(desk.feed, IntradayFeed) else None,
        volatility=None if asked.volatility.lower() == "none" else asked.volatility,
        order=order,
        am_settlement=spec.am_settlement,
    )
    planned = plan_replay(spec, replayed, asked.session, through=asked.through)
    return planned, run_replay(planned, asked.how)


def _both(asked: _Asked, desk: Desk, spec: DaySpec, *, json: bool) -> list[ReplayedDay]:
    """Replays with the high first and with the low first, and says how many trades change."""
    from optarb.trading.intraday_feed import IntradayFeed
    from optarb.trading.replay_orders import changed_trades

    if isinstance(desk.feed, IntradayFeed):
        raise typer.BadParameter("the desk's feed has the quotes as they were: there is no order to choose")
    with _kept(None, in_process=asked.how.in_process) as one, _kept(None, in_process=asked.how.in_process) as other:
        high, high_days = _run(asked, desk, spec, one, "high_first")
        if not json:
            _print(high, high_days, "high_first", json=False)
        low, low_days = _run(asked, desk, spec, other, "low_first")
        trades, changed = changed_trades(
            high.account.store.trading,
            low.account.store.trading,
            book_id=high.spec.book_id,
            first=high.sessions[0],
            last=high.sessions[-1],
        )
    if json:
        found = {"high_first": _document(high, high_days), "low_first": _document(low, low_days)}
        print_json({**found, "trades": list(trades), "changed": list(changed)})
    else:
        _print(low, low_days, "low_first", json=False)
        named = f": {', '.join(changed)}" if changed else ""
        typer.echo(f"{len(changed)} of {len(trades)} trades change with the order of high and low{named}")
    return [*high_days, *low_days]


def _document(planned: Replay, days: Sequence[ReplayedDay]) -> dict[str, Any]:
    return {
        "book_id": planned.spec.book_id,
        "feed": type(planned.feed).__name__,
        "sessions": [dataclasses.asdict(day) for day in days],
        "fees_usd": sum((day.fees_usd for day in days), Decimal(0)),
        "profit_usd": sum((day.profit_usd for day in days), Decimal(0)),
    }


def _print(planned: Replay, days: Sequence[ReplayedDay], order: str, *, json: bool) -> None:
    if json:
        print_json(_document(planned, days))
        return
    head = ("session", "outcome", "opened", "closed", "held", "fills", "modelled", "fees", "profit", "equity")
    typer.echo(f"{planned.spec.book_id}  {type(planned.feed).__name__}  {order}")
    print_table(head, [_row(day) for day in days])
    fills, modelled = sum(day.fills for day in days), sum(day.modelled for day in days)
    prices = "modelled" if modelled == fills else "quoted" if not modelled else f"modelled in {modelled} of {fills} fills"
    profit, fees = (sum((getattr(day, name) for day in days), Decimal(0)) for name in ("profit_usd", "fees_usd"))
    typer.echo(
        f"profit {profit:+.2f} USD after fees of {fees:.2f}; " + (f"prices: {prices}" if fills else "nothing was traded")
    )
    for day in days:
        for why in day.needs_human:
            typer.echo(f"{day.session}  needs a person: {why}")


def _row(day: ReplayedDay) -> tuple[str, ...]:
    counts = (day.opened, day.closed, day.open_positions, day.fills, day.modelled)
    amounts = (f"{day.fees_usd:.2f}", f"{day.profit_usd:+.2f}", f"{day.equity_usd:.2f}")
    return (str(day.session), day.outcome, *map(str, counts), *amounts)
