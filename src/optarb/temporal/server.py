"""Finds, fetches and runs a Temporal server for development, tests and the demo.

``python -m optarb.temporal.server fetch`` makes sure that one is on this machine and prints where.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from temporalio.testing import WorkflowEnvironment

from optarb.errors import ConfigurationError, ServerUnavailable
from optarb.temporal import _server_fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from temporalio.client import Client, Plugin

__all__ = ["CLI_VARIABLE", "EmbeddedServer", "cache_folder", "find_cli", "resolve_cli"]

CLI_VARIABLE = "OPTARB_TEMPORAL_CLI"
"""Environment variable that names the ``temporal`` executable to use."""

# As shipped, a transfer queue may be polled 20 times a second, which makes each sequential activity last 100 ms; and
# four partitions stall a burst of tasks for two seconds now and then.
_FAST_SETTINGS = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
_STARTUP_TIMEOUT = timedelta(seconds=30)
# The SDK can crash at interpreter exit when the loop ends in the same moment as the server does.
_SETTLE_SECONDS = 0.5


def cache_folder() -> Path:
    """Returns the folder that keeps a fetched server; it may not exist yet.

    Returns:
        ``$XDG_CACHE_HOME/optarb/temporal``, or ``~/.cache/optarb/temporal`` if the variable is unset or empty.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "optarb" / "temporal"


def find_cli() -> Path | None:
    """Looks for a ``temporal`` executable without fetching anything.

    The order is the variable ``OPTARB_TEMPORAL_CLI``, ``temporal`` on ``PATH``, the cache folder.

    Returns:
        The executable, or None if there is none.

    Raises:
        ConfigurationError: ``OPTARB_TEMPORAL_CLI`` is set to something that cannot be run.
    """
    named = os.environ.get(CLI_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not _runnable(path):
            raise ConfigurationError(f"{CLI_VARIABLE} is set to {named!r}, which is no executable file; correct it or unset it")
        return path
    on_path = shutil.which("temporal")
    if on_path:
        return Path(on_path)
    cached = cache_folder() / "temporal"
    return cached if _runnable(cached) else None


def resolve_cli(*, fetch: bool = True, progress: Callable[[str], object] | None = None) -> Path:
    """Finds a ``temporal`` executable, and fetches one into the cache folder if there is none.

    Fetching asks the SDK to download a server and, where that fails, builds one with Go (about four minutes). Processes
    that fetch at the same time wait for each other. The call blocks; a coroutine uses ``asyncio.to_thread``.

    Args:
        fetch: Whether to fetch a server if none is found.
        progress: Called with one line of text before each step that takes time; None for silence.

    Returns:
        The executable.

    Raises:
        ConfigurationError: ``OPTARB_TEMPORAL_CLI`` is set to something that cannot be run.
        ServerUnavailable: None was found, and none could be fetched. The message names every way that was tried.
    """
    found = find_cli()
    if found is not None:
        return found
    failures: Sequence[str] = ("nothing was fetched, as asked",)
    if fetch:
        say = progress if progress is not None else _silent
        fetched, failures = _server_fetch.fetch(cache_folder() / "temporal", say)
        if fetched is not None:
            return fetched
    raise ServerUnavailable(_nothing_found(failures))


class EmbeddedServer:
    """A Temporal server of one's own on the loopback interface, for as long as an ``async with`` block lasts.

    It always runs with the four settings that make it fast for many short activities. End workers before the block
    ends. One instance is used once at a time; it can be entered again after it was left.

    Example::

        async with EmbeddedServer() as server:
            worker = Worker(server.client, task_queue="optarb")
    """

    def __init__(
        self,
        *,
        cli: Path | None = None,
        database: Path | None = None,
        namespace: str = "default",
        port: int | None = None,
        ui: bool = False,
        plugins: Sequence[Plugin] = (),
        progress: Callable[[str], object] | None = None,
    ) -> None:
        """Describes the server; it starts when the block is entered.

        Args:
            cli: The ``temporal`` executable; None finds one with :func:`resolve_cli`.
            database: SQLite file that outlives the server; None keeps everything in memory.
            namespace: Namespace to create and connect to.
            port: TCP port on 127.0.0.1; None takes a free one.
            ui: Whether to serve Temporal's web pages as well.
            plugins: Plugins of :attr:`client`, such as ``OptarbPlugin``.
            progress: Called with one line of text before each slow step; None for silence.
        """
        self._cli = cli
        self._database = database
        self._namespace = namespace
        self._port = port
        self._ui = ui
        self._plugins = tuple(plugins)
        self._progress = progress
        self._environment: WorkflowEnvironment | None = None

    @property
    def client(self) -> Client:
        """A client connected to the server.

        Raises:
            ServerUnavailable: The block was not entered, or was left.
        """
        if self._environment is None:
            raise ServerUnavailable(
                'this EmbeddedServer is not running; use it inside "async with EmbeddedServer() as server:"'
            )
        return self._environment.client

    @property
    def address(self) -> str:
        """Where the server listens, as ``host:port``.

        Raises:
            ServerUnavailable: The block was not entered, or was left.
        """
        return self.client.service_client.config.target_host

    async def __aenter__(self) -> Self:
        """Starts the server.

        Raises:
            ConfigurationError: The instance is running already, or ``OPTARB_TEMPORAL_CLI`` is wrong.
            ServerUnavailable: No server was found, or it did not start within 30 seconds.
        """
        if self._environment is not None:
            raise ConfigurationError("this EmbeddedServer is running already; make a second one")
        cli = self._cli or await asyncio.to_thread(resolve_cli, progress=self._progress)
        extra_args = [word for setting in _FAST_SETTINGS for word in ("--dynamic-config-value", setting)]
        try:
            self._environment = await WorkflowEnvironment.start_local(
                namespace=self._namespace,
                plugins=self._plugins,
                ip="127.0.0.1",
                port=self._port,
                ui=self._ui,
                dev_server_existing_path=str(cli),
                dev_server_database_filename=None if self._database is None else str(self._database),
                dev_server_log_level="error",
                dev_server_extra_args=extra_args,
                dev_server_startup_timeout=_STARTUP_TIMEOUT,
            )
        except RuntimeError as error:
            raise ServerUnavailable(f"the Temporal server {str(cli)!r} did not start: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the server and waits until the SDK has let go of it."""
        environment, self._environment = self._environment, None
        if environment is not None:
            await environment.shutdown()
            del environment
            await asyncio.sleep(_SETTLE_SECONDS)


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _silent(line: str) -> None:
    """Drops a line of progress."""


def _nothing_found(failures: Sequence[str]) -> str:
    lines = [
        "no Temporal server was found. Looked for:",
        f"  - the variable {CLI_VARIABLE}: not set",
        "  - temporal on PATH: none",
        f"  - the cache folder: no {str(cache_folder() / 'temporal')!r}",
        *(f"  - {failure}" for failure in failures),
        "Install the Temporal CLI, or set TEMPORAL_ADDRESS to a server that runs.",
    ]
    return "\n".join(lines)


def _main(arguments: Sequence[str]) -> int:
    if list(arguments) != ["fetch"]:
        sys.stderr.write("usage: python -m optarb.temporal.server fetch\n")
        return 2
    try:
        path = resolve_cli(progress=lambda line: sys.stderr.write(f"{line}\n"))
    except (ConfigurationError, ServerUnavailable) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
