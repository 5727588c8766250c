from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import DataConverter, DefaultPayloadConverter, PayloadCodec
from temporalio.worker import Worker
from tests.temporal import rig
from tests.temporal.workers import QUICK

import optarb


class Envelope(PayloadCodec):
    """Hides payloads from the server, and counts them."""

    def __init__(self) -> None:
        self.sealed = 0

    async def encode(self, payloads):
        self.sealed += len(payloads)
        return [Payload(metadata={"encoding": b"sealed"}, data=one.SerializeToString()[::-1]) for one in payloads]

    async def decode(self, payloads):
        return [Payload.FromString(one.data[::-1]) for one in payloads]


class OwnPayloadConverter(DefaultPayloadConverter):
    """A converter of somebody's own, which does not know pydantic."""


class OwnPydanticConverter(PydanticPayloadConverter):
    """A converter of somebody's own, built on pydantic's."""


def configured(plugin, **config):
    """The worker's settings after the plugin's."""
    return plugin.configure_worker({"plugins": [plugin], **config})


def converter_of(existing):
    return optarb.OptarbPlugin().configure_client({"data_converter": existing})["data_converter"]


def test_plugin_when_store_is_in_memory_then_refused_with_what_to_write(make_desk):
    desk = replace(make_desk(), store=optarb.SqlStore(url="sqlite://"))

    with pytest.raises(optarb.ConfigurationError, match=r"lives in one process.*dataclasses\.replace\(desk, store=SqlStore"):
        optarb.OptarbPlugin(desk)


@pytest.mark.parametrize("threads", [0, -1])
def test_plugin_when_threads_make_no_sense_then_configuration_error(make_desk, threads):
    with pytest.raises(optarb.ConfigurationError, match=f"threads must be at least 1, got {threads}"):
        optarb.OptarbPlugin(make_desk(), threads=threads)


def test_plugin_when_on_client_and_worker_then_configuration_error_says_so(temporal_address, make_desk):
    desk = make_desk()

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin(desk)])
        with (
            pytest.warns(UserWarning, match="same plugin type"),
            pytest.raises(optarb.ConfigurationError, match="stands on the client and on the worker"),
        ):
            Worker(client, task_queue="double", plugins=[optarb.OptarbPlugin(desk)])

    asyncio.run(run())


def test_plugin_when_worker_has_no_desk_then_warns(temporal_address):
    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        with pytest.warns(UserWarning, match=r"OptarbPlugin\(\) without a desk"):
            Worker(client, task_queue="idle", workflows=[optarb.PhasedBacktestWorkflow])

    asyncio.run(run())


def test_plugin_when_desk_is_on_the_worker_alone_then_runs_backtests_of_a_client_without_one(
    temporal_address, make_desk, undisturbed
):
    desk = make_desk()

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
        with pytest.warns(UserWarning, match="same plugin type"):
            worker = Worker(client, task_queue="late-desk", plugins=[optarb.OptarbPlugin(desk)], **QUICK)
        async with worker:
            handle = await optarb.start_backtest(client, rig.make_spec(), task_queue="late-desk")
            return await handle.result()

    assert asyncio.run(run()).digest == undisturbed.digest


def test_plugin_when_client_has_a_codec_then_it_is_kept_and_used(temporal_address, make_desk, undisturbed):
    codec = Envelope()

    async def run():
        client = await Client.connect(
            temporal_address,
            plugins=[optarb.OptarbPlugin(make_desk())],
            data_converter=replace(DataConverter.default, payload_codec=codec),
        )
        async with Worker(client, task_queue="sealed", **QUICK):
            handle = await optarb.start_backtest(client, rig.make_spec(), task_queue="sealed")
            return await handle.result()

    assert asyncio.run(run()).digest == undisturbed.digest
    assert codec.sealed > 10


def test_converter_when_it_knows_pydantic_then_left_alone():
    own = replace(DataConverter.default, payload_converter_class=OwnPydanticConverter)

    assert converter_of(own) is own
    assert converter_of(pydantic_data_converter) is pydantic_data_converter
    assert converter_of(DataConverter.default) is pydantic_data_converter


