"""Work on the outbox."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from tests.notifiers.services import notice_of

from optarb.errors import ConfigurationError, StoreUnavailable, TransientError
from optarb.notifiers import Delivery, EmailNotifier, LogNotifier, WebhookNotifier, count_waiting, deliver, delivery
from optarb.protocols.trading import Lease
from optarb.stores import SqlStore
from optarb.testing.memory_trading_store import MemoryTradingStore

MONDAY, NOW = date(2024, 6, 3), datetime(2024, 6, 3, 14, tzinfo=UTC)
TOKEN, PASSWORD = "T0PSECRET", "correct-horse"


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryTradingStore()
        return
    store = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}").trading
    yield store
    store.close()


def raise_notices(store, *keys, book_id="paper.dips"):
    """Puts notices into the outbox, each a minute after the one before."""
    store.acquire(book_id, Lease(owner="one", session=MONDAY, until=NOW), now=NOW)
    version = store.load(book_id).version
    notices = [notice_of(key, book_id=book_id, at=NOW + timedelta(minutes=version + n)) for n, key in enumerate(keys)]
    assert store.save(book_id, owner="one", version=version, document="{}", rows={}, notices=notices)


@dataclass
class Notifier:
    """Remembers what it sent; fails as told, by key or for all."""

    fails: dict = field(default_factory=dict)
    sent: list = field(default_factory=list)
    tried: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def notify(self, notice):
        with self.lock:
            self.tried.append(notice.key)
            error = self.fails.get(notice.key, self.fails.get("*"))
            if error is not None:
                raise error
            self.sent.append(notice.key)


@pytest.mark.parametrize("others", [1, 250])
def test_deliver_when_for_one_book_then_those_of_others_stay_however_many_they_are(store, others):
    raise_notices(store, *(f"other-{number}" for number in range(others)), book_id="paper.other")
    raise_notices(store, "a", "b")
    mail = Notifier()
    assert (count_waiting(store, "paper.dips"), count_waiting(store, "paper.none")) == (2, 0)

    assert deliver(store, {"mail": mail}, book_id="paper.dips") == Delivery(sent={"mail": 2})

    assert mail.sent == ["a", "b"]
    assert (count_waiting(store, "paper.dips"), count_waiting(store, "paper.other")) == (0, others)


def test_deliver_when_all_goes_well_then_each_notice_once_to_each_and_the_outbox_is_empty(store):
    raise_notices(store, "a", "b")
    raise_notices(store, "c", book_id="paper.other")
    mail, chat = Notifier(), Notifier()
    assert deliver(store, {"mail": mail, "chat": chat}) == Delivery(sent={"mail": 3, "chat": 3})
    assert mail.sent == chat.sent
    assert sorted(mail.sent) == ["a", "b", "c"]
    assert mail.sent.index("a") < mail.sent.index("b")
    assert store.outbox() == []
    assert deliver(store, {"mail": mail, "chat": chat}) == Delivery(sent={"mail": 0, "chat": 0})
    raise_notices(store, "a", "d")  # the key "a" is used up
    deliver(store, {"mail": mail, "chat": chat})
    assert (mail.sent[3:], chat.sent[3:]) == (["d"], ["d"])


def test_deliver_when_one_is_away_then_the_other_is_not_repeated_and_nothing_is_lost(store, caplog):
    raise_notices(store, "a", "b")
    away, chat = Notifier(fails={"*": TransientError("no answer")}), Notifier()
    told = deliver(store, {"mail": away, "chat": chat}, retry_seconds=0)
    assert told == Delivery(sent={"mail": 0, "chat": 2}, failed={"mail": "TransientError: no answer"})
    assert away.tried == ["a"]  # the second would wait for the same time-out
    assert [notice.key for notice in store.outbox()] == ["a", "b"]
    assert "notifier 'mail': 1 notices stay in the outbox; TransientError: no answer" in caplog.text
    away.fails.clear()
    assert deliver(store, {"mail": away, "chat": chat}, retry_seconds=0).failed == {}
    assert (away.sent, chat.sent, store.outbox()) == (["a", "b"], ["a", "b"], [])


def test_deliver_when_one_notice_is_refused_then_those_behind_it_are_sent(store):
    raise_notices(store, "a", "b", "c")
    picky = Notifier(fails={"a": ConfigurationError("too long"), "b": KeyError("x")})
    told = deliver(store, {"mail": picky}, retry_seconds=0)
    assert told == Delivery(sent={"mail": 1}, failed={"mail": "ConfigurationError: too long"})
    assert [notice.key for notice in store.outbox()] == ["a", "b"]
    assert picky.tried == ["a", "b", "c"]


def test_deliver_when_refused_ones_fill_a_batch_then_those_behind_are_sent_all_the_same(store, monkeypatch):
    monkeypatch.setattr(delivery, "_BATCH", 2)
    raise_notices(store, *"abcdefg")
    picky = Notifier(fails=dict.fromkeys("abcde", ConfigurationError("no")))
    assert deliver(store, {"mail": picky}, retry_seconds=0).sent == {"mail": 2}
    assert picky.sent == ["f", "g"]


def test_deliver_when_a_notice_failed_then_it_is_left_alone_for_a_while(store):
    raise_notices(store, "a", "b")
    picky = Notifier(fails={"a": ConfigurationError("no")})
    deliver(store, {"mail": picky}, retry_seconds=3600)
    deliver(store, {"mail": picky}, retry_seconds=3600)
    assert picky.tried == ["a", "b"]


def test_deliver_when_a_foreign_error_quotes_the_address_then_not_told(store, caplog):
    raise_notices(store, "a")
    foreign = Notifier(fails={"*": ConnectionError(f"Max retries exceeded with url: /hooks/{TOKEN}")})
    assert deliver(store, {"mail": foreign}).failed == {"mail": "ConnectionError"}
    assert TOKEN not in caplog.text


def test_deliver_when_several_work_at_once_then_each_notice_is_sent_once(store):
    keys = [f"{number:02}" for number in range(20)]
    raise_notices(store, *keys)
    mail, barrier = Notifier(), threading.Barrier(3)

    def work(_):
        barrier.wait()
        return deliver(store, {"mail": mail}).sent["mail"]

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(work, range(3))) == 20
    assert sorted(mail.sent) == keys
    deliver(store, {"mail": mail})
    assert store.outbox() == []


def test_deliver_when_time_is_up_then_the_rest_waits_for_the_next_call(store, monkeypatch):
    raise_notices(store, "a", "b", "c")
    mail, chat = Notifier(), Notifier()
    ticks = iter(range(100))  # each look at the clock takes a second
    monkeypatch.setattr(delivery, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    assert deliver(store, {"mail": mail, "chat": chat}, seconds_each=2.5).sent == {"mail": 2, "chat": 2}
    monkeypatch.undo()
    deliver(store, {"mail": mail, "chat": chat})
    assert mail.sent == chat.sent == ["a", "b", "c"]


def test_deliver_when_a_notifier_is_new_then_what_has_gone_out_is_not_sent_again(store):
    raise_notices(store, "a")
    deliver(store, {"mail": Notifier()})
    raise_notices(store, "b")
    new = Notifier()
    deliver(store, {"mail": Notifier(), "new": new})
    assert new.sent == ["b"]


def test_deliver_when_a_notifier_is_gone_then_what_it_owed_leaves_the_outbox(store):
    raise_notices(store, "a")
    deliver(store, {"mail": Notifier(fails={"*": TransientError("away")}), "chat": Notifier()})
    assert len(store.outbox()) == 1
    deliver(store, {"chat": Notifier()})
    assert store.outbox() == []


def test_deliver_when_a_notice_comes_at_the_very_end_then_it_stays(store, monkeypatch):
    raise_notices(store, "a")
    original, reads = type(store).outbox, []

    def outbox(self, limit=100, *, notifier=None):
        found = original(self, limit, notifier=notifier)
        reads.append([notice.key for notice in found])
        if notifier is not None and len(reads) > 2 and found == []:  # the last look at the queue
            raise_notices(store, "late")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "outbox", outbox)
        deliver(store, {"mail": Notifier()})
    assert reads == [["a"], [], ["a"], []]
    assert [notice.key for notice in store.outbox()] == ["late"]


def test_deliver_when_there_is_no_notifier_then_notices_stay(store):
    raise_notices(store, "a")
    assert deliver(store, {}) == Delivery(sent={})
    assert len(store.outbox()) == 1


@pytest.mark.parametrize("method", ["outbox", "lease_notice", "delivered"])
def test_deliver_when_the_store_is_away_then_nothing_is_raised_and_it_goes_on_later(store, monkeypatch, caplog, method):
    raise_notices(store, "a")

    def away(*_, **__):
        raise StoreUnavailable("locked")

    mail = Notifier()
    with monkeypatch.context() as patched:
        patched.setattr(type(store), method, away)
        told = deliver(store, {"mail": mail}, retry_seconds=0)
    assert told.trouble == "StoreUnavailable: locked"
    assert "the outbox cannot be worked off; StoreUnavailable: locked" in caplog.text
    deliver(store, {"mail": mail}, retry_seconds=0)
    # Sent, but not noted so: only then is it sent again.
    assert mail.sent == (["a", "a"] if method == "delivered" else ["a"])
    assert store.outbox() == []


def test_deliver_when_it_is_interrupted_then_the_interruption_is_not_swallowed(store):
    raise_notices(store, "a")
    with pytest.raises(KeyboardInterrupt):
        deliver(store, {"mail": Notifier(fails={"*": KeyboardInterrupt()})})


@pytest.fixture
def mail_server(smtp, trusted, monkeypatch):
    """An SMTP server that refuses every mail and repeats the password."""
    monkeypatch.setenv("OPTARB_SMTP_PASSWORD", PASSWORD)
    return smtp(certificate=trusted, password=PASSWORD, answers={"DATA": f"554 {PASSWORD}"})


@pytest.fixture
def web_server(web, monkeypatch):
    """A web server that misbehaves four times and repeats the address."""
    monkeypatch.setenv("OPTARB_WEBHOOK_URL", f"http://127.0.0.1:{web.port}/hooks/{TOKEN}")
    web.answers += [404, 302, 200, "close"]
    return web


def test_secrets_when_everything_misbehaves_then_in_no_log_no_report_and_no_stored_byte(
    tmp_path, web_server, mail_server, caplog, capfd
):
    caplog.set_level(logging.DEBUG)
    mail = EmailNotifier(host="localhost", port=mail_server.port, sender="a@b.c", recipients=("d@e.f",), user="desk")
    notifiers = {"log": LogNotifier(), "hook": WebhookNotifier(kind="slack"), "mail": mail}
    store = SqlStore(url=f"sqlite:///{tmp_path / 'books.db'}").trading
    raise_notices(store, *"abcdef")
    told = [deliver(store, notifiers, retry_seconds=0) for _ in range(2)]
    store.close()
    assert [one.sent["log"] for one in told] == [6, 0]
    assert sum(one.sent["hook"] for one in told) == 6
    assert sorted(told[0].failed) == ["hook", "mail"]
    seen = f"{told} {notifiers} {caplog.text} {capfd.readouterr()}".encode()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("books.db*"))
    assert b"Naked short options" in stored
    assert "AUTH" in mail_server.commands
    assert TOKEN in web_server.requests[0][0]
    for secret in (TOKEN, PASSWORD):
        assert secret.encode() not in seen + stored
