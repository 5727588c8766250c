"""``optarb demo``: a first backtest that needs no data, no server and no code of one's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from optarb.errors import OptarbError

if TYPE_CHECKING:
    from optarb.desk import Desk
    from optarb.reports import Result
    from optarb.specs import BacktestSpec, BacktestSummary

__all__ = ["demo", "demo_desk", "demo_spec", "run_demo"]


def demo(
    *,
    in_process: Annotated[bool, typer.Option("--in-process", help="Leave the Temporal server out.")] = False,
) -> None:
    """Backtest five years of demo data, on Temporal and in process.

    The bars are real S&P 500 bars, the options are modelled. Both runs must come to the same ledger.
    """
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

    The run on Temporal and the run in this process have stores and caches of their own, so that each computes everything;
    their digests must be equal.

    Args:
        in_process: Whether to leave the Temporal server out.

    Raises:
        MissingExtra: The package arch, which brings the bars, is not installed.
        OptarbError: A run failed, or the digests differ.
    """
    with TemporaryDirectory(prefix="optarb-demo-") as folder:
        results = {} if in_process else {"on Temporal": _run(Path(folder) / "temporal", _on_temporal)}
        results["in process"] = _run(Path(folder) / "process", _in_process)
    typer.echo(str(results["in process"][1]))
    for where, (summary, _) in results.items():
        computed = ", ".join(f"{phase} {blocks}" for phase, blocks in summary.blocks_computed.items())
        typer.echo(f"digest {where:<12} {summary.digest}  (computed here: {computed})")
    if len({summary.digest for summary, _ in results.values()}) != 1:
        raise OptarbError("the digests differ: the same backtest came to different ledgers; please report this")


def _run(folder: Path, runner: Callable[[Desk], Result]) -> tuple[BacktestSummary, str]:
    folder.mkdir()
    with demo_desk(folder) as desk:
        result = runner(desk)
        return result.summary, str(result)


def _in_process(desk: Desk) -> Result:
    from optarb.backtesting.runner import backtest

    return backtest(demo_spec(), desk, progress=True)


def _on_temporal(desk: Desk) -> Result:
    from optarb.cli._temporal import run_with_own_server

    return run_with_own_server(demo_spec(), desk, progress=True)
