"""Runs whose histories are stored: each scenario plays one on a server, and answers with what it left there."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from benchmarks.actions import histories_of
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowHistory
from temporalio.worker import Worker
from tests.temporal import rig, trading_rig

import optarb
from optarb.temporal.sweep_starting import SweepHandle, start_sweep
from optarb.temporal.trading_starting import DayHandle, follow_guardian, start_day
from optarb.trading.day_spec import DaySpec


@dataclass(frozen=True, kw_only=True)
class Flaky:
    """An expert that asks to be called again, once for each file in a folder."""

    folder: str

    def evaluate(self, view: optarb.MarketView) -> None:
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
class Fussy:
    """An expert that raises with one value of its parameter."""

    taste: int = 0

    def evaluate(self, view: optarb.MarketView) -> None:
        """Raises, or has no opinion."""
        if self.taste == 1:
            raise RuntimeError("no opinion with taste 1")


@dataclass(frozen=True, kw_only=True)
class UntilCancelled(rig.Gate):
    """A gate that Temporal's cancellation opens."""

    def pass_through(self, session: date) -> None:
        """Waits if this is the session and the gate is armed."""
        if session != self.at or not Path(self.folder, "armed").exists():
            return
        with Path(self.folder, "here").open("w") as here:
            here.write(f"{os.getpid()}\n")
        while not activity.is_cancelled():
            activity.heartbeat()
            activity.wait_for_cancelled_sync(0.05)


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

    def gate(self, number: int) -> rig.Gate:
        """A gate in the session of that number, which the keeper opens."""
        return self.keeper.gate(rig.session(number))

    def until_cancelled(self, number: int) -> UntilCancelled:
        """A gate in the session of that number, which a cancellation opens."""
        return UntilCancelled(folder=str(self.keeper.folder), at=rig.session(number))

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
        return await optarb.start_backtest(client, _spec(backtest_id=self.queue, **fields), task_queue=self.queue)

    async def start_sweep(self, client: Client, grid: Mapping[str, Sequence[int]], **fields: object) -> SweepHandle:
        """Starts a sweep of such backtests."""
        return await start_sweep(client, _spec(**fields), grid, task_queue=self.queue, sweep_id=self.queue)

    async def ended(self, client: Client, handle: optarb.BacktestHandle | SweepHandle) -> list[WorkflowHistory]:
        """Waits for the end, whichever it is, and fetches the histories of the workflow's runs."""
        with contextlib.suppress(optarb.OptarbError):
            await handle.result()
        return await histories_of(client, handle.workflow.id, str(handle.workflow.first_execution_run_id))


def _spec(**fields: object) -> optarb.BacktestSpec:
    chosen = {"end": rig.session(29), "block_sessions": 10, "time_slice_seconds": 0, "parallelism": 1} | fields
    return rig.make_spec(retry_interval_seconds=0.05, **chosen)


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
    desk = stage.desk(expert_gate=stage.until_cancelled(15))
    async with stage.client(desk) as client:
        handle = await stage.start(client)
        await stage.keeper.reached()
        await handle.cancel()
        return await stage.ended(client, handle)


async def cancelled_in_trade(stage: Stage) -> list[WorkflowHistory]:
    """Cancelled while one activity works."""
    desk = stage.desk(policy_gate=stage.until_cancelled(15))
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
    desk = stage.desk(policy_gate=stage.until_cancelled(15))
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


async def sweep_plain(stage: Stage) -> list[WorkflowHistory]:
    """Three settings."""
    async with stage.client(stage.desk()) as client:
        return await stage.ended(client, await stage.start_sweep(client, {"swing.closes": [3, 5, 8]}, end=rig.session(9)))


async def sweep_with_a_failure(stage: Stage) -> list[WorkflowHistory]:
    """One setting of three fails."""
    desk = stage.desk()
    strategy = dataclasses.replace(desk.strategies[0], experts={"fussy": Fussy()})
    async with stage.client(dataclasses.replace(desk, strategies=[strategy])) as client:
        return await stage.ended(client, await stage.start_sweep(client, {"fussy.taste": [0, 1, 2]}, end=rig.session(9)))


async def sweep_cancelled(stage: Stage) -> list[WorkflowHistory]:
    """Cancelled in the middle of a setting."""
    async with stage.client(stage.desk(policy_gate=stage.until_cancelled(5))) as client:
        handle = await stage.start_sweep(client, {"swing.closes": [3, 5, 8]}, end=rig.session(9))
        await stage.keeper.reached()
        await handle.cancel()
        return await stage.ended(client, handle)