def test_converter_when_it_is_somebodys_own_then_configuration_error_names_it():
    with pytest.raises(optarb.ConfigurationError, match="the client has OwnPayloadConverter; derive it from"):
        converter_of(replace(DataConverter.default, payload_converter_class=OwnPayloadConverter))


@pytest.mark.parametrize(("asked", "slots"), [(None, 3), (100, 3), (2, 2)])
def test_threads_when_worker_brings_none_then_pool_and_slots_are_of_that_size(make_desk, asked, slots):
    config = configured(optarb.OptarbPlugin(make_desk(), threads=3), max_concurrent_activities=asked)

    with config["activity_executor"] as pool:
        assert pool._max_workers == 3
    assert config["max_concurrent_activities"] == slots


def test_threads_when_worker_brings_an_executor_then_it_is_used(make_desk):
    with ThreadPoolExecutor(1) as own:
        config = configured(optarb.OptarbPlugin(make_desk()), activity_executor=own, max_concurrent_activities=7)

    assert config["activity_executor"] is own
    assert config["max_concurrent_activities"] == 7


def test_activities_when_registered_without_the_plugin_then_run_backtests(temporal_address, make_desk, undisturbed):
    desk = make_desk()

    async def run():
        client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
        with ThreadPoolExecutor(4) as threads:
            async with Worker(
                client,
                task_queue="bare",
                activities=optarb.BacktestActivities(desk).all(),
                workflows=[optarb.PhasedBacktestWorkflow],
                activity_executor=threads,
                max_concurrent_activities=4,
                **QUICK,
            ):
                handle = await client.start_workflow(
                    "optarb.PhasedBacktest",
                    rig.make_spec(),
                    id="anything",
                    task_queue="bare",
                    result_type=optarb.BacktestSummary,
                )
                return handle.first_execution_run_id, await handle.result()

    run_id, summary = asyncio.run(run())

    assert summary.digest == undisturbed.digest
    # Without an id the book is named after the run, so that a retried claim finds it again.
    assert summary.backtest_id == f"swings-{run_id[-12:]}"


def test_workers_when_one_of_two_on_a_client_ends_then_the_other_goes_on(temporal_address, make_desk, undisturbed):
    desk = make_desk()

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin(desk)])
        first = Worker(client, task_queue="first", **QUICK)
        second = Worker(client, task_queue="second", **QUICK)
        async with second:
            async with first:
                pass
            handle = await optarb.start_backtest(client, rig.make_spec(), task_queue="second")
            return await handle.result()

    assert asyncio.run(asyncio.wait_for(run(), 30)).digest == undisturbed.digest


@pytest.mark.parametrize(("asked", "used"), [(60, 1), (20, 20), (0.5, 0.5)])
def test_heartbeats_when_worker_does_not_say_how_often_then_each_second(make_desk, asked, used):
    config = configured(optarb.OptarbPlugin(make_desk()), max_heartbeat_throttle_interval=timedelta(seconds=asked))

    assert config["max_heartbeat_throttle_interval"] == timedelta(seconds=used)


def test_worker_when_it_ends_then_its_desk_and_pool_are_closed(monkeypatch, temporal_address, make_desk):
    closed = []
    monkeypatch.setattr(optarb.SqlStore, "close", lambda store: closed.append(store.url))
    desk = make_desk()

    async def run():
        client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin(desk)])
        worker = Worker(client, task_queue="ending", **QUICK)
        pool = worker.config(active_config=True)["activity_executor"]
        async with worker:
            await asyncio.wrap_future(pool.submit(int))
            assert closed == []
        return pool

    pool = asyncio.run(run())

    assert closed == [desk.store.url]
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(int)


def test_program_when_it_ends_then_what_it_let_go_of_is_collected_first():
    code = """
import atexit, gc, weakref
class Client: pass
client = Client()
client.itself = client
seen = weakref.ref(client)
atexit.register(lambda: print("gone" if seen() is None else "still there"))  # called after what is registered later
import optarb
gc.disable()
optarb.OptarbPlugin()
del client
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "gone\n"
