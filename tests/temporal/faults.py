"""Faults at exact points of a worker: who comes to which point of which phase, for which time, is killed or stopped there.

A worker with faults is watched from outside of optarb: the SDK's interceptors see tasks and activities, and the desk's store is
wrapped. The faults of a run are kept in a folder that its workers share, so that "the third commit of the trade phase" is
counted over all of them.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)
from tests.temporal.trading_faults import WatchedBroker, WatchedTrading

import optarb
from optarb.backtesting import claim
from optarb.temporal import activities

PHASES = ("claim", "ingest", "features", "training", "signals", "trade", "close")
POINTS = {
    "task": "in the workflow's task, which is about to ask for the activity",
    "start": "before the activity's first line",
    "inside": "in the middle of the activity's work",
    "commit": "just before it writes",
    "committed": "after it wrote",
    "answer": "after its last line, before its answer is sent",
}
CONTINUING = ("workflow", "continue-as-new")
"""In the workflow's task that is about to continue as new."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens at a point."""

    phase: str
    """One of :data:`PHASES`, ``"release"``, or of a live day's (see :mod:`tests.temporal.trading_faults`)."""
    point: str
    """One of :data:`POINTS`."""
    nth: int = 1
    """At which passing, counted over all workers, from 1; 0 counts them only."""
    hits: str = "worker"
    """Who is killed: the ``worker`` itself or the Temporal ``server``; ``stop`` stops the worker until it gets SIGCONT."""

    @property
    def place(self) -> tuple[str, str]:
        return self.phase, self.point


class Faults:
    """The faults of a run, as a worker sees them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopped_in = b""
        self._planned = {}
        for fields in json.loads((folder / "plan.json").read_text()):
            fault = Fault(**fields)
            self._planned.setdefault(fault.place, []).append(fault)

    def pass_by(self, phase: str, point: str) -> None:
        """Counts that somebody came to a point, and does what is planned there for this time."""
        planned = self._planned.get((phase, point))
        if planned is None:
            return
        with (self._folder / "passed").open("a+") as passed:
            fcntl.flock(passed, fcntl.LOCK_EX)
            os.write(passed.fileno(), f"{phase} {point}\n".encode())
            passed.seek(0)
            count = Counter(passed)[f"{phase} {point}\n"]
        for fault in planned:
            if fault.nth == count:
                self._strike(fault)

    def _strike(self, fault: Fault) -> None:
        if fault.hits == "server":
            os.kill(self._take_server(), signal.SIGKILL)
        self._tell("struck", dataclasses.asdict(fault))
        if fault.hits == "worker":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault.hits == "stop":
            self._stopped_in = activity.info().task_token
            # Sent to the process it might reach this thread last, which would go on and take the store's lock.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    def _take_server(self) -> int:
        """Waits until there is a server that nobody else has killed."""
        taken = self._folder / f"server.{os.getpid()}.{threading.get_ident()}"
        while True:
            try:
                (self._folder / "server").rename(taken)
            except FileNotFoundError:
                time.sleep(0.02)
            else:
                return int(taken.read_text())

    def outlived(self, phase: str, error: str | None) -> None:
        """Tells how the activity ended in which this worker was stopped; it may find others in its hands when it wakes."""
        if self._stopped_in == activity.info().task_token:
            self._tell("outlived", [phase, error])

    def _tell(self, kind: str, what: object) -> None:
        report = os.open(self._folder / "reports", os.O_WRONLY)
        os.write(report, json.dumps([os.getpid(), kind, what]).encode() + b"\n")
        os.close(report)

    def watch(self, desk: optarb.Desk) -> optarb.Desk:
        """Puts the faults into this process; returns the desk to work with."""
        beating, gathering = activities._beating, claim.gather_inputs

        def beat(tick):
            inner = beating(tick)

            def passing(phase, done, total):
                self.pass_by(phase, "inside")
                inner(phase, done, total)

            return passing

        def gather(*what):
            self.pass_by("claim", "inside")
            return gathering(*what)

        activities._beating, claim.gather_inputs = beat, gather
        broker = desk.broker and WatchedBroker(inner=desk.broker, pass_by=self.pass_by)
        return dataclasses.replace(desk, store=WatchedStore(inner=desk.store, faults=self), broker=broker)

    @staticmethod
    def passings(folder: Path) -> Counter[tuple[str, str]]:
        """How often the places of a run's plan were passed."""
        return Counter(tuple(line.split()) for line in (folder / "passed").read_text().splitlines())


@dataclass(frozen=True, kw_only=True)
class WatchedStore:
    """A store, and what happens around its writes."""

    inner: optarb.SqlStore
    faults: Faults

    @property
    def trading(self):
        return WatchedTrading(inner=self.inner.trading, pass_by=self.faults.pass_by)

    def claim(self, book_id, **what):
        return self._writing("claim", lambda: self.inner.claim(book_id, **what))

    def commit(self, book_id, epoch, key, **what):
        return self._writing(key.phase, lambda: self.inner.commit(book_id, epoch, key, **what))

    def write_document(self, book_id, epoch, name, document):
        self.faults.pass_by("close", "inside")
        self.inner.write_document(book_id, epoch, name, document)

    def write_reply(self, book_id, epoch, key, reply):
        self.faults.pass_by("signals", "reply")
        return self.inner.write_reply(book_id, epoch, key, reply)

    def finish(self, book_id, epoch, status, **what):
        phase = "close" if status == "finished" else "release"
        self._writing(phase, lambda: self.inner.finish(book_id, epoch, status, **what))

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def _writing(self, phase, write):
        self.faults.pass_by(phase, "commit")
        written = write()
        self.faults.pass_by(phase, "committed")
        return written


class FaultInterceptor(Interceptor):
    """Passes by the points of workflows' tasks and activities."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def intercept_activity(self, next):  # noqa: A002 - the SDK's name
        return _Activity(next, self._faults)

    def workflow_interceptor_class(self, input):  # noqa: A002 - the SDK's name
        faults = self._faults

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound):
                super().init(_Outbound(outbound, faults))

        return Inbound


class _Activity(ActivityInboundInterceptor):
    def __init__(self, following, faults):
        super().__init__(following)
        self._faults = faults

    async def execute_activity(self, input):  # noqa: A002 - the SDK's name
        phase = activity.info().activity_type.rpartition(".")[2]
        self._faults.pass_by(phase, "start")
        error = None
        try:
            answer = await super().execute_activity(input)
        except ApplicationError as raised:
            error = raised.type
            raise
        finally:
            self._faults.outlived(phase, error)
        self._faults.pass_by(phase, "answer")
        return answer


class _Outbound(WorkflowOutboundInterceptor):
    def __init__(self, following, faults):
        super().__init__(following)
        self._faults = faults

    def start_activity(self, input):  # noqa: A002 - the SDK's name
        self._pass_by(input.activity.rpartition(".")[2], "task")
        return super().start_activity(input)

    def continue_as_new(self, input):  # noqa: A002 - the SDK's name
        self._pass_by(*CONTINUING)
        super().continue_as_new(input)

    def _pass_by(self, phase, point):
        if not workflow.unsafe.is_replaying():
            with workflow.unsafe.sandbox_unrestricted():
                self._faults.pass_by(phase, point)
