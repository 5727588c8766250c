"""``optarb demo``: a first backtest that needs no data, no server and no code of one's own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.reports import Result
    from optarb.specs import BacktestSpec

__all__ = ["demo", "demo_desk", "demo_spec", "run_demo"]


def demo(
    in_process: Annotated[
        bool, typer.Option("--in-process/--temporal", help="Run in this process, or on a Temporal server.")
    ] = True,
) -> None:
    """Backtest five years on real S&P 500 bars and options modelled on the VIX, and print the result."""
    run_demo(in_process=in_process)


def demo_desk(folder: Path) -> Desk:
    """Builds the desk of the demo.

    Args:
        folder: Where its store and its cache live.
    """
    from optarb.caches import FileCache
    from optarb.desk import Desk
    from optarb.experts import RulesExpert
    from optarb.market_data import demo_market_data
    from optarb.policies import RiskPolicy
    from optarb.position_managers import ExitRules
    from optarb.stores import SqlStore
    from optarb.strategy import Strategy

    strategy = Strategy(
        name="rules",
        underlyings=("SPX",),
        references=("VIX",),
        experts={"rules": RulesExpert()},
        policy=RiskPolicy(),
        exits=ExitRules(),
    )
    return Desk(
        strategies=[strategy],
        market_data=demo_market_data(),
        store=SqlStore(url=f"sqlite:///{folder / 'optarb.db'}"),
        cache=FileCache(path=str(folder / "cache")),
    )


def demo_spec() -> BacktestSpec:
    """Builds the spec of the demo: every session for which the demo data have a VIX close."""
    from optarb.specs import BacktestSpec

    return BacktestSpec(
        strategy="rules", start=date(2014, 1, 3), end=date(2018, 12, 31), capital=Decimal(100_000), backtest_id="demo"
    )


def run_demo(*, in_process: bool) -> None:
    """Runs the demo in a temporary folder and prints its result.

    Args:
        in_process: Whether to run it in this process; else on a Temporal server, its own if none listens.

    Raises:
        MissingExtra: The package arch, which brings the bars, is not installed.
    """
    with TemporaryDirectory(prefix="optarb-demo-") as folder, demo_desk(Path(folder)) as desk:
        result = _in_process(desk) if in_process else _on_temporal(desk)
        typer.echo(str(result))


def _in_process(desk: Desk) -> Result:
    from optarb.backtesting.runner import backtest

    return backtest(demo_spec(), desk)


def _on_temporal(desk: Desk) -> Result:
    from optarb.cli._temporal import run_on_temporal
    from optarb.reports import load_result

    return load_result(desk, run_on_temporal(demo_spec(), desk).backtest_id)
