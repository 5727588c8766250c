"""Groups of worker processes: where their files are, what those say, and how a group is started and stopped."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optarb.cli._processes import ProcessMark
from optarb.cli.exit_codes import ExitCode
from optarb.errors import AlreadyRunning, ConfigurationError, OptarbError, UnknownName

__all__ = [
    "HOME_VARIABLE",
    "READY",
    "GroupSettings",
    "GroupState",
    "WorkerState",
    "find_groups",
    "group_folder",
    "log_file",
    "read_state",
    "start_group",
    "stop_group",
    "write_state",
]

HOME_VARIABLE = "OPTARB_HOME"
"""Environment variable that names the folder of the command line's own files."""
READY = "working\n"
"""What a worker says to its supervisor once it listens."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_STATE = "supervisor.json"
_LOOK_SECONDS = 0.05
_LAST_SECONDS = 10.0
"""How long a supervisor may take to notice that its workers were killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """What a group of workers does. Nothing here is secret: keys stay in the environment, which workers inherit."""

    name: str
    """Name of the group."""
    desk: str
    """``module:attribute``."""
    count: int
    """Worker processes, at least 1."""
    task_queue: str
    """Where they listen."""
    address: str | None
    """``host:port``; None for what the environment and ``temporal.toml`` say."""
    directory: str
    """Where they run, so that the desk's module and its relative paths are found."""

    def __post_init__(self) -> None:
        """Checks the name."""
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"a group of workers is named by letters, digits, dot, dash and underscore, at most 100; got {self.name!r}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """One worker of a group, as its supervisor sees it."""

    number: int
    """From 1."""
    state: str
    """``starting``, ``working``, ``waiting`` (for its next start) or ``stopped``."""
    process: ProcessMark | None
    """The process; None if there is none at the moment."""
    started_at: str | None
    """When that started, ISO 8601 in UTC."""
    restarts: int
    """How often it was started again after it had ended by itself."""
    last_exit: int | None
    """How the process before ended: its exit code, or less than 0 for a signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """A group of workers, as its supervisor wrote it down."""

    settings: GroupSettings
    """What the group does."""
    supervisor: ProcessMark
    """The process that keeps the workers alive."""
    started_at: str
    """When it started, ISO 8601 in UTC."""
    stopped_at: str | None
    """When it ended as it was told; None while it runs, and where it was killed."""
    workers: tuple[WorkerState, ...]
    """By number."""

    @property
    def processes(self) -> list[ProcessMark]:
        """The workers' processes that live."""
        return [one.process for one in self.workers if one.process is not None and one.process.is_alive]

    @property
    def is_alive(self) -> bool:
        """Whether any process of the group lives."""
        return self.supervisor.is_alive or bool(self.processes)

    @property
    def word(self) -> str:
        """``running``, ``stopped``, or ``dead`` if the supervisor was killed."""
        if self.supervisor.is_alive:
            return "running"
        return "stopped" if self.stopped_at is not None else "dead"


def group_folder(name: str = "") -> Path:
    """Returns the folder of a group, or the one of all groups; it may not exist.

    Args:
        name: Name of the group; empty for all.

    Returns:
        ``workers/<name>`` in the folder that ``OPTARB_HOME`` names, or in ``.optarb`` of the current folder.
    """
    home = os.environ.get(HOME_VARIABLE)
    return (Path(home).expanduser() if home else Path.cwd() / ".optarb") / "workers" / name


def log_file(name: str, number: int) -> Path:
    """Returns the log of a worker, or of the supervisor for number 0; it may not exist.

    Args:
        name: Name of the group.
        number: Number of the worker.
    """
    return group_folder(name) / (f"worker-{number}.log" if number else "supervisor.log")


def find_groups(name: str | None = None) -> list[GroupState]:
    """Reads what is known of the groups that were started here, by name.

    Args:
        name: One group alone; None for all.

    Raises:
        UnknownName: No group of that name was started here.
    """
    names = sorted(file.parent.name for file in group_folder().glob(f"*/{_STATE}"))
    if name is not None and name not in names:
        raise UnknownName(f"{UnknownName.of('group of workers', name, names)} (looked in {str(group_folder())!r})")
    states = (read_state(group_folder(one)) for one in names if name in {None, one})
    return [state for state in states if state is not None]


