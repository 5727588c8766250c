"""``optarb worker``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from optarb.cli.desks import load_desk, load_shared_desk
from optarb.cli.options import TASK_QUEUE, AddressOption, TaskQueueOption
from optarb.cli.output import JsonOption, colour, instant, print_json, print_table
from optarb.errors import ConfigurationError, ServerUnavailable, UnknownName

if TYPE_CHECKING:
    from optarb.cli._asking import Poller
    from optarb.cli._worker_groups import GroupState

__all__ = ["worker_app"]

worker_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Workers that run backtests on Temporal.")
"""The command ``optarb worker``."""

_DeskArgument = Annotated[
    str,
    typer.Argument(envvar="OPTARB_DESK", metavar="MODULE:ATTRIBUTE", help="Where the desk is, such as my_desk:desk."),
]
_DEFAULT_NAME = "default"
_NameOption = Annotated[str, typer.Option("--name", help="Name of the group of workers.")]
_AnyNameOption = Annotated[str | None, typer.Option("--name", help="This group of workers alone.")]
_START_SECONDS = 180.0
"""How long workers may take to listen: a busy machine loads libraries slowly, and a worker that fails is noticed at once."""


@worker_app.command(epilog="Example: optarb worker run my_desk:desk --address localhost:7233")
def run(
    desk: _DeskArgument,
    *,
    address: AddressOption = None,
    task_queue: TaskQueueOption = TASK_QUEUE,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Work on a task queue until Ctrl-C.

    What runs then is finished first; a second Ctrl-C ends it at once.
    """
    import logging

    from optarb.cli._worker_process import run_worker

    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("optarb").setLevel(logging.INFO)
    with load_desk(desk) as loaded:
        run_worker(loaded, address, task_queue, supervised=supervised)


@worker_app.command(epilog="Example: optarb worker start my_desk:desk -n 4 --task-queue cpu --name cpu")
def start(
    desk: _DeskArgument,
    *,
    count: Annotated[int, typer.Option("-n", "--count", min=1, max=1000, help="Worker processes.")] = 1,
    name: _NameOption = _DEFAULT_NAME,
    address: AddressOption = None,
    task_queue: TaskQueueOption = TASK_QUEUE,
) -> None:
    """Start workers in the background.

    A supervisor starts those again that end by themselves.
    """
    if sys.platform == "win32":
        raise ConfigurationError("background workers need Linux or macOS; use optarb worker run")
    from optarb.cli._worker_groups import GroupSettings, group_folder, start_group

    settings = GroupSettings(
        name=name, desk=desk, count=count, task_queue=task_queue, address=address, directory=str(Path.cwd())
    )
    load_shared_desk(desk).close()  # what is wrong with it is best said here
    state = start_group(settings, _START_SECONDS)
    pids = ", ".join(str(process.pid) for process in state.processes)
    typer.echo(f"workers {name!r} listen on task queue {task_queue!r}: {_counted(count, 'process', 'processes')} ({pids})")
    typer.echo(f"logs are in {group_folder(name)}", err=True)


@worker_app.command(epilog="Example: optarb worker stop --name cpu --timeout 600")
def stop(
    *,
    name: _NameOption = _DEFAULT_NAME,
    timeout: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="How long running activities may take before they are killed.")
    ] = 60.0,
) -> None:
    """Stop workers, which finish what runs.

    What was killed is done again by other workers.
    """
    from optarb.cli._worker_groups import find_groups, stop_group

    state = find_groups(name)[0]
    if not state.is_alive:
        typer.echo(f"workers {name!r} do not run")
        return
    killed = stop_group(
        name,
        timeout,
        lambda left: typer.echo(f"waiting up to {timeout:g} s for what {_counted(left, 'worker')} still do", err=True),
    )
    typer.echo(f"workers {name!r} have stopped")
    if killed:
        listed = ", ".join(map(str, killed))
        typer.echo(f"had to kill {_counted(len(killed), 'process', 'processes')} ({listed}): not done in {timeout:g} s")


@worker_app.command(epilog="Example: optarb worker status --json")
def status(*, name: _AnyNameOption = None, json: JsonOption = False) -> None:
    """Show the workers that were started here.

    The server is asked whether it hears of them. Exit code 1 if one should run and does not.
    """
    from optarb.cli._worker_groups import find_groups

    groups = [(state, *_polling(state)) for state in find_groups(name)]
    if json:
        print_json({"groups": [_document(*group) for group in groups]})
    elif not groups:
        typer.echo("no workers have been started here; see optarb worker start --help")
    for group in groups if not json else ():
        _print_group(*group)
    if any(not _is_well(state) for state, *_ in groups):
        raise typer.Exit(1)