async def sweep_resumed(stage: Stage) -> list[WorkflowHistory]:
    """Started again after it was cancelled."""
    async with stage.client(stage.desk(policy_gate=stage.until_cancelled(5))) as client:
        handle = await stage.start_sweep(client, {"swing.closes": [3, 5, 8]}, end=rig.session(9))
        await stage.keeper.reached()
        await handle.cancel()
        await stage.ended(client, handle)
        again = await stage.start_sweep(client, {"swing.closes": [3, 5, 8]}, end=rig.session(9))
        return await stage.ended(client, again)


async def sweep_failed_in_claim(stage: Stage) -> list[WorkflowHistory]:
    """There is no such strategy."""
    async with stage.client(stage.desk()) as client:
        return await stage.ended(client, await stage.start_sweep(client, {"swing.closes": [3, 5]}, strategy="none"))


async def sweep_continued(stage: Stage) -> list[WorkflowHistory]:
    """Continued as new, with so many settings."""
    async with stage.client(stage.desk()) as client:
        return await stage.ended(
            client, await stage.start_sweep(client, {"swing.closes": range(2, 42)}, end=rig.session(1), max_in_flight=3)
        )


async def trading_day(stage: Stage) -> list[WorkflowHistory]:
    """A replayed day of the pair, leg by leg, unwound; then the guardian's runs, which continue as new."""
    async with stage.client(trading_rig.make_live_desk(stage.folder, trading_rig.PAIR)) as client:
        day = await _trade(stage, client)
        await day.result()
        return await _trading_histories(client, day)


async def trading_day_steered(stage: Stage) -> list[WorkflowHistory]:
    """A replayed day that is cancelled while a position is open; its guardian goes on and is told to flatten."""
    gate = stage.keeper.gate(trading_rig.MONDAY)
    desk = trading_rig.held_from(trading_rig.make_live_desk(stage.folder), gate, trading_rig.at("11:00"))
    async with stage.client(desk) as client:
        day = await _trade(stage, client)
        await stage.keeper.reached()
        await day.cancel()
        with contextlib.suppress(optarb.OptarbError):
            await day.result()
        guardian = follow_guardian(client, day.book_id)
        await guardian.flatten("out")
        stage.keeper.open()
        await guardian.result()
        return await _trading_histories(client, day)


async def trading_day_on_timers(stage: Stage) -> list[WorkflowHistory]:
    """A day in real time: looked at again when a timer fires, woken to flatten; then it and its guardian are cancelled."""
    desk = trading_rig.make_real_time_desk(stage.folder, datetime.now(trading_rig.NEW_YORK).date())
    rules = {"cycle_seconds": 11, "fast_seconds": 0.05, "rung_seconds": 0.2}  # a timer is for more than ten seconds
    spec = trading_rig.make_day_spec(account=stage.queue, entry_at=time(0), late_minutes=1440, rules=rules)
    async with stage.client(desk) as client:
        day = await start_day(client, spec, task_queue=stage.queue)
        guardian = follow_guardian(client, day.book_id)
        while not await _holds(desk, spec) or not await _saw(guardian.workflow, "timer_fired_event_attributes"):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await guardian.flatten("out")
        while await _holds(desk, spec):  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0.1)
        for one in (day.workflow, guardian.workflow):
            await one.cancel()
            with contextlib.suppress(WorkflowFailureError):
                await one.result()
        return await _trading_histories(client, day)


async def _holds(desk: optarb.Desk, spec: DaySpec) -> bool:
    try:
        return bool(trading_rig.state_of(desk, spec).holdings())
    except (optarb.BookNotFound, ValueError):
        return False


async def _saw(workflow: WorkflowHandle, kind: str) -> bool:
    return any([event.HasField(kind) async for event in workflow.fetch_history_events()])


async def _trade(stage: Stage, client: Client) -> DayHandle:
    spec = trading_rig.make_day_spec(account=stage.queue)
    return await start_day(client, spec, task_queue=stage.queue, replay_from=trading_rig.at("09:30"))


async def _trading_histories(client: Client, day: DayHandle) -> list[WorkflowHistory]:
    guardian = follow_guardian(client, day.book_id).workflow
    first = (await guardian.describe()).raw_description.workflow_execution_info.first_run_id
    days = await histories_of(client, day.workflow.id, str(day.workflow.first_execution_run_id))
    return [*days, *await histories_of(client, guardian.id, first)]


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
    sweep_plain,
    sweep_with_a_failure,
    sweep_cancelled,
    sweep_resumed,
    sweep_failed_in_claim,
    sweep_continued,
    trading_day,
    trading_day_steered,
    trading_day_on_timers,
)
"""Each is recorded under its own name."""
