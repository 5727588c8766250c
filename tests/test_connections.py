"""The registry of opened resources."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from optarb import _connections


class Resource:
    def __init__(self):
        self.closed = 0

    def close(self):
        self.closed += 1


@pytest.fixture
def key(request):
    key = (Resource, request.node.nodeid)
    yield key
    _connections.close(key)


def test_opened_when_asked_again_then_the_same(key):
    first = _connections.opened(key, Resource)
    assert _connections.opened(key, Resource) is first
    other = _connections.opened((*key, "other"), Resource)
    assert other is not first
    _connections.close((*key, "other"))
    assert (first.closed, other.closed) == (0, 1)


def test_opened_when_threads_race_then_opened_once(key):
    barrier, made = threading.Barrier(8), []

    def opener():
        made.append(Resource())
        return made[-1]

    def ask(_):
        barrier.wait()
        return _connections.opened(key, opener)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(ask, range(8)))
    assert found == set(made)
    assert len(made) == 1


def test_opened_when_opening_is_slow_then_other_keys_do_not_wait(key):
    started, release = threading.Event(), threading.Event()

    def slow():
        started.set()
        assert release.wait(60)
        return Resource()

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(_connections.opened, key, slow)
        assert started.wait(60)
        _connections.opened((*key, "other"), Resource)
        release.set()
        pending.result()
    _connections.close((*key, "other"))


def test_opened_when_opening_fails_then_the_next_caller_tries_again(key):
    def fail():
        raise OSError("not yet")

    with pytest.raises(OSError, match="not yet"):
        _connections.opened(key, fail)
    assert isinstance(_connections.opened(key, Resource), Resource)


def test_close_when_open_then_closed_once_and_opened_anew(key):
    first = _connections.opened(key, Resource)
    _connections.close(key)
    _connections.close(key)
    assert first.closed == 1
    assert _connections.opened(key, Resource) is not first


def test_close_when_another_is_opening_then_nothing_is_left_behind(key):
    started, release, made = threading.Event(), threading.Event(), []

    def slow():
        made.append(Resource())
        started.set()
        assert release.wait(60)
        return made[-1]

    with ThreadPoolExecutor(2) as pool:
        pending = pool.submit(_connections.opened, key, slow)
        assert started.wait(60)
        closing = pool.submit(_connections.close, key)
        release.set()
        pending.result()
        closing.result()
    assert [resource.closed for resource in made] == [1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_opened_when_forked_then_the_child_opens_its_own_and_leaves_the_parents_alone(key):
    mine = _connections.opened(key, Resource)
    with _connections._REGISTRY.lock:  # as if another thread held it at the moment of the fork
        child = os.fork()
        if child == 0:
            own = _connections.opened(key, Resource)
            _connections._REGISTRY.retire_all()
            os._exit(0 if own is not mine and (own.closed, mine.closed) == (1, 0) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _connections.opened(key, Resource) is mine
