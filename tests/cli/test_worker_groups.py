"""``optarb worker start, stop, status, logs``: real processes on a real server."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from optarb.cli._processes import ProcessMark
from optarb.cli._supervisor import main as start_supervisor
from optarb.cli._worker_groups import (
    GroupSettings,
    GroupState,
    WorkerState,
    find_groups,
    group_folder,
    read_state,
    write_state,
)
from optarb.cli.desks import load_desk
from optarb.cli.exit_codes import ExitCode
from optarb.errors import ConfigurationError, UnknownName

# Never comes to listen, and does not heed SIGTERM.
STUBBORN_DESK = """
import signal
import sys
from pathlib import Path

signal.signal(signal.SIGTERM, signal.SIG_IGN)
(Path(__file__).parent / "arrived").touch()
signal.pause()
"""
# Several processes start in these tests, and machines that run them may be busy.
pytestmark = pytest.mark.timeout(300)


def status(run, *words):
    done = run("worker", "status", "--json", *words)
    return done.exit_code, json.loads(done.stdout)["groups"]


def test_workers_when_started_in_two_groups_then_each_is_told_of_and_stopped_by_name(
    *, run, command, home, queue, until, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("PRINTS", "1")
    started = command("pair", "-n", 2)
    command("single")

    assert started.stdout.startswith(f"workers 'pair' listen on task queue '{queue}': 2 processes (")
    code, groups = status(run)
    assert code == 0
    assert [(one["name"], one["state"], len(one["workers"])) for one in groups] == [
        ("pair", "running", 2),
        ("single", "running", 1),
    ]
    pids = [worker["pid"] for one in groups for worker in one["workers"]]
    for group in groups:
        assert (group["desk"], group["task_queue"], group["server_error"]) == ("light_desk:desk", queue, None)
        for worker in group["workers"]:
            assert (worker["state"], worker["alive"], worker["restarts"]) == ("working", True, 0)
    # The server hears of all three by their pids, whichever group they belong to.
    heard = until(lambda: {one["identity"].partition("@")[0] for one in status(run)[1][0]["pollers"]} >= set(map(str, pids)))
    assert heard
    assert all(worker["polls"] for one in status(run)[1] for worker in one["workers"])

    again = run("worker", "start", "light_desk:desk", "--name", "pair")
    assert again.exit_code == ExitCode.CONFLICT
    assert "optarb worker stop --name pair" in again.stderr

    stopped = run("worker", "stop", "--name", "pair")
    assert (stopped.exit_code, stopped.stdout) == (0, "workers 'pair' have stopped\n")
    code, groups = status(run)
    assert code == 0  # a group that was stopped is as it should be
    assert [(one["name"], one["state"]) for one in groups] == [("pair", "stopped"), ("single", "running")]
    assert [worker["alive"] for worker in groups[1]["workers"]] == [True]
    assert run("worker", "stop", "--name", "pair").stdout == "workers 'pair' do not run\n"
    assert [one["name"] for one in status(run, "--name", "single")[1]] == ["single"]

    text = run("worker", "status", "--name", "single").stdout
    assert str(pids[2]) in text
    assert text.splitlines()[0] == "single  running"
    logs = run("worker", "logs", "--name", "pair").stdout
    assert logs.count("the module says hello") == 2
    assert "0: " in logs.splitlines()[0]
    assert "supervising 2 workers" in logs
    assert f"working on task queue '{queue}'" in run("worker", "logs", "--name", "single", "--worker", 1, "-n", 1).stdout

    files = [file for file in (home / "home").rglob("*") if file.is_file()]
    assert len(files) >= 2 * 3
    assert not any(b"sk-very-secret" in file.read_bytes() for file in files)
    assert stat.S_IMODE(group_folder("pair").stat().st_mode) == 0o700


def test_worker_when_killed_then_started_again_and_when_its_supervisor_is_killed_then_it_ends(run, command, home, until):
    command("one")
    first = status(run)[1][0]["workers"][0]["pid"]

    os.kill(first, signal.SIGKILL)

    def restarted():
        worker = read_state(group_folder("one")).workers[0]
        return worker.state == "working" and worker.restarts == 1 and worker

    second = until(restarted)
    assert second.process.pid != first
    assert second.last_exit == -signal.SIGKILL
    code, groups = status(run)
    assert code == 0
    assert (groups[0]["workers"][0]["restarts"], groups[0]["workers"][0]["last_exit"]) == (1, -9)
    assert f"worker 1 (pid {first}) ended with -9" in run("worker", "logs", "--name", "one", "--worker", 0).stdout

    supervisor = read_state(group_folder("one")).supervisor
    assert supervisor.signal(signal.SIGKILL)

    until(lambda: not second.process.is_alive)
    code, groups = status(run)
    assert code == ExitCode.FAILED
    assert (groups[0]["state"], groups[0]["supervisor_pid"]) == ("dead", None)
    assert groups[0]["workers"][0]["alive"] is False
    assert "the supervisor was killed" in run("worker", "status").stdout


def test_stop_when_an_activity_runs_then_it_is_waited_for(*, run, home, command, queue, backtest_at_work, until):
    command("holding")
    with backtest_at_work():
        worker = read_state(group_folder("holding")).workers[0].process
        words = [sys.executable, "-m", "optarb.cli", "worker", "stop", "--name", "holding", "--timeout", "200"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as stopping:
            log = group_folder("holding") / "worker-1.log"
            until(lambda: "stopping: no new work is taken" in log.read_text())
            assert worker.is_alive
            assert not load_desk("light_desk:desk").store.done(queue, "signals")

            (home / "hold").unlink()

            said, _ = stopping.communicate(timeout=200)
        assert (stopping.returncode, said) == (0, "workers 'holding' have stopped\n")
        assert not worker.is_alive
        # What it was at is committed, and need not be done again.
        assert load_desk("light_desk:desk").store.done(queue, "signals")


def test_stop_when_a_worker_takes_too_long_then_killed_and_said(run, home, until):
    (home / "stubborn_desk.py").write_text(STUBBORN_DESK)
    folder = group_folder("stubborn")
    folder.mkdir(parents=True)
    words = dataclasses.asdict(settings("stubborn", directory=str(home), desk="stubborn_desk:desk"))
    subprocess.run([sys.executable, "-m", "optarb.cli._supervisor", str(folder), json.dumps(words)], check=True)
    until((home / "arrived").exists)
    worker = read_state(folder).workers[0].process

    done = run("worker", "stop", "--name", "stubborn", "--timeout", "0.1")

    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "workers 'stubborn' have stopped",
        f"had to kill 1 process ({worker.pid}): not done in 0.1 s",
    ]
    assert not worker.is_alive
    assert not read_state(folder).is_alive


def test_start_when_no_server_answers_then_the_workers_own_words_and_nothing_left(run, home, nowhere):
    done = run("worker", "start", "light_desk:desk", "--name", "lost", "--address", nowhere)

    assert (done.exit_code, done.stdout) == (ExitCode.FAILED, "")
    assert "worker 1 ended before it listened: error: ServerUnavailable: no Temporal server answers at" in done.stderr
    assert not read_state(group_folder("lost")).is_alive


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("start", "no_such_desk:desk"), ExitCode.USAGE, "no module 'no_such_desk'"),
        (("start", "lite_desk:desk"), ExitCode.USAGE, "did you mean 'light_desk'?"),
        (("start", "my_desk:in_memory"), ExitCode.USAGE, "live and end with the process"),
        (("start", "light_desk:desk", "--name", "../up"), ExitCode.USAGE, "a group of workers is named by letters"),
        (("start", "light_desk:desk", "-n", 0), ExitCode.USAGE, "--count"),
        (("stop", "--name", "nobody"), ExitCode.NOT_FOUND, "unknown group of workers 'nobody'; known: none"),
        (("status", "--name", "nobody"), ExitCode.NOT_FOUND, "unknown group of workers"),
        (("logs", "--name", "nobody"), ExitCode.NOT_FOUND, "unknown group of workers"),
    ],
)
def test_worker_command_when_wrong_then_one_line_and_nothing_started(run, home, words, code, said):
    done = run("worker", *words)

    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr
    assert not (home / "home").exists()


def test_status_when_nothing_was_started_then_says_so(run, home):
    assert run("worker", "status").stdout.startswith("no workers have been started here")
    assert status(run) == (0, [])


def test_group_folder_when_no_variable_then_in_the_current_folder(folder, monkeypatch):
    monkeypatch.delenv("OPTARB_HOME", raising=False)

    assert group_folder("cpu") == folder / ".optarb" / "workers" / "cpu"


def settings(name="faked", directory=".", desk="light_desk:desk"):
    return GroupSettings(name=name, desk=desk, count=1, task_queue="q", address="127.0.0.1:1", directory=directory)


def faked(process, started):
    """What a supervisor left behind whose pids belong to another process by now."""
    mark = ProcessMark(pid=process.pid, host=ProcessMark.of(process.pid).host, started=started)
    worker = WorkerState(
        number=1, state="working", process=mark, started_at="2024-06-03T12:00:00+00:00", restarts=0, last_exit=None
    )
    state = GroupState(
        settings=settings(), supervisor=mark, started_at="2024-06-03T12:00:00+00:00", stopped_at=None, workers=(worker,)
    )
    group_folder("faked").mkdir(parents=True)
    write_state(group_folder("faked"), state)
    return state


def test_stop_when_the_pids_were_given_to_another_process_then_it_is_left_alone(run, home):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        try:
            assert read_state(group_folder("faked")) is None
            faked(stranger, started="1")

            code, groups = status(run)
            stopped = run("worker", "stop", "--name", "faked")

            assert (code, groups[0]["state"], groups[0]["workers"][0]["alive"]) == (ExitCode.FAILED, "dead", False)
            assert stopped.stdout == "workers 'faked' do not run\n"
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_state_when_written_then_read_back_the_same(home):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        state = faked(process, started="1")
        process.kill()

    assert read_state(group_folder("faked")) == state
    assert find_groups("faked") == [state]
    with pytest.raises(UnknownName, match="did you mean 'faked'"):
        find_groups("fake")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"workers": 1}', '{"settings": {}, "workers": [], "supervisor": {}}'])
def test_state_when_file_is_damaged_then_as_if_there_were_none(home, text):
    group_folder("damaged").mkdir(parents=True)
    (group_folder("damaged") / "supervisor.json").write_text(text)

    assert read_state(group_folder("damaged")) is None
    assert find_groups() == []


def test_supervisor_when_the_group_has_one_then_refused(home):
    import fcntl

    folder = group_folder("faked")
    folder.mkdir(parents=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert start_supervisor(folder, settings()) == ExitCode.CONFLICT


def test_settings_when_name_could_leave_the_folder_then_refused():
    with pytest.raises(ConfigurationError, match="named by letters"):
        settings(name="..")
