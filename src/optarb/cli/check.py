"""``optarb check``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optarb.cli.desks import import_attribute, load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.cli.output import JsonOption, print_json
from optarb.errors import ConfigurationError

if TYPE_CHECKING:
    from optarb.lookahead import LookaheadReport

__all__ = ["check"]


def check(
    component: Annotated[
        str, typer.Argument(metavar="MODULE:COMPONENT", help="What to check, such as my_experts:dip or my_experts:BuyTheDip.")
    ],
    *,
    desk: Annotated[
        str | None,
        typer.Option(
            "--desk", envvar="OPTARB_DESK", metavar="MODULE:ATTRIBUTE", help="The desk whose data to use; none makes data up."
        ),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option("--spec", metavar="SPEC.toml", help="Range and strategy; by default the desk's last 250 sessions."),
    ] = None,
    sessions: Annotated[int, typer.Option("--sessions", min=1, help="How many sessions to draw.")] = 40,
    every: Annotated[bool, typer.Option("--every", help="Draw every session.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the sessions drawn and of what replaces the future.")] = 0,
    json: JsonOption = False,
) -> None:
    """Look whether a component uses what it cannot know yet, or depends on something else than its view.

    An indicator, expert, policy, exits or structure is asked as in a backtest, again and again, with the future cut off or
    changed, in another order, in other processes and with another clock. Exit code 1 if an answer changes.
    """
    found = _instance(component)
    if desk is None:
        report = _checked(found, None, spec, sessions=sessions, every=every, seed=seed)
    else:
        with load_desk(desk) as loaded:
            report = _checked(found, loaded, spec, sessions=sessions, every=every, seed=seed)
    if json:
        print_json(report.to_json())
    else:
        typer.echo(str(report))
    if not report.ok:
        raise typer.Exit(ExitCode.FAILED)


def _instance(name: str) -> Any:
    """Imports a component; a class whose parameters all have defaults stands for an instance with them."""
    value = import_attribute(name, "component", "my_experts:dip")
    if not isinstance(value, type):
        return value
    required = [
        one.name
        for one in inspect.signature(value).parameters.values()
        if one.default is one.empty and one.kind not in {one.VAR_POSITIONAL, one.VAR_KEYWORD}
    ]
    if required:
        raise ConfigurationError(f"{name!r} is a class that needs {', '.join(required)}; name an instance in its module")
    return value()


def _checked(component: Any, desk: Any, spec: Path | None, *, sessions: int, every: bool, seed: int) -> LookaheadReport:
    from optarb.lookahead import check_lookahead
    from optarb.specs import BacktestSpec

    chosen = None if spec is None else BacktestSpec.from_toml(spec)
    return check_lookahead(component, desk=desk, spec=chosen, sessions=sessions, every=every, seed=seed)
