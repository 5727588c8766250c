"""``optarb sweep``."""

from __future__ import annotations

import shlex
import sys
import tomllib
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optarb.cli.desks import DeskOption, load_desk
from optarb.cli.output import JsonOption, print_json, print_table
from optarb.errors import ConfigurationError

if TYPE_CHECKING:
    from optarb.reports.sweep_result import SweepResult

__all__ = ["sweep"]


def sweep(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.toml", help="What all settings have in common.")],
    grid: Annotated[Path, typer.Option(metavar="GRID.toml", help="Lists of values by override path, or a list of settings.")],
    desk: DeskOption,
    *,
    sweep_id: Annotated[
        str | None, typer.Option("--id", metavar="SWEEP_ID", help="Id of the sweep; resumes it if it exists.")
    ] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes to work in; by default what pays.")] = None,
    json: JsonOption = False,
) -> None:
    """Backtest many settings of one strategy on this machine."""
    from optarb.backtesting.sweep import sweep as run_sweep
    from optarb.backtesting.sweep_book import new_sweep_id
    from optarb.specs import BacktestSpec, SweepSpec

    with load_desk(desk) as loaded:
        common, values = BacktestSpec.from_toml(spec), _read_grid(grid)
        chosen = sweep_id or new_sweep_id(SweepSpec.of(common, values, None))
        try:
            with redirect_stdout(sys.stderr):  # what components print is no result
                result = run_sweep(common, loaded, values, sweep_id=chosen, processes=processes)
        except KeyboardInterrupt:
            again = ["optarb", "sweep", str(spec), "--grid", str(grid), "--desk", desk, "--id", chosen]
            left = f"go on with: {shlex.join(again)}" if loaded.store.is_shared else "nothing was kept"
            typer.echo(f"interrupted; {left}", err=True)
            raise
        _print(result, json=json)


def _read_grid(path: Path) -> Any:
    """Reads a grid: dotted or nested paths with lists of values, or ``[[settings]]`` tables of single values.

    Raises:
        ConfigurationError: The file cannot be read, or is no TOML.
    """
    try:
        fields: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read grid {str(path)!r}: {error}") from error
    if set(fields) == {"settings"}:
        return [_flat(one) for one in fields["settings"]]
    return _flat(fields)


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _print(result: SweepResult, *, json: bool) -> None:
    import json as json_text

    frame = result.table().reset_index()
    if json:
        rows = json_text.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
        print_json({"sweep_id": result.sweep_id, "settings": rows})
        return
    shown = frame.drop(columns=["backtest_id", "modelled", "digest", "duration"]).astype(object)
    shown = shown.where(shown.notna(), "")
    typer.echo(f"sweep {result.sweep_id}")
    print_table([str(name) for name in shown.columns], [[_cell(value) for value in row] for row in shown.to_numpy().tolist()])


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) < 1 else f"{value:,.2f}"
