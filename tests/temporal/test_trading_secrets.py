"""Secrets are planted where a desk has some, everything fails that can, and whatever is left behind is searched for them."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
from pathlib import Path

import pytest
from scripts import record_histories
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from tests.temporal.books import everything
from tests.temporal.kill_days import DAYS, StepQuotes, assert_ended_rightly
from tests.temporal.trading_rig import MONDAY, KeptAccount, at
from tests.temporal.workers import WorkerProcess

import optarb
from optarb.notifiers import WebhookNotifier
from optarb.temporal.trading_activities import TradingActivities
from optarb.temporal.trading_messages import BeginRequest, ReportRequest
from optarb.temporal.trading_starting import follow_guardian, start_day

LATER = at("09:36")  # so that no step fails three times, after ever longer waits
SECRET = "hunter2-correct-horse"  # in every planted secret, so that one search finds them all


def fails(folder: str, what: str, times: int) -> bool:
    """Whether somebody is to fail now: so many times in all, over all processes."""
    noted = Path(folder, f"failed-{what}")
    with noted.open("a+") as notes:
        notes.seek(0)
        count = len(notes.readlines())
        if count < times:
            notes.write("failed\n")
    return count < times


class LibraryError(Exception):
    """What a client library raises: it quotes the address it called, with the key."""

    def __init__(self) -> None:
        super().__init__(f"GET https://broker.test/v2?key={os.environ['TEST_BROKER_KEY']} timed out")


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyedBroker(KeptAccount):
    """A broker that holds a key; its library fails in every way it can."""

    folder: str
    key: str = dataclasses.field(repr=False)

    def submit(self, order):
        answer = super().submit(order)
        if fails(self.folder, "submit", 1):
            raise LibraryError  # against the protocol, which has Unknown for this
        return answer

    def find(self, order_id):
        if fails(self.folder, "find", 1):
            raise optarb.BrokerUnavailable("the broker did not answer") from LibraryError()
        return super().find(order_id)

    def positions(self):
        if fails(self.folder, "positions", 1):
            raise LibraryError
        return super().positions()


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyedFeed(StepQuotes):
    """A feed whose library fails too, once with an error of optarb's around it."""

    folder: str = ""

    def quotes(self, contracts, at):
        if fails(self.folder, "quotes", 1):
            raise LibraryError
        if at >= LATER and fails(self.folder, "data", 1):
            raise optarb.BadData("the answer is cut in half") from LibraryError()
        return super().quotes(contracts, at)


@dataclasses.dataclass(frozen=True, kw_only=True)
class KeyedNotifier:
    """A notifier whose library always fails."""

    folder: str

    def notify(self, notice):
        fails(self.folder, "notify", 1)
        raise LibraryError


def planted(folder):
    """A desk full of secrets."""
    desk = DAYS["pair is unwound"].desk(folder)  # it raises alarms
    return dataclasses.replace(
        desk,
        broker=KeyedBroker(path=desk.broker.path, folder=str(folder), key=SECRET),
        feed=KeyedFeed(clock=desk.feed.clock, changed=desk.feed.changed, folder=str(folder)),
        notifiers={
            "chat": WebhookNotifier(kind="slack", url_variable="TEST_WEBHOOK_URL"),
            "own": KeyedNotifier(folder=str(folder)),
        },
    )


def test_day_when_everything_fails_with_secrets_in_its_words_then_none_is_left_anywhere(temporal_address, tmp_path):
    day, queue, log = DAYS["pair is unwound"], "secrets", tmp_path / "worker.log"
    desk, spec = planted(tmp_path), day.spec(queue)
    environment = {"TEST_BROKER_KEY": SECRET, "TEST_WEBHOOK_URL": f"https://127.0.0.1:9/services/{SECRET}"}

    async def run():
        async with WorkerProcess(temporal_address, desk, queue, tmp_path, log=log, **environment) as worker:
            await worker.work()
            client = await Client.connect(temporal_address, plugins=[optarb.OptarbPlugin()])
            started = await start_day(client, spec, task_queue=queue, replay_from=at("09:30"), workflow="acme.QuickDay")
            await started.result()
            guardian = follow_guardian(client, spec.book_id)
            histories = [await one.workflow.fetch_history() for one in (started, guardian)]
            described = [repr(await one.workflow.describe()) for one in (started, guardian)]
            return histories, [*described, repr(started), repr(guardian)]

    with desk:
        histories, described = asyncio.run(run())
        assert_ended_rightly(desk, spec, day, "secrets")
        failed = {path.name.removeprefix("failed-") for path in tmp_path.glob("failed-*")}
        assert failed == {"submit", "find", "positions", "quotes", "data", "notify"}
        written = "\n".join("\n".join(record_histories.texts(one.to_json_dict())) for one in histories)
        rows = "\n".join(everything(tmp_path / "books.db"))
        places = {
            "histories": written,
            "rows": rows,
            "log": log.read_text(),
            "reprs": "\n".join([repr(desk), repr(spec), repr(desk.broker), repr(desk.notifiers), *described]),
        }
    # Each place was looked at: it tells of the failures.
    assert "LibraryError" in places["histories"]
    assert "the answer is cut in half" in places["log"]
    assert "the broker did not answer" in places["rows"]
    assert "LibraryError" in places["log"]
    assert "KeyedBroker" in places["reprs"]
    assert {place: text[max(0, text.index(SECRET) - 300) :][:400] for place, text in places.items() if SECRET in text} == {}


@pytest.fixture
def unused_port():
    """A port at which nobody listens, and nobody else may, for the time of the test."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_step_when_the_store_cannot_be_reached_then_no_word_of_its_password(tmp_path, unused_port):
    url = f"postgresql+psycopg://trader:{SECRET}@127.0.0.1:{unused_port}/books?connect_timeout=1"
    desk = dataclasses.replace(planted(tmp_path), store=optarb.SqlStore(url=url))
    spec = DAYS["pair trades"].spec("secrets")
    requests = {
        "begin": BeginRequest(spec=spec, owner="one", at=at("09:30"), scheduled_for=None),
        "report": ReportRequest(spec=spec, session=MONDAY),
    }
    for name, request in requests.items():
        with pytest.raises(ApplicationError) as caught:
            ActivityEnvironment().run(getattr(TradingActivities(desk), name), request)
        told, seen = [repr(desk)], caught.value
        while seen is not None:
            told.append(f"{seen!r} {seen}")
            seen = seen.__cause__
        assert caught.value.type == "StoreUnavailable"
        assert SECRET not in "\n".join(told)
