"""The supervisor of a group of workers: starts them, starts those that end again, and ends with them when it is told.

``python -m optarb.cli._supervisor FOLDER SETTINGS`` leaves a supervisor behind that belongs to no terminal, and returns.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from optarb.cli._processes import ProcessMark
from optarb.cli._worker_groups import READY, GroupSettings, GroupState, WorkerState, write_state
from optarb.cli.exit_codes import ExitCode

__all__ = ["main"]

_log = logging.getLogger("optarb.supervisor")
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_STEADY_SECONDS = 60.0
"""A worker that lived this long is started again without delay; one that keeps ending sooner waits longer each time."""
_LARGEST_LOG_BYTES = 10_000_000
"""A log that has grown beyond this is put aside when its worker starts; the one put aside before is dropped."""


def main(folder: Path, settings: GroupSettings) -> int:
    """Leaves a supervisor behind.

    Args:
        folder: Folder of the group; it exists.
        settings: What the group does.

    Returns:
        The exit code: 0 if the supervisor was started, 4 if the group has one.
    """
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        # Held until the last process that inherits it from here ends, and that is the supervisor alone.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return ExitCode.CONFLICT
    (folder / "supervisor.json").unlink(missing_ok=True)
    if os.fork():
        return ExitCode.DONE
    os.setsid()
    output = _opened_log(folder / "supervisor.log")
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(_Supervisor(folder, settings).run())
    return ExitCode.DONE


class _Supervisor:
    """Keeps the workers of a group alive."""

    def __init__(self, folder: Path, settings: GroupSettings) -> None:
        self._folder = folder
        self._settings = settings
        self._stopping = asyncio.Event()
        self._running: dict[int, asyncio.subprocess.Process] = {}
        nobody = WorkerState(number=0, state="starting", process=None, started_at=None, restarts=0, last_exit=None)
        self._state = GroupState(
            settings=settings,
            supervisor=ProcessMark.of(os.getpid()),
            started_at=_now(),
            stopped_at=None,
            workers=tuple(dataclasses.replace(nobody, number=number) for number in range(1, settings.count + 1)),
        )

    async def run(self) -> None:
        """Supervises until SIGTERM or SIGINT, and until every worker has ended then."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        write_state(self._folder, self._state)
        _log.info("supervising %d workers", self._settings.count)
        await asyncio.gather(*(self._keep(worker) for worker in self._state.workers))
        write_state(self._folder, dataclasses.replace(self._state, stopped_at=_now()))
        _log.info("every worker has ended")

    async def _keep(self, worker: WorkerState) -> None:
        """Runs one worker, again and again until the group is told to stop."""
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            began = time.monotonic()
            process = await self._spawned(worker.number)
            mark = ProcessMark.of(process.pid)
            worker = self._note(dataclasses.replace(worker, state="starting", process=mark, started_at=_now()))
            if process.stdout is not None and await process.stdout.readline() == READY.encode():
                worker = self._note(dataclasses.replace(worker, state="working"))
            code = await process.wait()
            del self._running[worker.number]
            _log.info("worker %d (pid %d) ended with %d", worker.number, process.pid, code)
            worker = dataclasses.replace(worker, process=None, started_at=None, last_exit=code)
            if time.monotonic() - began >= _STEADY_SECONDS:
                wait_seconds = _FIRST_WAIT_SECONDS
            if not self._stopping.is_set():
                worker = self._note(dataclasses.replace(worker, state="waiting"))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait_seconds)
            if self._stopping.is_set():
                self._note(dataclasses.replace(worker, state="stopped"))
                return
            wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
            worker = dataclasses.replace(worker, restarts=worker.restarts + 1)

    async def _spawned(self, number: int) -> asyncio.subprocess.Process:
        """Starts a worker. Its stdin is a pipe from here, so that it learns of the end of this process, whatever ends it."""
        settings = self._settings
        words = ["worker", "run", settings.desk, "--task-queue", settings.task_queue, "--supervised"]
        words += ["--address", settings.address] if settings.address else []
        log = _opened_log(self._folder / f"worker-{number}.log")
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", "optarb.cli"),
                *words,
                cwd=settings.directory,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        finally:
            os.close(log)
        self._running[number] = process
        if self._stopping.is_set():  # told while it was being started
            process.terminate()
        return process

    def _stop(self) -> None:
        _log.info("told to stop")
        self._stopping.set()
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()

    def _note(self, worker: WorkerState) -> WorkerState:
        """Writes down what became of a worker."""
        workers = tuple(worker if one.number == worker.number else one for one in self._state.workers)
        self._state = dataclasses.replace(self._state, workers=workers)
        write_state(self._folder, self._state)
        return worker


def _opened_log(file: Path) -> int:
    with contextlib.suppress(FileNotFoundError):
        if file.stat().st_size > _LARGEST_LOG_BYTES:
            file.replace(file.with_suffix(".log.1"))
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), GroupSettings(**json.loads(sys.argv[2]))))
