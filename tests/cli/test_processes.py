"""Telling processes apart."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from optarb.cli import _processes
from optarb.cli._processes import ProcessMark


@pytest.fixture
def sleeper():
    """A process that lives until the test ends it."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_mark_when_process_lives_then_alive_until_it_ends(sleeper):
    mark = ProcessMark.of(sleeper.pid)

    assert mark.is_alive
    assert mark.signal(signal.SIGKILL)
    assert sleeper.wait(timeout=30) == -signal.SIGKILL
    assert not mark.is_alive
    assert not mark.signal(signal.SIGKILL)


def test_mark_when_process_has_ended_and_nobody_looked_yet_then_not_alive(sleeper):
    mark = ProcessMark.of(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now

    assert not mark.is_alive


@pytest.mark.parametrize("other", [{"started": "1"}, {"host": "elsewhere"}, {"started": ""}])
def test_mark_when_another_process_has_the_pid_by_now_then_never_signalled(sleeper, other):
    mark = dataclasses.replace(ProcessMark.of(sleeper.pid), **other)

    assert not mark.is_alive
    assert not mark.signal(signal.SIGKILL)
    assert sleeper.poll() is None


def test_mark_when_the_system_has_no_proc_then_ps_tells(sleeper, monkeypatch):
    asked = []

    def ps(words, **_):
        asked.append(words)
        return SimpleNamespace(stdout="Mon Jun  3 12:00:00 2024\n" if str(sleeper.pid) in words else "")

    monkeypatch.setattr(_processes, "process_start", lambda pid: "")
    monkeypatch.setattr(_processes.subprocess, "run", ps)

    assert ProcessMark.of(sleeper.pid).started == "Mon Jun  3 12:00:00 2024"
    assert ProcessMark.of(sleeper.pid).is_alive
    assert not dataclasses.replace(ProcessMark.of(sleeper.pid), started="Mon Jun  3 11:59:59 2024").is_alive
    assert not ProcessMark.of(1).is_alive
    assert asked[0] == ["/bin/ps", "-o", "lstart=", "-p", str(sleeper.pid)]
