"""Records the histories of real runs, which the tests replay on the workflows as they are.

``python -m scripts.record_histories`` in the project's folder writes one file for each run of each scenario into
``tests/temporal/histories/<version>/``. Histories of a released version are of runs that users may have under way: they are
never recorded anew. Until the release, ``--replace`` does that.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import dataclasses
import gzip
import json
import logging
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.actions import histories_of
from temporalio.client import Client, WorkflowHistory
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker
from tests.temporal import rig

import optarb
from optarb.temporal.server import resolve_cli

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "temporal" / "histories"
_CONTINUED_AT = 200
"""Events after which the server suggests to continue as new, so that the histories of that stay small."""


@dataclass(frozen=True, kw_only=True)
class Flaky:
    """An expert that asks to be called again, once for each file in a folder."""

    folder: str

    def evaluate(self, view: optarb.MarketView) -> None:  # noqa: ARG002 - the seam has it
        """Takes a file away and fails for the moment, or has no opinion."""
        token = next(Path(self.folder).iterdir(), None)
        if token is not None:
            token.unlink(missing_ok=True)
            raise optarb.TransientError("not now")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """An expert with a model that has learnt nothing."""

    def cutoffs(self, sessions: Sequence[date]) -> Sequence[date]:
        """Trains every 40 sessions."""
        return sessions[60::40]

    def fit(self, view: optarb.MarketView) -> bytes:
        """Answers with the cut-off."""
        return str(view.bars_through).encode()

    def evaluate(self, view: optarb.MarketView) -> None:
        """Has no opinion."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A server, a market, and a store of one scenario's own."""

    address: str
    """Of the server."""
    market: Path
    """Bars and quotes."""
    folder: Path
    """Where the scenario may write."""
    keeper: rig.Keeper
    """Opens the scenario's gates."""

    def desk(self, **gates: rig.Gate) -> optarb.Desk:
        """Builds a desk."""
        return rig.make_desk(self.market, self.folder, **gates)

    def gate(self, number: int, *, until_cancelled: bool = False) -> rig.Gate:
        """A gate in the session of that number."""
        return self.keeper.gate(rig.session(number), until_cancelled=until_cancelled)

    @contextlib.asynccontextmanager
    async def client(self, desk: optarb.Desk) -> AsyncGenerator[Client]:
        """A client with a worker beside it; neither tells the machine's name."""
        client = await Client.connect(self.address, identity="client", plugins=[optarb.OptarbPlugin(desk)])
        throttle = timedelta(seconds=0.05)  # so that a cancellation arrives soon
        async with Worker(
            client, task_queue=self.queue, identity="worker", build_id="recorded", max_heartbeat_throttle_interval=throttle
        ):
            yield client

    @property
    def queue(self) -> str:
        """The task queue, and the name of the book."""
        return self.folder.name

    async def start(self, client: Client, **fields: object) -> optarb.BacktestHandle:
        """Starts a backtest of 30 sessions in three blocks, an activity each."""
        chosen = {"end": rig.session(29), "block_sessions": 10, "time_slice_seconds": 0, "parallelism": 1} | fields
        spec = rig.make_spec(backtest_id=self.queue, retry_interval_seconds=0.05, **chosen)
        return await optarb.start_backtest(client, spec, task_queue=self.queue)

    async def ended(self, client: Client, handle: optarb.BacktestHandle) -> list[WorkflowHistory]:
        """Waits for the end, whichever it is, and fetches the histories of the workflow's runs."""
        with contextlib.suppress(optarb.OptarbError):
            await handle.result()
        return await histories_of(client, handle.workflow.id, str(handle.workflow.first_execution_run_id))


# -- the scenarios ----------------------------------------------------------------------------------------------------------


async def plain(stage: Stage) -> list[WorkflowHistory]:
    """From the claim to the close."""
    async with stage.client(stage.desk()) as client:
        return await stage.ended(client, await stage.start(client))


async def trained(stage: Stage) -> list[WorkflowHistory]:
    """With an expert that trains."""
    desk = stage.desk()
    strategy = dataclasses.replace(desk.strategies[0], experts={"trained": Trained(), "swing": rig.Swing()})
    async with stage.client(dataclasses.replace(desk, strategies=[strategy])) as client:
        return await stage.ended(client, await stage.start(client))


async def finished_before(stage: Stage) -> list[WorkflowHistory]:
    """Started again after it finished."""
    async with stage.client(stage.desk()) as client:
        await (await stage.start(client)).result()
        return await stage.ended(client, await stage.start(client))


async def cancelled_in_signals(stage: Stage) -> list[WorkflowHistory]:
    """Cancelled with several activities in flight."""
    desk = stage.desk(expert_gate=stage.gate(15, until_cancelled=True))
    async with stage.client(desk) as client:
        handle = await stage.start(client)
        await stage.keeper.reached()
        await handle.cancel()
        return await stage.ended(client, handle)


async def cancelled_in_trade(stage: Stage) -> list[WorkflowHistory]:
    """Cancelled while one activity works."""
    desk = stage.desk(policy_gate=stage.gate(15, until_cancelled=True))
    async with stage.client(desk) as client:
        handle = await stage.start(client)
        await stage.keeper.reached()
        await handle.cancel()
        return await stage.ended(client, handle)


async def asked_to_stop(stage: Stage) -> list[WorkflowHistory]:
    """Stopped by a request in the store."""
    desk = stage.desk(policy_gate=stage.gate(5))
    async with stage.client(desk) as client:
        handle = await stage.start(client, lease_seconds=0.001)
        await stage.keeper.reached()
        desk.store.request_cancel(stage.queue)
        stage.keeper.open()
        return await stage.ended(client, handle)


