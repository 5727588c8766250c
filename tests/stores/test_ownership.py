"""Whether an owner can still be alive."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import optarb
from optarb.stores._ownership import is_outlived, is_running, process_owner, process_start, this_host

OLDER = "01890a5d-ac96-774b-bcce-b302099a8057"  # version 7: the first 48 bits are 0x01890a5dac96 ms
NEWER = "01890a5d-ac97-7000-8000-000000000000"  # one millisecond later
RANDOM = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"  # version 4


def judged(owner, claimant="somebody", *, leased=True, start="500"):
    return is_running(owner, claimant=claimant, leased=leased, host="here", start_of=lambda pid: start)


@pytest.mark.parametrize("owner", ["somebody else", "pid:here:7:500:x", f"temporal:wf:{OLDER}", "pid", "pid:here", ""])
def test_is_running_when_lease_decides_then_as_the_lease(owner):
    assert judged(owner)
    assert not judged(owner, leased=False)


@pytest.mark.parametrize(
    ("owner", "start", "running"),
    [
        ("pid:here:7:500:x", "500", True),
        ("pid:here:7:500", "500", True),
        ("pid:here:7:500:x", None, False),  # no such process
        ("pid:here:7:500:x", "501", False),  # the pid was given to another process
        ("pid:here:7:500:x", "", True),  # nobody can tell
        ("pid:here:7::x", "501", True),  # nobody could tell when it was written
        ("pid:there:7:500:x", None, True),  # another machine's processes are not seen from here
        ("pid:here:seven:500:x", None, True),
    ],
)
def test_is_running_when_process_then_only_proof_counts(owner, start, running):
    assert judged(owner, start=start) is running


@pytest.mark.parametrize(
    ("owner", "claimant", "running"),
    [
        (f"temporal:wf:{OLDER}", f"temporal:wf:{NEWER}", False),
        (f"temporal:wf:{NEWER}", f"temporal:wf:{OLDER}", True),  # a late claim of the older run
        (f"temporal:wf:{RANDOM}", f"temporal:wf:{NEWER}", False),
        (f"temporal:wf:{OLDER}", f"temporal:other:{NEWER}", True),
        (f"temporal:a:b:{OLDER}", f"temporal:a:b:{NEWER}", False),
        (f"temporal:a:b:{OLDER}", f"temporal:a:c:{NEWER}", True),
        (f"temporal:wf:{OLDER}", "pid:here:7:500:x", True),
    ],
)
def test_is_running_when_workflow_then_newer_run_takes_over(owner, claimant, running):
    assert judged(owner, claimant) is running


@pytest.mark.parametrize(
    ("claimant", "owner", "outlived"),
    [
        (f"temporal:wf:{OLDER}", f"temporal:wf:{NEWER}", True),
        (f"temporal:wf:{NEWER}", f"temporal:wf:{OLDER}", False),
        (f"temporal:wf:{OLDER}", f"temporal:wf:{OLDER}", False),
        (f"temporal:wf:{OLDER}", f"temporal:other:{NEWER}", False),
        (f"temporal:wf:{RANDOM}", f"temporal:wf:{NEWER}", False),
        (f"temporal:wf:{OLDER}", "pid:here:7:500:x", False),
    ],
)
def test_is_outlived_when_a_newer_run_of_the_workflow_owns_the_book_then_only_its_age_proves_it(claimant, owner, outlived):
    assert is_outlived(claimant, owner) is outlived


def test_claim_when_it_comes_after_a_newer_run_finished_then_superseded_and_nothing_is_cleared(tmp_path):
    store = optarb.SqlStore(url=f"sqlite:///{tmp_path}/books.db")

    def claim(run):
        return store.claim("b", owner=f"temporal:wf:{run}", identity="same", documents={}, lease_seconds=60, replace=True)

    store.finish("b", claim(NEWER).epoch, "finished")
    with pytest.raises(optarb.Superseded, match="newer run"):
        claim(OLDER)
    assert (store.book("b").status, store.book("b").epoch) == ("finished", 1)
    store.close()


def test_process_owner_when_asked_twice_then_two_runs_of_one_living_process():
    first, second = process_owner(), process_owner()
    assert first != second
    assert first.rpartition(":")[0] == second.rpartition(":")[0]
    assert first.startswith(f"pid:{this_host()}:{os.getpid()}:")
    assert is_running(first, claimant=second, leased=True)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_process_start_when_exited_then_none_even_before_it_is_reaped():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_start(child.pid).isdecimal()
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert process_start(child.pid) is None
    child.wait()
    assert process_start(child.pid) is None


def test_process_start_when_there_is_no_proc_then_untold_or_gone(monkeypatch, tmp_path):
    monkeypatch.setattr("optarb.stores._ownership._PROC", tmp_path)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_start(child.pid) == ""
    assert ":" not in this_host()
    child.communicate()
    assert process_start(child.pid) is None
