"""``optarb explain``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from optarb.cli.desks import BookArgument, DeskOption, find_backtest, load_shared_desk
from optarb.cli.output import print_table

if TYPE_CHECKING:
    from optarb.reports import Result

__all__ = ["explain"]


def explain(
    backtest_id: BookArgument,
    desk: DeskOption,
    trade_id: Annotated[
        str | None, typer.Argument(metavar="[TRADE_ID]", help="The trade; without one they are listed.")
    ] = None,
) -> None:
    """Tell the story of one trade, or list the trades.

    The story is signals, verdicts, orders, quotes, marks and the exit.
    """
    from optarb.reports import load_result

    with load_shared_desk(desk) as loaded:
        find_backtest(loaded, backtest_id)
        result = load_result(loaded, backtest_id)
        if trade_id is not None:
            typer.echo(str(result.explain(trade_id)))
        else:
            _print_trades(result)


def _print_trades(result: Result) -> None:
    from optarb.domain.money import from_units
    from optarb.reports.trades import read_trades

    rows = [
        (one.trade_id, one.underlying, str(one.opened), str(one.closed or ""), one.exit_reason, f"{from_units(one.pnl):,.2f}")
        for one in read_trades(result.store, result.backtest_id)
    ]
    print_table(("trade", "underlying", "opened", "closed", "exit", "result in USD"), rows)