def read_state(folder: Path) -> GroupState | None:
    """Reads what a supervisor wrote down last; None if there is nothing, or nothing that can be read.

    Args:
        folder: Folder of the group.
    """
    try:
        fields: dict[str, Any] = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        workers = tuple(_worker(one) for one in fields.pop("workers"))
        settings = GroupSettings(**fields.pop("settings"))
        return GroupState(settings=settings, supervisor=ProcessMark(**fields.pop("supervisor")), workers=workers, **fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _worker(fields: dict[str, Any]) -> WorkerState:
    process = fields.pop("process")
    return WorkerState(process=ProcessMark(**process) if process else None, **fields)


def write_state(folder: Path, state: GroupState) -> None:
    """Writes the state down, whole or not at all.

    Args:
        folder: Folder of the group.
        state: What to write.
    """
    temporary = folder / f"{_STATE}.tmp"
    temporary.write_text(json.dumps(dataclasses.asdict(state), indent=1), encoding="utf-8")
    temporary.replace(folder / _STATE)


def start_group(settings: GroupSettings, timeout_seconds: float) -> GroupState:
    """Starts a group and waits until each of its workers listens. Leaves nothing behind if one does not.

    Args:
        settings: What to start.
        timeout_seconds: How long that may take.

    Raises:
        AlreadyRunning: A group of that name runs.
        OptarbError: A worker ended before it listened, or took too long.
    """
    folder = group_folder(settings.name)
    state = read_state(folder)
    if state is not None and state.is_alive:
        raise AlreadyRunning(
            f"workers {settings.name!r} run already; stop them with: optarb worker stop --name {settings.name}, "
            "or name the new ones otherwise"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # -P: what lies in the current folder must not stand in for a library.
    command = [sys.executable, "-P", "-m", "optarb.cli._supervisor", str(folder), json.dumps(dataclasses.asdict(settings))]
    # The process that is run here ends as soon as it has left the supervisor to itself.
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - this very program
    if done.returncode == ExitCode.CONFLICT:
        raise AlreadyRunning(f"workers {settings.name!r} are being started by somebody else")
    if done.returncode:
        raise OptarbError(f"the supervisor of workers {settings.name!r} could not be started; see the lines above")
    try:
        return _until_working(settings.name, folder, timeout_seconds)
    except BaseException:
        stop_group(settings.name, timeout_seconds=0.0)
        raise


def _until_working(name: str, folder: Path, timeout_seconds: float) -> GroupState:
    deadline = time.monotonic() + timeout_seconds
    while True:
        state = read_state(folder)
        if state is not None:
            if all(one.state == "working" for one in state.workers):
                return state
            for one in state.workers:
                if one.last_exit is not None:
                    raise OptarbError(f"worker {one.number} ended before it listened: {_last_words(name, one)}")
        if time.monotonic() >= deadline:
            raise OptarbError(
                f"workers {name!r} did not listen within {timeout_seconds:g} seconds; see optarb worker logs --name {name}"
            )
        time.sleep(_LOOK_SECONDS)


def _last_words(name: str, worker: WorkerState) -> str:
    try:
        lines = log_file(name, worker.number).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        lines = []
    said = [line for line in lines if line.strip()]
    return said[-1] if said else f"exit code {worker.last_exit}"


def stop_group(name: str, timeout_seconds: float, waiting: Callable[[int], object] | None = None) -> Sequence[int]:
    """Stops a group: its workers take no more work and finish what runs; what is left after the time-out is killed.

    Args:
        name: Name of the group.
        timeout_seconds: How long running activities may take.
        waiting: Called once with the number of workers that go on working; None for silence.

    Returns:
        The pids that had to be killed.
    """
    folder = group_folder(name)
    state = read_state(folder)
    if state is None or not state.is_alive:
        return []
    if not state.supervisor.signal(signal.SIGTERM):
        for process in state.processes:
            process.signal(signal.SIGTERM)
    if waiting is not None:
        waiting(len(state.processes))
    if _ends(folder, time.monotonic() + timeout_seconds):
        return []
    return _kill(folder)


def _ends(folder: Path, deadline: float) -> bool:
    """Waits until no process of a group lives; False if the deadline came first."""
    while (state := read_state(folder)) is not None and state.is_alive:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _kill(folder: Path) -> list[int]:
    """Kills the workers, and the supervisor too if it does not end then."""
    killed: list[int] = []
    deadline = time.monotonic() + _LAST_SECONDS
    while not _ends(folder, min(deadline, time.monotonic() + _LOOK_SECONDS)):
        state = read_state(folder)
        if state is None:
            break
        late = [state.supervisor] if time.monotonic() >= deadline else []
        killed += [process.pid for process in (*state.processes, *late) if process.signal(signal.SIGKILL)]
    return list(dict.fromkeys(killed))
