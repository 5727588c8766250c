from __future__ import annotations

import threading

import pytest

import optarb
from optarb.backtesting import once
from optarb.backtesting.once import OnceCalls


@pytest.fixture
def desk(make_desk, tmp_path):
    with make_desk(store=optarb.SqlStore(url=f"sqlite:///{tmp_path}/books.db")) as made:
        yield made


def must_not_be_called():
    raise AssertionError("the reply is stored")


def test_call_when_repeated_then_made_once_and_the_reply_is_the_stored_one(desk, make_spec, claimed):
    calls = OnceCalls(claimed(desk, make_spec()), "2024-06-03/SPX/one")
    assert calls.call("prompt", lambda: b"\x00buy\xff") == b"\x00buy\xff"
    assert calls.call("prompt", must_not_be_called) == b"\x00buy\xff"
    assert calls.call("prompt 2", lambda: b"") == b""
    assert calls.call("prompt 2", must_not_be_called) == b""


@pytest.mark.parametrize("scope", ["2024-06-04/SPX/one", "2024-06-03/SPY/one", "2024-06-03/SPX/two"])
def test_call_when_session_underlying_or_expert_differ_then_a_call_of_its_own(desk, make_spec, claimed, scope):
    context = claimed(desk, make_spec())
    OnceCalls(context, "2024-06-03/SPX/one").call("prompt", lambda: b"first")
    assert OnceCalls(context, scope).call("prompt", lambda: b"second") == b"second"


def test_call_when_another_book_then_a_call_of_its_own(desk, make_spec, claimed):
    OnceCalls(claimed(desk, make_spec(), "a"), "scope").call("prompt", lambda: b"first")
    assert OnceCalls(claimed(desk, make_spec(), "b"), "scope").call("prompt", lambda: b"second") == b"second"


def test_call_when_the_run_is_resumed_then_the_stored_reply_is_used(desk, make_spec, claimed):
    first = claimed(desk, make_spec(), owner="first")
    OnceCalls(first, "scope").call("prompt", lambda: b"reply")
    desk.store.finish("book", first.epoch, "cancelled")

    resumed = claimed(desk, make_spec(), owner="second")
    assert resumed.epoch == first.epoch + 1
    assert OnceCalls(resumed, "scope").call("prompt", must_not_be_called) == b"reply"


def test_call_when_several_ask_at_once_then_one_call_and_one_reply(desk, make_spec, claimed):
    context = claimed(desk, make_spec())
    begun, go_on = threading.Event(), threading.Event()
    calls, replies = [], []

    def make():
        calls.append(threading.get_ident())
        begun.set()
        assert go_on.wait(30)
        return b"reply %d" % len(calls)

    def ask():
        replies.append(OnceCalls(context, "scope").call("prompt", make))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    threads[0].start()
    assert begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert replies == [b"reply 1"] * 4
    assert len(calls) == 1


@pytest.mark.parametrize("reply", ["text", None, 3, bytearray(b"x"), memoryview(b"x")])
def test_call_when_it_returns_no_bytes_then_key_and_type_are_named_and_nothing_is_stored(desk, make_spec, claimed, reply):
    context = claimed(desk, make_spec())
    with pytest.raises(optarb.ComponentError, match=rf"view\.once\('prompt'\).*bytes, got {type(reply).__name__}"):
        OnceCalls(context, "scope").call("prompt", lambda: reply)
    assert desk.store.reply("book", "scope/prompt") is None


def test_call_when_the_book_was_claimed_anew_then_its_reply_is_not_stored(desk, make_spec, claimed):
    stale = claimed(desk, make_spec(), owner="first")
    desk.store.finish("book", stale.epoch, "cancelled")
    claimed(desk, make_spec(), owner="second")
    with pytest.raises(optarb.Superseded):
        OnceCalls(stale, "scope").call("prompt", lambda: b"late")
    assert desk.store.reply("book", "scope/prompt") is None


def test_call_when_a_caller_died_then_made_again_once_its_lease_is_over(desk, make_spec, claimed):
    context = claimed(desk, make_spec())
    assert desk.store.lease_reply("book", "scope/prompt", "a caller that died", 0.3)
    assert OnceCalls(context, "scope").call("prompt", lambda: b"reply") == b"reply"


def test_call_when_it_takes_long_then_its_lease_is_renewed(desk, make_spec, claimed, monkeypatch):
    monkeypatch.setattr(once, "_LEASE_SECONDS", 1.0)
    context = claimed(desk, make_spec())
    asked, renewed_twice = [], threading.Event()
    lease = optarb.SqlStore.lease_reply

    def noted(store, *what):
        asked.append((what, lease(store, *what)))
        if len(asked) == 3:
            renewed_twice.set()
        return asked[-1][1]

    monkeypatch.setattr(optarb.SqlStore, "lease_reply", noted)

    def makes() -> bytes:
        assert renewed_twice.wait(30)
        return b"reply"

    assert OnceCalls(context, "scope").call("prompt", makes) == b"reply"
    assert asked[0] == asked[1] == asked[2]  # one owner, one key, granted each time


def test_call_when_making_it_fails_then_the_next_try_need_not_wait(desk, make_spec, claimed):
    context = claimed(desk, make_spec())

    def fails():
        raise optarb.TransientError("busy")

    with pytest.raises(optarb.TransientError):
        OnceCalls(context, "scope").call("prompt", fails)
    assert desk.store.lease_reply("book", "scope/prompt", "somebody else", 30.0)