@worker_app.command(epilog="Example: optarb worker logs -f --name cpu --worker 2")
def logs(
    *,
    name: _NameOption = _DEFAULT_NAME,
    number: Annotated[
        int | None, typer.Option("--worker", min=0, metavar="NUMBER", help="This worker alone; 0 is the supervisor.")
    ] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on printing what is added, until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines of each log to begin with.")] = 20,
) -> None:
    """Print the end of the workers' logs."""
    from optarb.cli._logs import LogReader
    from optarb.cli._worker_groups import find_groups, log_file

    state = find_groups(name)[0]
    numbers = range(state.settings.count + 1)
    if number is not None and number not in numbers:
        raise UnknownName.of("worker", number, map(str, numbers))
    chosen = [one for one in numbers if number in {None, one}]
    readers = [(f"{one}: " if len(chosen) > 1 else "", LogReader(log_file(name, one))) for one in chosen]
    for prefix, reader in readers:
        for line in reader.last(lines):
            typer.echo(prefix + line)
    while follow:
        for prefix, reader in readers:
            for line in reader.added():
                typer.echo(prefix + line)
        _pause()


def _pause() -> None:
    import time

    time.sleep(0.2)


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _is_well(state: GroupState) -> bool:
    return state.word == "stopped" or (
        state.word == "running" and all(one.process is not None and one.process.is_alive for one in state.workers)
    )


def _polling(state: GroupState) -> tuple[dict[str, Poller] | None, str | None]:
    """Asks the server who polls the queue of a group that runs: by identity; or says why it could not be asked."""
    if not state.is_alive:
        return None, None
    from optarb.cli._asking import pollers

    try:
        return {one.identity: one for one in pollers(state.settings.task_queue, state.settings.address)}, None
    except (ServerUnavailable, ConfigurationError) as error:
        return None, str(error)


def _document(state: GroupState, polling: dict[str, Poller] | None, error: str | None) -> dict[str, object]:
    settings = state.settings
    return {
        "name": settings.name,
        "state": state.word,
        "desk": settings.desk,
        "task_queue": settings.task_queue,
        "address": settings.address,
        "started_at": state.started_at,
        "stopped_at": state.stopped_at,
        "supervisor_pid": state.supervisor.pid if state.supervisor.is_alive else None,
        "workers": [
            {
                "number": one.number,
                "state": one.state if one.process is None or one.process.is_alive else "dead",
                "pid": None if one.process is None else one.process.pid,
                "alive": one.process is not None and one.process.is_alive,
                "started_at": one.started_at,
                "restarts": one.restarts,
                "last_exit": one.last_exit,
                "polls": None if polling is None else _identity(one.process) in polling,
            }
            for one in state.workers
        ],
        "pollers": None
        if polling is None
        else [{"identity": one.identity, "last_seen_at": one.last_seen_at} for one in polling.values()],
        "server_error": error,
    }


def _shown(at: str | None) -> str:
    return instant(None if at is None else datetime.fromisoformat(at))


def _identity(process: object) -> str:
    """Names a worker's process as Temporal's SDK does."""
    import socket

    return f"{getattr(process, 'pid', '')}@{socket.gethostname()}"


def _print_group(state: GroupState, polling: dict[str, Poller] | None, error: str | None) -> None:
    document = _document(state, polling, error)
    settings = state.settings
    typer.echo(f"{settings.name}  {colour(state.word)}")
    typer.echo(f"desk {settings.desk}, task queue {settings.task_queue!r}, since {_shown(state.started_at)} UTC")
    if state.word == "dead":
        typer.echo(
            f"the supervisor was killed; its workers end by themselves. Start anew with: optarb worker start {settings.desk}"
        )
    if state.word == "stopped":
        typer.echo(f"stopped {_shown(state.stopped_at)} UTC")
        return
    polls = {True: "polls", False: "not heard of", None: "unknown"}
    workers: list[dict[str, Any]] = document["workers"]  # type: ignore[assignment]
    print_table(
        ("worker", "state", "pid", "up since", "restarts", "server"),
        [
            (
                str(one["number"]),
                one["state"],
                str(one["pid"] or ""),
                _shown(one["started_at"]),
                str(one["restarts"]),
                polls[one["polls"]],
            )
            for one in workers
        ],
    )
    if error is not None:
        typer.echo(f"the server could not be asked: {error}", err=True)