async def resumed(stage: Stage) -> list[WorkflowHistory]:
    """Started again after it was cancelled between two blocks."""
    desk = stage.desk(policy_gate=stage.gate(15, until_cancelled=True))
    async with stage.client(desk) as client:
        handle = await stage.start(client)
        await stage.keeper.reached()
        await handle.cancel()
        await stage.ended(client, handle)
        return await stage.ended(client, await stage.start(client))


async def failed(stage: Stage) -> list[WorkflowHistory]:
    """A component raises."""
    async with stage.client(stage.desk()) as client:
        return await stage.ended(client, await stage.start(client, strategy="raising", end=rig.session(69)))


async def failed_in_claim(stage: Stage) -> list[WorkflowHistory]:
    """There is no such strategy."""
    async with stage.client(stage.desk()) as client:
        return await stage.ended(client, await stage.start(client, strategy="none"))


async def retried(stage: Stage) -> list[WorkflowHistory]:
    """An activity succeeds at its second attempt."""
    async with stage.client(_flaky(stage, 1)) as client:
        return await stage.ended(client, await stage.start(client))


async def gave_up(stage: Stage) -> list[WorkflowHistory]:
    """Every attempt fails."""
    async with stage.client(_flaky(stage, 100)) as client:
        return await stage.ended(client, await stage.start(client, end=rig.session(9), max_attempts=2))


async def continued(stage: Stage) -> list[WorkflowHistory]:
    """Continued as new."""
    async with stage.client(stage.desk()) as client:
        return await stage.ended(client, await stage.start(client, end=rig.session(39), block_sessions=1))


def _flaky(stage: Stage, failures: int) -> optarb.Desk:
    tokens = stage.folder / "tokens"
    tokens.mkdir()
    for number in range(failures):
        (tokens / str(number)).touch()
    desk = stage.desk()
    return dataclasses.replace(
        desk, strategies=[dataclasses.replace(desk.strategies[0], experts={"flaky": Flaky(folder=str(tokens))})]
    )


SCENARIOS: tuple[Callable[[Stage], Awaitable[list[WorkflowHistory]]], ...] = (
    plain,
    trained,
    finished_before,
    cancelled_in_signals,
    cancelled_in_trade,
    asked_to_stop,
    resumed,
    failed,
    failed_in_claim,
    retried,
    gave_up,
    continued,
)
"""Each is recorded under its own name."""


# -- recording --------------------------------------------------------------------------------------------------------------


async def record(folder: Path, scratch: Path) -> None:
    """Plays every scenario and writes what it left on the server."""
    market = rig.write_market(scratch / "market")
    settings = ["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={_CONTINUED_AT}"]
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(resolve_cli()), dev_server_log_level="error", dev_server_extra_args=settings
    ) as server:
        for scenario in SCENARIOS:
            stage_folder = scratch / scenario.__name__.replace("_", "-")
            stage_folder.mkdir()
            keeper = rig.Keeper(stage_folder / "gate")
            address = server.client.service_client.config.target_host
            stage = Stage(address=address, market=market, folder=stage_folder, keeper=keeper)
            for number, history in enumerate(await scenario(stage), start=1):
                file = folder / f"{scenario.__name__}.{number}.json.gz"
                text = written(history, secrets=(str(scratch), str(Path.cwd()), str(Path.home()), socket.gethostname()))
                file.write_bytes(gzip.compress(text.encode(), mtime=0))
                print(f"{file.name}: {len(history.events)} events, {file.stat().st_size:,} bytes")
            keeper.close()
    await asyncio.sleep(0.5)  # the SDK can crash at interpreter exit when the loop ends with the server


def written(history: WorkflowHistory, *, secrets: Sequence[str]) -> str:
    """Writes a history as JSON, without the stack traces of failures, which name files of the machine.

    Raises:
        ValueError: It names something of the machine all the same, in plain text or in a payload.
    """
    fields = history.to_json_dict()
    _remove_traces(fields)
    said = "\n".join(texts(fields))
    for secret in secrets:
        if re.search(rf"(?<!\w){re.escape(secret)}(?!\w)", said, re.IGNORECASE):
            raise ValueError(f"the history of {history.workflow_id!r} names {secret!r}; it must not be kept")
    return json.dumps(fields, separators=(",", ":"))


def _remove_traces(node: Any) -> None:
    if isinstance(node, dict):
        node.pop("stackTrace", None)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            _remove_traces(child)


def texts(node: Any) -> Iterator[str]:
    """Yields every text of a history; payloads as what they hold."""
    if isinstance(node, dict):
        for name, child in node.items():
            encoded = name == "data" or (name == "encoding" and isinstance(child, str))
            yield from [base64.b64decode(child).decode()] if encoded else texts(child)
    elif isinstance(node, list):
        for child in node:
            yield from texts(child)
    elif isinstance(node, str):
        yield node


def main() -> int:
    """Records all scenarios of this version."""
    parser = argparse.ArgumentParser(description="Record the histories that the tests replay.")
    parser.add_argument("--replace", action="store_true", help="record this version anew; only before its release")
    folder = FOLDER / optarb.__version__
    replace = parser.parse_args().replace
    if folder.exists() and not replace:
        print(f"{folder} is there already; pass --replace if version {optarb.__version__} is not released yet")
        return 1
    logging.disable()  # what fails here is meant to
    with tempfile.TemporaryDirectory(prefix="optarb-histories-") as name:
        fresh = Path(name) / "fresh"
        fresh.mkdir()
        asyncio.run(record(fresh, Path(name)))
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(fresh, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
