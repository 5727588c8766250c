"""A Temporal server and workers that are killed, and replaced.

``python -m tests.temporal.fleet`` is a nursery: it has everything loaded and forks workers, so that a killed one is replaced in
milliseconds. It ends when its standard input does, and its workers with it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner
from tests.temporal.acme.live import QuickDay, QuickGuardian
from tests.temporal.faults import Fault, FaultInterceptor, Faults
from tests.temporal.trading_rig import make_live_desk
from tests.temporal.workers import working

import optarb
from optarb.temporal import server

ROOT = Path(__file__).parent.parent.parent


class Nursery:
    """A process that forks workers. What it is asked, it has done when it answers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.temporal.fleet"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def fork(self, address: str, queue: str, desk: Path, faults: Path) -> int:
        """Starts a worker; returns its process."""
        return int(self._ask(address, queue, str(desk), str(faults)))

    def end_workers(self, workers: Sequence[int]) -> None:
        """Kills what is left of some workers."""
        self._ask("end", *map(str, workers))

    def close(self) -> None:
        with self._process:
            self._process.stdin.close()
            self._process.wait(30)

    def _ask(self, *words: str) -> bytes:
        self._process.stdin.write(json.dumps(words).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery ended; its words are above"
        return answer


class KillableServer:
    """A Temporal server on a database file. It is killed from outside, and started again with the same file and port."""

    def __init__(self, cli: Path, database: Path, *, continue_after: int = 100) -> None:
        """Plans one; it suggests to continue as new after so many events: 100 are the phases of a backtest before trading."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        suggest = f"limit.historyCount.suggestContinueAsNew={continue_after}"
        # A worker that is killed in a workflow's task is missed soon.
        settings = (*server._FAST_SETTINGS, suggest, 'history.defaultWorkflowTaskTimeout="1s"')
        self._command = [str(cli), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
        self._command += ["--db-filename", str(database), "--log-level", "never"]
        self._command += [word for setting in settings for word in ("--dynamic-config-value", setting)]

    async def start(self) -> None:
        self._process = await asyncio.to_thread(subprocess.Popen, self._command, stdout=subprocess.DEVNULL)
        await answering(self.address)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def restart(self) -> None:
        """Starts it anew once it is dead."""
        await asyncio.to_thread(self._process.wait, 30)
        await self.start()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


async def answering(address: str) -> None:
    """Waits until a server answers."""
    client = await Client.connect(address, lazy=True)
    while True:
        try:
            await client.count_workflows("", rpc_timeout=timedelta(seconds=1))
        except (RPCError, RuntimeError):  # the first call connects
            await asyncio.sleep(0.05)
        else:
            return


class Harbour:
    """What the fleets of a module's tests share."""

    def __init__(
        self, cli: Path, database: Path, market: Path, *, nursery: Nursery | None = None, continue_after: int = 100
    ) -> None:
        self.server = KillableServer(cli, database, continue_after=continue_after)
        self._own = Nursery() if nursery is None else None
        self.nursery = nursery or self._own
        self.market = market

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
        self.server.stop()


class Fleet:
    """Workers of one run. A killed worker or server is replaced as soon as it is known to be hit."""

    def __init__(self, harbour: Harbour, desk: optarb.Desk, queue: str, folder: Path) -> None:
        folder.mkdir(parents=True)
        os.mkfifo(folder / "reports")
        self.struck: list[Fault] = []
        """In the order in which they struck."""
        self.stopped: asyncio.Queue[int] = asyncio.Queue()
        """Workers that were stopped."""
        self.outlived: asyncio.Queue[tuple[int, str, str | None]] = asyncio.Queue()
        """Worker, phase and error of each activity in which a worker was stopped, once it has ended."""
        self.queue = queue
        """Where new workers work."""
        self._harbour, self._folder = harbour, folder
        self._desk = folder / "desk"
        self._desk.write_bytes(pickle.dumps(desk))
        self._restarts: set[asyncio.Task[None]] = set()
        self._workers: list[int] = []

    @asynccontextmanager
    async def sailing(self, faults: Sequence[Fault], *, workers: int):
        """Runs workers, until the block ends."""
        (self._folder / "plan.json").write_text(json.dumps([dataclasses.asdict(one) for one in faults]))
        self._name_server()
        reports = os.open(self._folder / "reports", os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(reports, self._read, reports)
        try:
            for _ in range(workers):
                self.fork()
            yield self
        finally:
            asyncio.get_running_loop().remove_reader(reports)
            os.close(reports)
            for task in self._restarts:
                await task
            self._harbour.nursery.end_workers(self._workers)

    def fork(self) -> int:
        """Adds a worker."""
        self._workers.append(self._harbour.nursery.fork(self._harbour.server.address, self.queue, self._desk, self._folder))
        return self._workers[-1]

    def _name_server(self) -> None:
        """Lets a fault know whom to kill; who does so takes the file away, so that the next one waits for a new server."""
        named = self._folder / "server.named"
        named.write_text(str(self._harbour.server.pid))
        named.rename(self._folder / "server")

    def _read(self, reports: int) -> None:
        for line in os.read(reports, 65536).splitlines():
            pid, kind, what = json.loads(line)
            if kind == "outlived":
                self.outlived.put_nowait((pid, *what))
                continue
            fault = Fault(**what)
            self.struck.append(fault)
            if fault.hits == "server":
                self._restarts.add(asyncio.create_task(self._restart()))
            elif fault.hits == "worker":
                self.fork()
            else:
                self.stopped.put_nowait(pid)

    async def _restart(self) -> None:
        await self._harbour.server.restart()
        self._name_server()


async def outcome(handle):
    """Waits for a run, whatever happens to the server meanwhile."""
    while True:
        try:
            return await handle.result()
        except RPCError:
            await asyncio.sleep(0.05)


def _load() -> None:
    """Loads what a worker loads when it begins and first writes, so that none of those that are forked has to."""
    with tempfile.TemporaryDirectory() as folder, make_live_desk(Path(folder)) as desk:
        optarb.OptarbPlugin(desk)
        desk.store.trading.live_books()


def _nurse() -> None:
    _load()
    children: set[int] = set()
    for line in sys.stdin:
        words = json.loads(line)
        if words[0] == "end":
            ended = {int(word) for word in words[1:]}
            _end(ended)
            children -= ended
            print("ended", flush=True)  # noqa: T201 - this is how it answers
            continue
        pid = os.fork()
        if pid == 0:
            _be_worker(*words)
        children.add(pid)
        print(pid, flush=True)  # noqa: T201 - this is how it answers
    _end(children)


def _end(children: set[int]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)  # one that is dead already is still there, since nobody has waited for it
    for pid in children:
        os.waitpid(pid, 0)


def _be_worker(address: str, queue: str, desk: str, folder: str) -> None:
    os.dup2(2, 1)  # the SDK may log to standard output, where the nursery answers
    os.environ["OPTARB_TEST_CALLS"] = f"{folder}/calls"
    faults = Faults(Path(folder))
    watched = faults.watch(pickle.loads(Path(desk).read_bytes()))

    async def work() -> None:
        # Few polls, since the server goes on giving tasks to those of a worker that is stopped.
        options = {"max_concurrent_activity_task_polls": 1, "max_concurrent_workflow_task_polls": 2}
        # Without a sandbox, which takes half a second of every new worker.
        options |= {"workflows": [QuickDay, QuickGuardian], "workflow_runner": UnsandboxedWorkflowRunner()}
        await answering(address)  # it may have been killed just before this worker's predecessor was
        async with working(address, watched, queue, interceptors=[FaultInterceptor(faults)], **options):
            await asyncio.Event().wait()

    try:
        asyncio.run(work())
    finally:
        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    _nurse()
